// PassingCalls: the calls of a run that the kernel makes as they are, told by eBPF programs: so a
// log does not cost each of them two stops. What they are and when is the same: the programs copy a
// call's arguments and memory as it returns, before its task goes on. (One difference remains:
// memory that is not present then, since neither guest nor kernel has touched it, is read later. It
// would have to be changed between.)
//
// Two processes share one. tc, which has the privileges, loads it and says whom to watch; the
// keeper, which has none, reads what comes, in memory that it has inherited.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "guest/events.h"
#include "probe/observer.h"
#include "sys/call_return.h"

namespace tc::sandbox {

class PassingCalls {
 public:
  // --- in tc ---

  // Before the keeper is forked. The error says what is missing here: a privilege, type information
  // of the kernel.
  static Result<PassingCalls> load();
  // From its next call on, of process `init` and all that come of it.
  Result<void> watch(pid_t init);
  // Once the run is over: calls that got lost and of which take() has not told.
  std::uint64_t lost() const;

  // --- in the keeper ---

  // What has come since, in order; times are of the host's clock. A call whose memory could not be
  // copied without waiting for it has a piece with `fault`.
  using Tell = std::function<void(const guest::Called&)>;
  using Lose = std::function<void(const guest::Missed&)>;
  void take(const Tell& tell, const Lose& lose);
  // Is so much waiting to be taken that guests should not go on meanwhile?
  bool is_behind() const;

 private:
  explicit PassingCalls(probe::Observer observer) : observer_(std::move(observer)) {}
  void read(std::span<const std::byte> bytes, const Tell& tell, const Lose& lose);

  probe::Observer observer_;
  std::vector<sys::Piece> pieces_;  // of the call that is being told
};

}  // namespace tc::sandbox
