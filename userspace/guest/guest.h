// Guest: a tracee stopped at the entry of a system call, as a handler sees it. Abstract: ptrace/
// makes a live process one, tests make one of memory. A handler (handler.h) never touches
// ptrace(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/result.h"
#include "guest/events.h"
#include "guest/handler.h"
#include "sys/calls.h"

namespace tc::guest {

class Guest {
 public:
  virtual ~Guest() = default;

  virtual Task task() const = 0;

  // To be awaited in a handler: the guest makes the call, and what it returned is the value of the
  // expression, an errno negated. The handled call itself or any other, any number of times.
  template <sys::TypedCall T>
  static Injection inject(const T& call) {
    return Injection(sys::Call<T>::kNumber, sys::to_registers(call));
  }

  // Its memory. An error is the guest's own bad pointer, or its death; never a reason to stop.
  virtual Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) = 0;
  virtual Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) = 0;

  // What a typed pointer points to: guest.read(call.statbuf) is an abi::stat.
  template <class T>
  Result<T> read(const sys::RemotePointer<T>& pointer) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    TC_CHECK(read_memory(pointer.address, std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  template <class T>
  Result<void> write(const sys::RemotePointer<T>& pointer, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write_memory(pointer.address, std::as_bytes(std::span(&value, 1)));
  }
};

}  // namespace tc::guest
