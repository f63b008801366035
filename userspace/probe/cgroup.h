// From the directory of a cgroup to what the kernel side compares.
#pragma once

#include <string>

#include "base/result.h"
#include "probe/observer.h"

namespace tc::probe {

// `directory` lies in a mounted cgroup file system, version 1 or 2. Errors say what else it is.
Result<CgroupSelection> select_cgroup(const std::string& directory);

}  // namespace tc::probe
