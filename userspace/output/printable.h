// Bytes of a guest on a terminal: nothing that a terminal obeys or that hides what it is.
#pragma once

#include <string>
#include <string_view>

namespace tc::output {

// Bare when it is plain ASCII without spaces, else in double quotes with everything that is not a
// visible character escaped (controls of both sets, line separators, direction marks), else, when
// it is no UTF-8, {"hex":"…"} as in JSON.
void append_printable(std::string& out, std::string_view bytes);

// The same, but always in quotes (a string of a program's), or never (a name of ours that holds
// bytes of a guest); bytes that are no UTF-8 come out as \xNN.
void append_quoted(std::string& out, std::string_view bytes);
void append_bare(std::string& out, std::string_view bytes);

}  // namespace tc::output
