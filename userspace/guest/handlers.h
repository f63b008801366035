// Handlers: which calls are handled, and by what. A call without a handler passes through to the
// kernel untouched.
//
//   Handlers handlers;
//   handlers.on<sys::call::uname>(pretend_host);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

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
    handlers_[sys::Call<T>::kNumber] = [handle = std::move(handle)](const sys::Registers& registers,
                                                                    Guest& guest) {
      return handle(sys::from_registers<T>(registers), guest);
    };
  }

  // The handler of this very call, not started yet; nothing when it passes through. The guest must
  // outlive it.
  std::optional<Handler> handle(std::uint64_t number, const sys::Registers& registers,
                                Guest& guest) const;

  // The calls that have one: those that must stop.
  sys::CallSelection calls() const;

 private:
  std::map<std::uint64_t, std::function<Handler(const sys::Registers&, Guest&)>> handlers_;
};

}  // namespace tc::guest
