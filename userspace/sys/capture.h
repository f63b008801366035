// The capture plan: what to copy of memory for each call, derived from the types of its arguments.
// probe/ hands the plans to the kernel side, ptrace/ carries them out itself.
#pragma once

#include <cstdint>

#include "sys/table.h"
#include "tc/capture.h"

namespace tc::sys {

// `wanted` is 1; `data_max` limits buffers (at most TC_CAPTURE_DATA_MAX), but not names, as of
// readlink(), which are told whole. One step for each pointer, in the order of the arguments; a row
// with more than TC_CAPTURE_STEPS of them is a bug that a unit test finds.
tc_capture_plan capture_plan(const Row& row, std::uint32_t data_max);

}  // namespace tc::sys
