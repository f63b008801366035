// A whole JSON document from a file of a user's: fixtures, policies, OCI profiles. The cold path:
// any JSON is taken here, pretty-printed too; canonical streams are validator.h's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tc::json {

// The document in `text`. An error reads "NAME:LINE:COLUMN: error: [syntax] …", the column in
// bytes from 1. A byte order mark, a key that is in one object twice and nesting deeper than 256
// are errors too.
Result<nlohmann::json> parse_document(std::string_view text, const std::string& name);

}  // namespace tc::json
