// --stats: what was seen, what was lost and what it cost, for people, on standard error.
#pragma once

#include <cstdint>
#include <string>

#include "observe/pipeline.h"
#include "probe/observer.h"

namespace tc::observe {

// Since the gate was opened.
struct Elapsed {
  std::uint64_t wall_ns = 0;
  std::uint64_t own_cpu_ns = 0;  // of all of tc's threads
};

// Several lines, each ending in a line feed.
std::string describe_statistics(const Pipeline& pipeline, const probe::Observer& observer,
                                const Elapsed& elapsed);

}  // namespace tc::observe
