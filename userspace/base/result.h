// Result<T>: a value, or the Error that explains why there is none.
//
//   Result<UniqueFd> fd = open_file(path);
//   if (!fd) return fd.error();
//   TC_TRY(const std::string text, read_file(path));   // the same in one line
//
// For failures a caller has to expect: a missing file, a dead process, malformed input. Own bugs
// go to TC_ASSERT. The spelling follows std::expected, which the toolchain does not have yet.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace tc::base {

// What failed, in words a user can act on: the operation, the object, and where known a way on.
class [[nodiscard]] Error {
 public:
  explicit Error(std::string text, int code = 0) : text_(std::move(text)), code_(code) {}

  const std::string& text() const { return text_; }
  // The errno behind it, or 0 when no system call failed.
  int code() const { return code_; }

  // The same error seen from further out: "while ATTACHING: TEXT".
  Error while_doing(const std::string& what) const { return Error(what + ": " + text_, code_); }

 private:
  std::string text_;
  int code_;
};

template <class... Args>
Error error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(fmt::format(format, std::forward<Args>(args)...));
}

// "open /x: No such file or directory" from the errno given.
Error system_error(int code, const std::string& operation_and_object);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Result(Error failure) : state_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error failure) : failure_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !failure_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *failure_; }

 private:
  std::optional<Error> failure_;
};

// Stops the program with file and line: for broken invariants of our own, never for input.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tc::base

namespace tc {
using base::Error;
using base::error;
using base::Result;
using base::system_error;
}  // namespace tc

#define TC_CONCAT_INNER(a, b) a##b
#define TC_CONCAT_NAME(a, b) TC_CONCAT_INNER(a, b)
#define TC_TRY_IMPL(result, declaration, expression) \
  auto result = (expression);                        \
  if (!result) return result.error();                \
  declaration = std::move(result).value()
// Declares a variable from a Result, or returns its error from the enclosing function.
#define TC_TRY(declaration, expression) \
  TC_TRY_IMPL(TC_CONCAT_NAME(tc_result_, __LINE__), declaration, expression)
// The same for Result<void>.
#define TC_CHECK(expression)                                                                   \
  do {                                                                                         \
    if (auto tc_check_result = (expression); !tc_check_result) return tc_check_result.error(); \
  } while (false)
#define TC_ASSERT(condition) \
  ((condition) ? void()      \
               : ::tc::base::assertion_failed(#condition, __builtin_FILE(), __builtin_LINE()))
