// The table against the numbers of the kernel's headers, and what must hold of every row. Names
// of arguments are held against the running kernel by tests/kernel/syscall_table_test.cc.
#include "sys/table.h"

#include <asm/unistd.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

// Calls that are newer than the headers of Linux 6.1.
#ifndef __NR_uretprobe
#define __NR_uretprobe 335
#endif
#ifndef __NR_uprobe
#define __NR_uprobe 336
#endif
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

namespace tc::sys {
namespace {

// A row with a name that the headers do not have, or another number, does not pass here.
TEST(Table, HasTheNumbersOfTheHeaders) {
#define SYSCALL(NUMBER, NAME, ...)      \
  EXPECT_EQ(NUMBER, __NR_##NAME);       \
  ASSERT_NE(find_row(NUMBER), nullptr); \
  EXPECT_EQ(find_row(NUMBER)->name, #NAME);
#include "sys/syscalls.def"
#undef SYSCALL
}

TEST(Table, HasEveryNumberOfTheKernel) {
  // 337 to 423 are left out in x86-64, so that later calls have the same number everywhere.
  constexpr std::uint32_t kLast = 469;
  std::size_t count = 0;
  for (std::uint32_t number = 0; number <= kLast; ++number) {
    const bool exists = number <= 336 || number >= 424;
    EXPECT_EQ(find_row(number) != nullptr, exists) << number;
    if (exists) ++count;
  }
  EXPECT_EQ(rows().size(), count);
  EXPECT_EQ(find_row(kLast + 1), nullptr);
  EXPECT_EQ(find_row(UINT64_MAX), nullptr);
}

TEST(Table, FindsRowsByName) {
  for (const Row& row : rows()) EXPECT_EQ(find_row(row.name), &row);
  EXPECT_EQ(find_row("opena"), nullptr);
  EXPECT_EQ(find_row(""), nullptr);
  EXPECT_EQ(find_row("zzz"), nullptr);
}

bool is_key(std::string_view text) {
  if (text.empty() || std::islower(static_cast<unsigned char>(text.front())) == 0) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::islower(byte) == 0 && std::isdigit(byte) == 0 && c != '_') return false;
  }
  return true;
}

void expect_keys(const Layout& layout) {
  for (const FieldLayout& field : layout.fields) {
    EXPECT_TRUE(is_key(field.name)) << layout.name << " " << field.name;
    if (field.type.shape == Shape::kEmbedded) expect_keys(*field.type.layout);
  }
}

TEST(Table, HasNamesThatAreKeysOfARecord) {
  for (const Row& row : rows()) {
    std::set<std::string_view> names;
    for (const Argument& argument : row.arguments) {
      EXPECT_TRUE(is_key(argument.name)) << row.name << " " << argument.name;
      EXPECT_TRUE(names.insert(argument.name).second) << row.name << " " << argument.name;
      if (argument.type.layout != nullptr) expect_keys(*argument.type.layout);
    }
  }
}

// Beginning and end of everything that occupies bytes, in order, without a hole: what the compiler
// would fill in silently is written out.
void expect_no_holes(const Layout& layout) {
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const FieldLayout& field = layout.fields[i];
    EXPECT_EQ(field.offset, end) << layout.name << " " << field.name;
    const std::uint32_t next =
        i + 1 < layout.fields.size() ? layout.fields[i + 1].offset : layout.size;
    switch (field.type.shape) {
      case Shape::kEmbedded:
        end = field.offset + field.type.layout->size;
        expect_no_holes(*field.type.layout);
        break;
      case Shape::kData:  // reaches up to the next field
        end = next;
        break;
      default:
        EXPECT_NE(field.type.size, 0) << layout.name << " " << field.name;
        end = field.offset + field.type.size;
    }
  }
  EXPECT_EQ(end, layout.size) << layout.name;
}

TEST(Table, HasStructsWithoutHoles) {
  std::size_t count = 0;
  for (const Row& row : rows()) {
    for (const Argument& argument : row.arguments) {
      if (argument.type.layout == nullptr) continue;
      expect_no_holes(*argument.type.layout);
      ++count;
    }
  }
  EXPECT_GT(count, 80U);
}

bool takes_path(const Row& row) {
  for (const Argument& argument : row.arguments)
    if (argument.type.leaf == Leaf::kPath && argument.type.shape == Shape::kString) return true;
  return false;
}
bool takes_or_returns_descriptor(const Row& row) {
  if (row.result.leaf == Leaf::kFd) return true;
  for (const Argument& argument : row.arguments)
    if (argument.type.leaf == Leaf::kFd) return true;
  return false;
}

TEST(Table, HasCallsWithAPathInTheFileGroupAndWithADescriptorInTheDescriptorGroup) {
  for (const Row& row : rows()) {
    if (takes_path(row)) {
      EXPECT_NE(row.groups & File, 0U) << row.name;
    }
    if (takes_or_returns_descriptor(row)) {
      EXPECT_NE(row.groups & Desc, 0U) << row.name;
    }
  }
}

TEST(Table, HasEveryGroup) {
  for (const NamedNumber& group : group_names()) {
    std::size_t count = 0;
    for (const Row& row : rows())
      if ((row.groups & group.value) != 0) ++count;
    EXPECT_GE(count, 10U) << group.name;
  }
}

TEST(Table, PassesNothingThatTellsOfTheHost) {
  for (const Row& row : rows()) {
    if (row.policy != Policy::Pass || row.name == "rt_sigreturn") continue;
    const auto tells = [](const ArgumentType& type) {
      return type.leaf == Leaf::kClock || type.leaf == Leaf::kVolatile ||
             type.leaf == Leaf::kRandom || type.leaf == Leaf::kInode;
    };
    EXPECT_FALSE(tells(row.result)) << row.name;
    for (const Argument& argument : row.arguments) {
      const bool out = argument.type.direction != Direction::kIn;
      EXPECT_FALSE(out && tells(argument.type)) << row.name << " " << argument.name;
    }
  }
}

TEST(Table, PassesNothingThatMayBlock) {
  for (const Row& row : rows()) {
    for (const Argument& argument : row.arguments) {
      const ArgumentType& type = argument.type;
      const bool limit = type.layout != nullptr &&
                         (type.layout->name == "wait_limit" || type.layout->name == "wait_timeval");
      if (type.leaf == Leaf::kTimeout || limit) {
        EXPECT_NE(row.policy, Policy::Pass) << row.name;
      }
    }
  }
}

}  // namespace
}  // namespace tc::sys
