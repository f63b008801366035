// Books: what the system calls of a thread change in what is known of it: open descriptors, the
// working directory, mappings, temporary names, ports. Reads registers and copied memory only; how
// a call is told is not its business.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/call_return.h"
#include "trace/lineage.h"
#include "trace/names.h"

namespace tc::trace {

class Books {
 public:
  Books(Lineage& lineage, Names& names) : lineage_(lineage), names_(names) {}

  // `number` is the x86-64 number of the call of this name, also for an i386 call. before() learns
  // what has to be known when the call is told; after() enters what it has changed.
  void before(Thread& thread, std::uint32_t number, const sys::CallReturn& call);
  void after(Thread& thread, std::uint32_t number, const sys::CallReturn& call);

  // Was the port asked for by a bind(2) of one of the processes?
  bool is_bound(std::uint16_t port) const { return bound_.test(port); }

  // A string argument; nothing when not all of it was copied.
  static std::optional<std::string_view> string_argument(const sys::CallReturn& call,
                                                         std::size_t argument);
  // Where a path argument leads: behind the descriptor `directory` (AT_FDCWD: the working
  // directory). Empty when that is not known.
  static std::string absolute(const Thread& thread, std::int64_t directory, std::string_view path);

 private:
  void create(Thread& thread, std::int64_t directory, std::string_view path, bool is_directory,
              std::uint64_t flags, std::uint64_t mode);
  void opened(Thread& thread, const sys::CallReturn& call, std::int64_t directory, std::size_t path,
              std::uint64_t flags);
  void made_descriptor(Thread& thread, std::uint32_t number, const sys::CallReturn& call);
  void copied_descriptor(Thread& thread, std::uint32_t number, const sys::CallReturn& call);
  void closed(Thread& thread, std::uint32_t number, const sys::CallReturn& call);
  void made_pair(Thread& thread, const sys::CallReturn& call, std::string_view what,
                 std::size_t argument, std::uint64_t flags);
  void received(Thread& thread, const sys::CallReturn& call);
  void changed_directory(Thread& thread, std::uint32_t number, const sys::CallReturn& call);
  void unshared(Thread& thread, std::uint64_t flags);
  void changed_memory(Thread& thread, std::uint32_t number, const sys::CallReturn& call);

  Lineage& lineage_;
  Names& names_;
  std::bitset<1U << 16U> bound_;
};

}  // namespace tc::trace
