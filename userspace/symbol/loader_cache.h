// The shared libraries that the dynamic loader would find by name: /etc/ld.so.cache.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tc::symbol {

// The paths in the cache's text, each once, sorted. Format "glibc-ld.so.cache1.1" as in glibc's
// sysdeps/generic/dl-cache.h, alone or behind the older one; anything else yields none.
std::vector<std::string> loader_cache_paths(std::string_view cache);

}  // namespace tc::symbol
