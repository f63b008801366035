#include "probe/argv_assembler.h"

#include <cstring>
#include <utility>

namespace tc::probe {

void ArgvAssembler::keep(const event::WireRecord& chunk) {
  const auto& piece = chunk.as<tc_argv_chunk>();
  pieces_[chunk.header().tid][piece.position] = chunk.text(piece.bytes);
}

event::WireRecord ArgvAssembler::complete(const event::WireRecord& exec) {
  const auto found = pieces_.find(exec.header().tid);
  if (found == pieces_.end()) return exec;
  const std::map<std::uint64_t, std::string> pieces = std::move(found->second);
  pieces_.erase(found);

  const auto& wire = exec.as<tc_process_exec>();
  std::string argv(exec.text(wire.argv));
  std::uint64_t missing = wire.argv_missing.value;
  for (const auto& [position, bytes] : pieces) {
    // A piece lost on the way ends the argv: what lies behind a hole has no place.
    if (position != argv.size()) break;
    argv += bytes;
    missing -= std::min<std::uint64_t>(missing, bytes.size());
  }

  // The record again, with the whole argv behind everything else.
  const std::size_t size = exec.bytes().size() + argv.size();
  whole_.assign((size + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t), 0);
  auto* bytes = reinterpret_cast<std::byte*>(whole_.data());
  std::memcpy(bytes, exec.bytes().data(), exec.bytes().size());
  std::memcpy(bytes + exec.bytes().size(), argv.data(), argv.size());
  auto* copy = reinterpret_cast<tc_process_exec*>(bytes);
  copy->header.size = static_cast<tc_u32>(size);
  copy->argv = {.offset = static_cast<tc_u32>(exec.bytes().size()),
                .length = static_cast<tc_u32>(argv.size())};
  copy->argv_missing.value = missing;
  auto record = event::WireRecord::parse({bytes, size});
  TC_ASSERT(record.ok());
  return *record;
}

}  // namespace tc::probe
