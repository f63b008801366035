// Places in code that a user names: where a trace begins and ends (--from, --until).
#pragma once

#include <string>

#include "base/result.h"
#include "trace/engine.h"

namespace tc::trace {

// "main", "SYMBOL" (of the program), "MODULE:SYMBOL", "MODULE+0xOFFSET". MODULE is a path, the name
// of the program, or the name of a library that the loader knows ("libc.so.6"). OFFSET is the
// virtual address in the file, as symbol tables and the frames of evidence have it. `program` is
// the file that will be executed. Finds `main` of a stripped program by what its entry code hands
// to libc. Errors name what is missing and where it was looked for.
Result<Place> find_place(const std::string& text, const std::string& program);

}  // namespace tc::trace
