// Names of threads in a log: "p1.2/1", the path by which a thread came to be. A child adds ".N", a
// thread of the same process "/N".
#pragma once

#include <string_view>

namespace tc::behaviour {

// In the order of the tree: a thread, its threads, its children; by number, not by text.
bool before_in_tree(std::string_view left, std::string_view right);

// Of any of its threads: "p1.2/1" is of process "p1.2".
std::string_view process_of(std::string_view thread);

// Who made it, "p1.2" for "p1.2/1"; empty for the first of a trace.
std::string_view creator_of(std::string_view thread);

// Whether `text` is such a name and nothing else.
bool is_thread_name(std::string_view text);

}  // namespace tc::behaviour
