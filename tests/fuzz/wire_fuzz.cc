// Fuzzes the decoder of binary records: whatever comes from the ring, decoding and formatting it
// must not read outside the record, and what is written must be canonical.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "event/decode.h"
#include "json/validator.h"
#include "output/formats.h"

namespace {

class Unnamed final : public tc::event::AddressNamer {
 public:
  tc::event::Frame name_return(std::uint32_t, std::uint64_t address) override {
    return {.address = address};
  }
  tc::event::Frame name_called(std::uint32_t, std::uint64_t address, std::uint64_t) override {
    return {.address = address};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> aligned(size / 8 + 1);
  std::memcpy(aligned.data(), data, size);
  auto* bytes = reinterpret_cast<std::byte*>(aligned.data());
  // The size is right by construction in the ring; let the fuzzer spend itself on the rest.
  if (size >= sizeof(tc_header))
    reinterpret_cast<tc_header*>(bytes)->size = static_cast<tc_u32>(size);
  const auto record = tc::event::WireRecord::parse({bytes, size});
  if (!record) return 0;
  Unnamed namer;
  tc::event::Record decoded;
  tc::event::decode(*record, namer, decoded);
  for (const tc::output::FormatRow& row : tc::output::formats()) {
    std::string line;
    row.make({})->append(decoded, line);
    if (line.find('\n') != line.size() - 1) std::abort();
    if (row.name != "ndjson") continue;
    tc::json::StreamValidator validator([](const tc::json::Finding& finding) {
      // The line stands alone here: the stream's own rules do not apply.
      if (finding.id != "stream-start" && finding.id != "truncated") std::abort();
    });
    validator.feed(line);
    validator.finish();
  }
  return 0;
}
