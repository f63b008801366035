// Which calls a user asked for: --calls NAME, GLOB, %group, and the same behind a "!" to leave out.
#pragma once

#include <bitset>
#include <string_view>

#include "base/result.h"
#include "sys/table.h"

namespace tc::sys {

class CallSelection {
 public:
  static CallSelection all();
  // "openat,read*,%network,!%time": from left to right; a list that begins with "!" starts from
  // all. In a glob "*" stands for any characters and "?" for one; "*" alone is all calls, those
  // without a name too. A name without a call is an error that tells near ones.
  static Result<CallSelection> parse(std::string_view list);

  bool contains(std::uint64_t number) const;
  void add(std::uint64_t number);
  bool is_all() const;

  bool operator==(const CallSelection&) const = default;

 private:
  Result<void> apply(std::string_view word);

  std::bitset<TC_CALLS_MAX> calls_;
  bool unknown_ = false;  // numbers from TC_CALLS_MAX on
};

}  // namespace tc::sys
