#include "sys/page.h"

#include <cstdint>
#include <span>
#include <string_view>

#include "sys/table.h"
#include "tc/map.h"

namespace tc::sys {
namespace {

// The types as syscalls.def spells them; the table keeps only what they mean.
struct Spelled {
  std::string_view type;
  std::string_view name;
};

#define TC_SPELLED(type, name) Spelled{#type, #name},
#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...) \
  __VA_OPT__(constexpr Spelled NAME##_spelled[] = {TC_MAP(TC_SPELLED, __VA_ARGS__)};)
#include "sys/syscalls.def"
#undef SYSCALL
#undef TC_SPELLED

struct Line {
  std::uint32_t number;
  std::string_view result;
  std::span<const Spelled> arguments;
};
#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...) \
  Line{NUMBER, #RESULT, std::span<const Spelled>{__VA_OPT__(NAME##_spelled)}},
constexpr Line kLines[] = {
#include "sys/syscalls.def"
};
#undef SYSCALL

constexpr std::string_view kHead =
    "# System calls\n"
    "\n"
    "Every x86-64 call of Linux 6.18, made from `userspace/sys/syscalls.def`. Types are those of\n"
    "`userspace/sys/argument.h`: `Out<stat>` is the address of a `struct stat` that the call "
    "fills\n"
    "in, `Flags<open_flags>` a table of `constants.def`, `Status` nothing but success.\n"
    "\n"
    "Policy of the sandbox: *pass* (the answer depends on inputs only), *determinise* (answered,\n"
    "rewritten or ordered), *refuse* (`ENOSYS`).\n"
    "\n"
    "| | call | groups | policy | arguments | result |\n"
    "|---|---|---|---|---|---|\n";

// "Out<abi::stat>" → "Out<stat>".
std::string type_text(std::string_view type) {
  constexpr std::string_view kNamespace = "abi::";
  std::string text(type);
  const std::size_t at = text.find(kNamespace);
  if (at != std::string::npos) text.erase(at, kNamespace.size());
  if (text.ends_with("<>")) text.resize(text.size() - 2);
  return text;
}

std::string arguments_text(std::span<const Spelled> arguments) {
  std::string text;
  for (const Spelled& argument : arguments) {
    text += text.empty() ? "`" : ", ";
    text.append(argument.name).append(": ").append(type_text(argument.type));
  }
  if (!text.empty()) text += '`';
  return text;
}

std::string groups_text(std::uint32_t groups) {
  std::string text;
  for (const NamedNumber& group : group_names()) {
    if ((groups & group.value) == 0) continue;
    if (!text.empty()) text += ' ';
    text += group.name;
  }
  return text;
}

std::string_view policy_text(Policy policy) {
  switch (policy) {
    case Policy::Pass:
      return "pass";
    case Policy::Determinise:
      return "determinise";
    case Policy::Refuse:
      return "refuse";
  }
  return {};
}

}  // namespace

std::string calls_page() {
  std::string page(kHead);
  for (const Line& line : kLines) {
    const Row& row = *find_row(line.number);
    page.append("| ").append(std::to_string(row.number)).append(" | `").append(row.name);
    page.append("` | ").append(groups_text(row.groups)).append(" | ");
    page.append(policy_text(row.policy)).append(" | ").append(arguments_text(line.arguments));
    page.append(" | `").append(type_text(line.result)).append("` |\n");
  }
  return page;
}

}  // namespace tc::sys
