// Finding a running container by its id: no runtime is asked, the cgroups of its processes tell.
#pragma once

#include <string>

#include "base/result.h"

namespace tc::observe {

// The cgroup directory of the container whose id begins with `id`. Errors: none runs, several
// begin so, or its hierarchy is not mounted.
Result<std::string> container_cgroup(const std::string& id);

}  // namespace tc::observe
