// Canonical NDJSON (DESIGN section 4).
#pragma once

#include <memory>

#include "output/formats.h"

namespace tc::output {

std::unique_ptr<Format> make_ndjson(const FormatOptions& options);

}  // namespace tc::output
