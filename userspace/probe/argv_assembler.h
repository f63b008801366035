// An argv longer than one record comes in pieces (argv_chunk) before its process_exec: this puts
// them together into one record again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "event/wire.h"

namespace tc::probe {

class ArgvAssembler {
 public:
  // Keeps the piece until its process_exec comes.
  void keep(const event::WireRecord& chunk);

  // The process_exec with all of its argv. Equals `exec` when there are no pieces; else it views
  // memory of this object, valid until the next call.
  event::WireRecord complete(const event::WireRecord& exec);

 private:
  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::string>> pieces_;  // by tid
  std::vector<std::uint64_t> whole_;
};

}  // namespace tc::probe
