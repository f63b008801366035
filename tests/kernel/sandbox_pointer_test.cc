// Every system call with arguments that point nowhere: natively and in the sandbox the same errno,
// or a documented other one; never a crash, never a hang.
#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <string_view>

#include "kernel/sandbox_run.h"
#include "kernel/trace_run.h"
#include "sys/table.h"

namespace tc::test {
namespace {

// By number of the call, what it answered to each set of arguments
// (tests/guests/sandbox/pointers.c).
using Answers = std::map<std::uint32_t, std::vector<std::string>>;

Answers parse_answers(const std::string& output) {
  Answers answers;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(line.find(':') + 1));
    std::uint32_t number = 0;
    std::from_chars(line.data(), line.data() + line.size(), number);
    for (std::string word; words >> word;) answers[number].push_back(word);
  }
  return answers;
}

// Where the sandbox answers otherwise than the kernel, and why.
struct Difference {
  std::string_view call;
  std::string_view kernel;  // "*": whatever
  std::string_view sandbox;
};
constexpr std::string_view kNoSuchCall = "38";
constexpr Difference kDifferences[] = {
    // They tell of the host, and every program can do without.
    {"sysfs", "*", kNoSuchCall},
    {"modify_ldt", "*", kNoSuchCall},
    {"get_mempolicy", "*", kNoSuchCall},
    {"cachestat", "*", kNoSuchCall},
    {"statmount", "*", kNoSuchCall},
    {"listmount", "*", kNoSuchCall},
    {"lsm_get_self_attr", "*", kNoSuchCall},
    {"lsm_set_self_attr", "*", kNoSuchCall},
    {"lsm_list_modules", "*", kNoSuchCall},
    // Two arguments are wrong: which one is told first.
    {"timer_create", "14", "22"},
    {"clock_nanosleep", "14", "22"},
    {"newfstatat", "14", "22"},
    {"mlock", "22", "12"},
    // Nothing is asked for, at an address that nobody has.
    {"getrandom", "14", "."},
    // A word that can never change is waited for all the same.
    {"futex", "14", "~"},
    // The root of a user namespace may not go before others of the host.
    {"setpriority", ".", "13"},
};

bool is_documented(std::string_view call, std::string_view kernel, std::string_view sandbox) {
  return std::ranges::any_of(kDifferences, [&](const Difference& one) {
    return one.call == call && (one.kernel == "*" || one.kernel == kernel) &&
           one.sandbox == sandbox;
  });
}

std::string name_of(std::uint32_t number) {
  const sys::Row* row = sys::find_row(number);
  return row == nullptr ? std::to_string(number) : std::string(row->name);
}

TEST(SandboxPointers, AnswerAsTheKernelDoes) {
  const std::string guest = guest_program("sandbox/pointers");
  const Workplace place;
  // In namespaces, and not as their first process, as in the sandbox.
  const Ended native = run(Command{.argv = {"unshare", "-mpfniu", "--mount-proc", "sh", "-c",
                                            guest + " all_calls; exit $?"},
                                   .directory = place.directory()},
                           kSandboxPatience);
  ASSERT_EQ(native.status, 0) << native.error;
  const SandboxRun boxed =
      run_case({.name = "all_calls", .command = {guest, "all_calls"}}, place, 0);
  ASSERT_EQ(boxed.status, 0) << boxed.output << boxed.error;
  const Answers expected = parse_answers(native.output);
  const Answers answers = parse_answers(boxed.output);
  ASSERT_EQ(answers.size(), expected.size());
  EXPECT_GT(expected.size(), 330u);
  for (const auto& [number, words] : expected) {
    const std::vector<std::string>& other = answers.at(number);
    const sys::Row* row = sys::find_row(number);
    if (row != nullptr && row->policy == sys::Policy::Refuse) {
      for (const std::string& word : other) EXPECT_EQ(word, kNoSuchCall) << name_of(number);
      continue;
    }
    for (std::size_t i = 0; i < words.size(); ++i)
      EXPECT_TRUE(other[i] == words[i] || is_documented(name_of(number), words[i], other[i]))
          << name_of(number) << ", arguments " << i << ": " << words[i] << ", then " << other[i];
  }
}

TEST(SandboxPointers, AreTheSameInEveryRun) {
  EXPECT_TRUE(runs_are_same(
      {.name = "pointers", .command = {guest_program("sandbox/pointers"), "all_calls"}}));
}

}  // namespace
}  // namespace tc::test
