#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace tc::base {

Error system_error(int code, const std::string& operation_and_object) {
  return Error(operation_and_object + ": " + std::generic_category().message(code), code);
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tc: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace tc::base
