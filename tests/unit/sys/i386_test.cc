// The names of i386 calls against the kernel's header. It defines the same macros as that of
// x86-64, with other numbers, so they are read before anything else includes that one.
#include <asm/unistd_32.h>

// Calls that are newer than the headers of Linux 6.1.
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_futex_wake
#define __NR_futex_wake 454
#define __NR_futex_wait 455
#define __NR_futex_requeue 456
#endif
#ifndef __NR_statmount
#define __NR_statmount 457
#define __NR_listmount 458
#define __NR_lsm_get_self_attr 459
#define __NR_lsm_set_self_attr 460
#define __NR_lsm_list_modules 461
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#define __NR_getxattrat 464
#define __NR_listxattrat 465
#define __NR_removexattrat 466
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_file_getattr
#define __NR_file_getattr 468
#define __NR_file_setattr 469
#endif

namespace {

struct Named {
  unsigned number;
  unsigned header;
  const char* name;
};
constexpr Named kNamed[] = {
#define SYSCALL_I386(NUMBER, NAME) {NUMBER, __NR_##NAME, #NAME},
#include "sys/i386.def"
#undef SYSCALL_I386
};

}  // namespace

#include <gtest/gtest.h>

#include <set>

#include "sys/table.h"

namespace tc::sys {
namespace {

TEST(I386Names, HaveTheNumbersOfTheHeader) {
  for (const Named& row : kNamed) {
    EXPECT_EQ(row.number, row.header) << row.name;
    EXPECT_EQ(call_name(Abi::kI386, row.number), row.name);
  }
}

TEST(I386Names, HaveEveryNumberOfTheKernel) {
  // Numbers that were never given, or left out so that later calls have the same everywhere.
  const std::set<std::uint64_t> without = {222, 223, 251, 285, 387, 388, 389, 390, 391, 392, 415};
  for (std::uint64_t number = 0; number <= 469; ++number)
    EXPECT_EQ(call_name(Abi::kI386, number).has_value(), !without.contains(number)) << number;
  EXPECT_FALSE(call_name(Abi::kI386, 470));
  EXPECT_FALSE(call_name(Abi::kI386, UINT64_MAX));
}

}  // namespace
}  // namespace tc::sys
