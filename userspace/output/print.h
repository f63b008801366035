// Plain text on standard output, for what is not evidence: summaries, tables, help.
#pragma once

#include <string_view>

#include "base/result.h"

namespace tc::output {

Result<void> print(std::string_view text);

}  // namespace tc::output
