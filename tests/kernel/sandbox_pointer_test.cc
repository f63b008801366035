// Every system call with arguments that point nowhere: natively and in the sandbox the same errno,
// or a documented other one; never a crash, never a hang.
#include <charconv>
#include <map>
#include <sstream>

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

// Why the sandbox answers otherwise than the kernel.
const std::map<std::string, const char*>& documented_differences() {
  static const std::map<std::string, const char*> differences = {};
  return differences;
}

std::string name_of(std::uint32_t number) {
  const sys::Row* row = sys::find_row(number);
  return row == nullptr ? std::to_string(number) : std::string(row->name);
}

TEST(SandboxPointers, AnswerAsTheKernelDoes) {
  const std::string guest = guest_program("sandbox/pointers");
  const Workplace place;
  // As in the sandbox: namespaces in which it is root and can harm nobody.
  const Ended native =
      run(Command{.argv = {"unshare", "-Urmpfniu", "--mount-proc", guest, "all_calls"},
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
    if (documented_differences().contains(name_of(number))) continue;
    const sys::Row* row = sys::find_row(number);
    if (row != nullptr && row->policy == sys::Policy::Refuse) {
      for (const std::string& word : other) EXPECT_EQ(word, "38") << name_of(number);
      continue;
    }
    for (std::size_t i = 0; i < words.size(); ++i)
      EXPECT_EQ(other[i], words[i]) << name_of(number) << ", arguments " << i;
  }
}

TEST(SandboxPointers, AreTheSameInEveryRun) {
  EXPECT_TRUE(runs_are_same(
      {.name = "pointers", .command = {guest_program("sandbox/pointers"), "all_calls"}}));
}

}  // namespace
}  // namespace tc::test
