#include "sys/selection.h"

#include <algorithm>
#include <string>
#include <vector>

namespace tc::sys {
namespace {

bool is_glob(std::string_view word) { return word.find_first_of("*?") != std::string_view::npos; }

// Goes back to the last star only, so it takes no more than pattern × name steps.
bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in_name = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_name = in_name;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in_name])) {
      ++at;
      ++in_name;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_name = ++star_name;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

// How many letters to insert, leave out or change to get from one to the other (Levenshtein).
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// At most four names near to `name`, the nearest first.
std::string near_names(std::string_view name) {
  struct Candidate {
    std::size_t distance;
    std::string_view name;
  };
  // Two letters swapped are two changes.
  const std::size_t limit = std::max<std::size_t>(name.size() < 4 ? 1 : 2, name.size() / 3);
  std::vector<Candidate> candidates;
  for (const Row& row : rows()) {
    std::size_t distance = edit_distance(name, row.name);
    // Of a family, as "stat" of newfstatat, or with a digit too much, as "stat64".
    const bool related = name.size() >= 4 &&
                         (row.name.find(name) != std::string_view::npos ||
                          (row.name.size() >= 4 && name.find(row.name) != std::string_view::npos));
    if (related) distance = std::min(distance, limit);
    if (distance <= limit) candidates.push_back({distance, row.name});
  }
  std::ranges::stable_sort(candidates, {}, &Candidate::distance);
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 4); ++i)
    text += (i == 0 ? "" : ", ") + std::string(candidates[i].name);
  return text;
}

Error no_such_call(std::string_view name) {
  const std::string near = near_names(name);
  if (near.empty())
    return error("no system call is named \"{}\"; names are those of Linux on x86-64", name);
  return error("no system call is named \"{}\"; near it are: {}", name, near);
}

Error no_such_group(std::string_view name) {
  std::string groups;
  for (const NamedNumber& group : group_names()) groups += " %" + std::string(group.name);
  return error("no group of system calls is named \"%{}\"; there are:{}", name, groups);
}

template <class Wanted>
std::bitset<TC_CALLS_MAX> calls_where(Wanted&& wanted) {
  std::bitset<TC_CALLS_MAX> calls;
  for (const Row& row : rows())
    if (wanted(row)) calls.set(row.number);
  return calls;
}

Result<std::bitset<TC_CALLS_MAX>> calls_of(std::string_view word) {
  if (word.starts_with('%')) {
    const std::string_view name = word.substr(1);
    const auto group = std::ranges::find(group_names(), name, &NamedNumber::name);
    if (group == group_names().end()) return no_such_group(name);
    return calls_where([&](const Row& row) { return (row.groups & group->value) != 0; });
  }
  if (is_glob(word)) {
    const auto calls = calls_where([&](const Row& row) { return glob_matches(word, row.name); });
    if (calls.none()) return error("no system call matches \"{}\"", word);
    return calls;
  }
  const Row* row = find_row(word);
  if (row == nullptr) return no_such_call(word);
  return std::bitset<TC_CALLS_MAX>().set(row->number);
}

}  // namespace

CallSelection CallSelection::all() {
  CallSelection selection;
  selection.calls_.set();
  selection.unknown_ = true;
  return selection;
}

Result<void> CallSelection::apply(std::string_view word) {
  const bool leave_out = word.starts_with('!');
  if (leave_out) word.remove_prefix(1);
  if (word.empty()) return error("an empty name in a list of system calls");
  if (word == "*") {
    *this = leave_out ? CallSelection() : all();
    return {};
  }
  TC_TRY(const auto calls, calls_of(word));
  calls_ = leave_out ? calls_ & ~calls : calls_ | calls;
  return {};
}

Result<CallSelection> CallSelection::parse(std::string_view list) {
  CallSelection selection = list.starts_with('!') ? all() : CallSelection();
  while (true) {
    const std::size_t comma = list.find(',');
    TC_CHECK(selection.apply(list.substr(0, comma)));
    if (comma == std::string_view::npos) return selection;
    list.remove_prefix(comma + 1);
  }
}

bool CallSelection::contains(std::uint64_t number) const {
  return number < calls_.size() ? calls_[number] : unknown_;
}

void CallSelection::add(std::uint64_t number) {
  if (number < calls_.size())
    calls_.set(number);
  else
    unknown_ = true;
}

bool CallSelection::is_all() const { return calls_.all() && unknown_; }

}  // namespace tc::sys
