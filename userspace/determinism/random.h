// Random: the stream of random bytes of one process, a function of the run's seed and the process's
// place in the tree alone: what one process draws does not depend on how many others drew before,
// and two never draw the same (as temporary names of concurrent processes must not collide).
//
// Good enough to look random to any test; no secret, since the seed is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tc::determinism {

class Random {
 public:
  // `stream`: any number that names the process and nothing else.
  Random(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t next();
  void fill(std::span<std::byte> bytes);

 private:
  std::uint64_t state_[4];  // xoshiro256**, seeded by splitmix64 (both by Blackman and Vigna)
};

}  // namespace tc::determinism
