#include "trace/profile.h"

#include <algorithm>
#include <array>

namespace tc::trace {
namespace {

struct Switch {
  std::string_view name;
  bool Profile::*member;
};
constexpr std::array kSwitches = {
    Switch{"data", &Profile::data},       Switch{"descriptors", &Profile::descriptors},
    Switch{"entries", &Profile::entries}, Switch{"inodes", &Profile::inodes},
    Switch{"names", &Profile::names},     Switch{"pids", &Profile::pids},
    Switch{"ports", &Profile::ports},     Switch{"random", &Profile::random},
    Switch{"state", &Profile::state},     Switch{"times", &Profile::times},
};

struct NamedTable {
  std::string_view name;
  AddressTable table;
};
constexpr std::array kTables = {
    NamedTable{"module", AddressTable::kModule},
    NamedTable{"per-call", AddressTable::kPerCall},
    NamedTable{"raw", AddressTable::kRaw},
    NamedTable{"sequential", AddressTable::kSequential},
};
constexpr std::string_view kAddresses = "addresses";

base::Error unknown_word(std::string_view word) {
  std::string known;
  for (const Switch& row : kSwitches) known.append(row.name).append(", ");
  return base::error(
      "\"{}\" is not a normalisation: give all, none, addresses=TABLE (module, per-call, raw, "
      "sequential), or one of {}with a \"!\" in front to switch it off",
      word, known);
}

}  // namespace

Profile Profile::raw() {
  Profile profile;
  profile.addresses = AddressTable::kRaw;
  for (const Switch& row : kSwitches) profile.*row.member = false;
  return profile;
}

std::string Profile::text() const {
  std::string text(kAddresses);
  for (const NamedTable& row : kTables)
    if (row.table == addresses) text.append("=").append(row.name);
  for (const Switch& row : kSwitches)
    if (this->*row.member) text.append(" ").append(row.name);
  return text;
}

base::Result<void> Profile::apply(std::string_view word) {
  if (word == "all" || word == "none") {
    *this = word == "all" ? Profile() : raw();
    return {};
  }
  const bool on = !word.starts_with('!');
  const std::string_view name = word.substr(on ? 0 : 1);
  if (name == kAddresses) {
    addresses = on ? AddressTable::kModule : AddressTable::kRaw;
    return {};
  }
  if (on && name.starts_with(kAddresses) && name.substr(kAddresses.size()).starts_with('=')) {
    const std::string_view wanted = name.substr(kAddresses.size() + 1);
    for (const NamedTable& row : kTables) {
      if (row.name != wanted) continue;
      addresses = row.table;
      return {};
    }
    return unknown_word(word);
  }
  for (const Switch& row : kSwitches) {
    if (row.name != name) continue;
    this->*row.member = on;
    return {};
  }
  return unknown_word(word);
}

}  // namespace tc::trace
