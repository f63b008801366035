// The typed calls: call::openat is a plain struct with a typed field for each argument, made from
// registers by from_registers() and put back by to_registers().
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "sys/abi.h"
#include "sys/argument.h"
#include "sys/constants.h"
#include "tc/map.h"

namespace tc::sys {

using Registers = std::array<std::uint64_t, 6>;

namespace call {

#define TC_CALL_FIELD(type, name) type name;
#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...) \
  struct NAME {                                            \
    __VA_OPT__(TC_MAP(TC_CALL_FIELD, __VA_ARGS__))         \
  };
#include "sys/syscalls.def"
#undef SYSCALL
#undef TC_CALL_FIELD

}  // namespace call

// What is known of a call by its type: Call<call::openat>::kNumber. visit() hands over each
// argument with its name, in order.
template <class T>
struct Call;

#define TC_CALL_VISIT(type, name) visitor(#name, call.name);
#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...)                               \
  template <>                                                                            \
  struct Call<call::NAME> {                                                              \
    using Result = RESULT;                                                               \
    static constexpr std::uint32_t kNumber = NUMBER;                                     \
    static constexpr const char* kName = #NAME;                                          \
    template <class Self, class Visitor>                                                 \
    static void visit([[maybe_unused]] Self& call, [[maybe_unused]] Visitor&& visitor) { \
      __VA_OPT__(TC_MAP(TC_CALL_VISIT, __VA_ARGS__))                                     \
    }                                                                                    \
  };
#include "sys/syscalls.def"
#undef SYSCALL
#undef TC_CALL_VISIT

template <class T>
concept TypedCall = requires {
  Call<T>::kNumber;
};

template <TypedCall T>
T from_registers(const Registers& registers) {
  T call{};
  std::size_t next = 0;
  Call<T>::visit(call, [&]<class Field>(const char*, Field& field) {
    const std::uint64_t word = registers[next++];
    if constexpr (requires { field.address; })
      field.address = word;
    else
      field.value = static_cast<std::remove_reference_t<decltype(field.value)>>(word);
  });
  return call;
}

template <TypedCall T>
Registers to_registers(const T& call) {
  Registers registers{};
  std::size_t next = 0;
  Call<T>::visit(call, [&]<class Field>(const char*, const Field& field) {
    if constexpr (requires { field.address; })
      registers[next++] = field.address;
    else
      registers[next++] = static_cast<std::uint64_t>(static_cast<std::int64_t>(field.value));
  });
  return registers;
}

}  // namespace tc::sys
