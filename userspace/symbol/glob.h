// Shell patterns over byte strings: what `--symbol MODULE:GLOB` is matched with. Unlike fnmatch(3)
// independent of the locale, and never worse than pattern times text in time.
#pragma once

#include <string_view>

namespace tc::symbol {

// Whether all of `text` matches: `*` any bytes, `?` one byte, `[a-z]` one of a set, `[!…]` or
// `[^…]` one not of it, `\` the next byte itself. A `[` without `]` stands for itself.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace tc::symbol
