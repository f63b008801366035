// The page of supported calls, made from the table: one line a call with its number, groups, policy
// and typed arguments, for people. golden/sys/syscalls.md is it.
#pragma once

#include <string>

namespace tc::sys {

// Markdown. The same text always.
std::string calls_page();

}  // namespace tc::sys
