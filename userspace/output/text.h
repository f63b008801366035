// One line a record for people: time, process, what it did; the rest as key=value.
#pragma once

#include <memory>

#include "output/formats.h"

namespace tc::output {

std::unique_ptr<Format> make_text(const FormatOptions& options);

}  // namespace tc::output
