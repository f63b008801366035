// Any bytes as a stream, as a document and as a value: nothing crashes, findings do not depend on
// chunks, and what append_bytes() writes is canonical.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"
#include "json/text.h"
#include "json/validator.h"

namespace {

using tc::json::Finding;
using tc::json::StreamValidator;

// Small, so that the fuzzer meets it.
constexpr std::size_t kLineLimit = 4096;

std::vector<std::string> findings_in(std::string_view stream, std::size_t chunk) {
  std::vector<std::string> findings;
  StreamValidator validator(
      [&](const Finding& finding) {
        findings.push_back(std::to_string(finding.line) + ":" + std::to_string(finding.column) +
                           " " + finding.id + " " + finding.text);
      },
      kLineLimit);
  // Each chunk has memory of its own: the sanitizer sees a read beyond it.
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    const std::string_view piece = stream.substr(at, chunk);
    const std::vector<char> bytes(piece.begin(), piece.end());
    validator.feed({bytes.data(), bytes.size()});
  }
  TC_ASSERT(validator.finish().findings == findings.size());
  return findings;
}

void check_bytes_validate(std::string_view bytes) {
  std::string record = "{\"event\":\"x\",\"path\":";
  tc::json::append_bytes(record, bytes);
  record += "}\n";
  if (record.size() > kLineLimit) return;
  const std::string start = "{\"event\":\"stream_start\",\"schema\":1}\n";
  const std::vector<std::string> findings = findings_in(start + record, record.size());
  // The stream has no end; that is the only thing to find.
  TC_ASSERT(findings.size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TC_ASSERT(findings_in(text, size) == findings_in(text, 1 + data[0] % 19U));
  if (auto document = tc::json::parse_document(text, "fuzz"); !document) {
    TC_ASSERT(document.error().text().starts_with("fuzz:"));
  }
  check_bytes_validate(text);
  return 0;
}
