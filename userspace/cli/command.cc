#include "cli/command.h"

#include <cstdio>
#include <utility>

namespace tc::cli {
namespace {

class UsageFormatter final : public CLI::Formatter {
 public:
  explicit UsageFormatter(std::string line) : line_(std::move(line)) { column_width(28); }
  std::string make_usage(const CLI::App*, std::string) const override { return line_ + "\n"; }

 private:
  std::string line_;
};

}  // namespace

void set_usage(CLI::App& app, const std::string& line) {
  app.formatter(std::make_shared<UsageFormatter>(line));
}

int fail(int status, const std::string& text) {
  std::fprintf(stderr, "tc: %s\n", text.c_str());
  return status;
}

}  // namespace tc::cli
