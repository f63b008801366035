// Attaching programs to places in executable files, by the kernel's multi-uprobe link (one call
// for thousands of places, Linux 6.6) or one perf event a place.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "probe/observer.h"

namespace tc::probe {

// Values of enum bpf_attach_type and of the link's flags that libbpf 1.1 does not name yet
// (include/uapi/linux/bpf.h, Linux 6.6).
inline constexpr int kTraceUprobeMulti = 48;

// The links, closed (which detaches) with their owner. `program` is the fd of a loaded program;
// with `multi` it must have been loaded with kTraceUprobeMulti as expected attach type.
Result<std::vector<UniqueFd>> attach_uprobe_links(int program, int file,
                                                  std::span<const UprobeSite> sites, bool at_return,
                                                  bool multi);

}  // namespace tc::probe
