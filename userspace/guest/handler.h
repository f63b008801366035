// Handler: what is to become of one system call, written as a straight line.
//
//   Handler answer(sys::call::uname call, Guest& guest) {
//     const std::int64_t result = co_await guest.inject(call);  // the kernel runs it now
//     if (result != 0) co_return result;
//     ...                                                       // rewrite what it answered
//     co_return 0;                                              // what the guest gets
//   }
//
// co_return without inject answers the call without the kernel; co_return pass() lets the kernel
// make it and does not look at what it returns, which costs half. co_await of a Wait lets others
// run until it is over (sandbox only). The call is taken by value, since the coroutine outlives its
// caller; never make a capturing lambda a handler, its captures do not. A Handler runs nothing by
// itself: whoever holds it drives it by start() and resume().
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "guest/wait.h"
#include "sys/calls.h"

namespace tc::guest {

// A call for the kernel to run in the guest's name.
struct RawCall {
  std::uint32_t number = 0;
  sys::Registers arguments{};
};

// What becomes of a call in the end.
struct Answer {
  enum class Kind : std::uint8_t {
    kValue,        // `value` is what it returns
    kPass,         // the kernel makes it, as `call` when that is set, else as it was made
    kInterrupted,  // a signal is about to act: `value` is -EINTR or one of the kernel's -ERESTART…
                   // (include/linux/errno.h), by which it decides between EINTR and another try
  };
  Kind kind = Kind::kValue;
  std::int64_t value = 0;
  std::optional<RawCall> call;

  // An answer is most often what the call returns.
  Answer(std::int64_t returned) : value(returned) {}  // NOLINT(google-explicit-constructor)
  Answer(Kind a_kind, std::int64_t a_value) : kind(a_kind), value(a_value) {}
};

inline Answer pass() { return {Answer::Kind::kPass, 0}; }
template <sys::TypedCall T>
Answer pass_as(const T& call) {
  Answer answer = pass();
  answer.call = RawCall{.number = sys::Call<T>::kNumber, .arguments = sys::to_registers(call)};
  return answer;
}

// Results by which the kernel decides, behind a signal, whether a call is made again.
inline constexpr std::int64_t kRestartSys =
    -512;  // when the handler has SA_RESTART, or there is none
inline constexpr std::int64_t kRestartNoHand = -514;  // when there is no handler
inline Answer interrupted(std::int64_t code) { return {Answer::Kind::kInterrupted, code}; }

class Injection;
class Waiting;

class [[nodiscard]] Handler {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the language names it
    Handler get_return_object() {
      return Handler(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(Answer value) { answer = value; }
    // Errors are values here; what throws all the same is a bug.
    [[noreturn]] static void unhandled_exception() { std::terminate(); }

    std::optional<RawCall> wanted;  // the injection it waits for
    std::int64_t result = 0;        // of the injection
    std::optional<Wait> wait;       // what it waits for
    Woken woken = Woken::kReady;
    Answer answer = 0;
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
  // Unless done(), it is either waiting or wants a call to be run.
  bool is_waiting() const { return frame_.promise().wait.has_value(); }
  const Wait& wait() const { return *frame_.promise().wait; }
  const RawCall& wanted() const { return *frame_.promise().wanted; }
  // Goes on with what wanted() returned.
  void resume(std::int64_t result) {
    frame_.promise().result = result;
    frame_.resume();
  }
  // Goes on after wait().
  void wake(Woken woken) {
    frame_.promise().woken = woken;
    frame_.resume();
  }
  bool done() const { return frame_.done(); }
  // What becomes of the guest's call, once done().
  const Answer& ending() const { return frame_.promise().answer; }
  // What it returns, when that is the ending.
  std::int64_t answer() const { return frame_.promise().answer.value; }

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

// What co_await takes for a wait: const Woken woken = co_await Waiting(wait).
class [[nodiscard]] Waiting {
 public:
  explicit Waiting(Wait wait) : wait_(std::move(wait)) {}

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<Handler::promise_type> frame) {
    promise_ = &frame.promise();
    promise_->wait = std::move(wait_);
  }
  Woken await_resume() const {
    promise_->wait.reset();
    return promise_->woken;
  }

 private:
  Wait wait_;
  Handler::promise_type* promise_ = nullptr;
};

}  // namespace tc::guest
