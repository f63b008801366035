// An Outcome, or the error that there is in its place, as bytes: how the keeper tells it to tc.
// Both are the same program, so the form has no version.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/outcome.h"

namespace tc::sandbox {

std::string pack_outcome(const Result<Outcome>& outcome);

// Bytes that are not whole are an error: the keeper died while it told.
Result<Outcome> unpack_outcome(std::string_view bytes);

}  // namespace tc::sandbox
