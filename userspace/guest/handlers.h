// Handlers: which calls are handled, and by what. A call without a handler passes through to the
// kernel untouched.
//
//   Handlers handlers;
//   handlers.on<sys::call::uname>(pretend_host);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "guest/guest.h"
#include "guest/handler.h"
#include "sys/calls.h"
#include "sys/selection.h"

namespace tc::guest {

class Handlers {
 public:
  // The one handler of T from now on. What `handle` refers to must outlive every run.
  template <sys::TypedCall T>
  void on(std::function<Handler(T, Guest&)> handle) {
    at(sys::Call<T>::kNumber) = [handle = std::move(handle)](const sys::Registers& registers,
                                                             Guest& guest) {
      return handle(sys::from_registers<T>(registers), guest);
    };
  }

  // The handler of this very call, not started yet; nothing when it passes through. The guest must
  // outlive it.
  std::optional<Handler> handle(std::uint64_t number, const sys::Registers& registers,
                                Guest& guest) const;

  bool has(std::uint64_t number) const {
    return number < handlers_.size() && handlers_[number] != nullptr;
  }
  // The calls that have one: those that must stop.
  sys::CallSelection calls() const;

 private:
  using Handle = std::function<Handler(const sys::Registers&, Guest&)>;
  Handle& at(std::uint32_t number) {
    if (handlers_.size() <= number) handlers_.resize(number + 1);
    return handlers_[number];
  }

  std::vector<Handle> handlers_;  // by number; empty ones pass
};

}  // namespace tc::guest
