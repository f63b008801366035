#include "output/print.h"

#include <unistd.h>

#include "base/file.h"

namespace tc::output {

Result<void> print(std::string_view text) {
  return base::write_all(STDOUT_FILENO, text, "standard output");
}

}  // namespace tc::output
