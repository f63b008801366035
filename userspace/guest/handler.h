// Handler: what is to become of one system call, written as a straight line.
//
//   Handler answer(sys::call::uname call, Guest& guest) {
//     const std::int64_t result = co_await guest.inject(call);  // the kernel runs it now
//     if (result != 0) co_return result;
//     ...                                                       // rewrite what it answered
//     co_return 0;                                              // what the guest gets
//   }
//
// co_return without inject answers the call without the kernel. The call is taken by value, since
// the coroutine outlives its caller; never make a capturing lambda a handler, its captures do not.
// A Handler runs nothing by itself: whoever holds it drives it by start() and resume().
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "sys/calls.h"

namespace tc::guest {

// A call for the kernel to run in the guest's name.
struct RawCall {
  std::uint32_t number = 0;
  sys::Registers arguments{};
};

class Injection;

class [[nodiscard]] Handler {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the language names it
    Handler get_return_object() {
      return Handler(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(std::int64_t value) { answer = value; }
    // Errors are values here; what throws all the same is a bug.
    [[noreturn]] static void unhandled_exception() { std::terminate(); }

    std::optional<RawCall> wanted;  // the injection it waits for
    std::int64_t result = 0;        // of the injection
    std::int64_t answer = 0;
  };

  Handler(Handler&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Handler& operator=(Handler&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Handler() {
    if (frame_) frame_.destroy();
  }

  // Runs to the first injection or to the end. To be called once.
  void start() { frame_.resume(); }
  // The call to run, until done().
  const RawCall& wanted() const { return *frame_.promise().wanted; }
  // Goes on with what wanted() returned.
  void resume(std::int64_t result) {
    frame_.promise().result = result;
    frame_.resume();
  }
  bool done() const { return frame_.done(); }
  // What the guest's call returns, once done().
  std::int64_t answer() const { return frame_.promise().answer; }

 private:
  explicit Handler(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

// What co_await takes; made by Guest::inject().
class [[nodiscard]] Injection {
 public:
  Injection(std::uint32_t number, const sys::Registers& arguments)
      : call_{.number = number, .arguments = arguments} {}

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<Handler::promise_type> frame) {
    promise_ = &frame.promise();
    promise_->wanted = call_;
  }
  std::int64_t await_resume() const {
    promise_->wanted.reset();
    return promise_->result;
  }

 private:
  RawCall call_;
  Handler::promise_type* promise_ = nullptr;
};

}  // namespace tc::guest
