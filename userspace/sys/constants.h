// The tables of constants.def as types: Flags<open_flags> names one.
#pragma once

#include "sys/argument.h"

namespace tc::sys {

#define BEGIN(table) \
  struct table {     \
    static constexpr NamedNumber kValues[] = {
#define N(name, value) NamedNumber{value, #name},
#define X(name, value) NamedNumber{value, #name},
#define END_FLAGS(table, base_mask)                                   \
  }                                                                   \
  ;                                                                   \
  static constexpr Names kNames = {#table, kValues, true, base_mask}; \
  }                                                                   \
  ;
#define END_ENUM(table)                                        \
  }                                                            \
  ;                                                            \
  static constexpr Names kNames = {#table, kValues, false, 0}; \
  }                                                            \
  ;
#include "sys/constants.def"
#undef BEGIN
#undef N
#undef X
#undef END_FLAGS
#undef END_ENUM

using SignalSet = Flags64<signal_numbers>;
using PollEvents = Flags16<poll_events>;

}  // namespace tc::sys
