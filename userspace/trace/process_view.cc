#include "trace/process_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>
#include <optional>

#include "base/file.h"
#include "base/number.h"
#include "proc/source.h"

namespace tc::trace {
namespace {

// The number behind `key` in a text of lines "KEY:\tNUMBER".
std::optional<std::uint64_t> field(std::string_view text, std::string_view key, int radix) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + key.size());
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  return base::parse_unsigned(text.substr(begin, text.find('\n') - begin), radix);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

class LiveProcessView final : public ProcessView {
 public:
  std::string working_directory(std::uint32_t pid) override {
    auto path = base::read_link(fmt::format("/proc/{}/cwd", pid));
    return path ? std::move(path).value() : std::string();
  }

  std::map<int, Descriptor> descriptors(std::uint32_t pid) override {
    std::map<int, Descriptor> found;
    const OpenDirectory directory(opendir(fmt::format("/proc/{}/fd", pid).c_str()));
    if (!directory) return found;
    while (const dirent* entry = readdir(directory.get())) {
      const auto number = base::parse_unsigned<unsigned>(entry->d_name);
      if (!number) continue;
      auto target = base::read_link(fmt::format("/proc/{}/fd/{}", pid, *number));
      if (!target) continue;
      const auto info = base::read_file(fmt::format("/proc/{}/fdinfo/{}", pid, *number));
      const auto flags = info ? field(*info, "flags:", 8) : std::nullopt;
      found[static_cast<int>(*number)] = {
          .target = std::move(target).value(),
          .close_on_exec = flags && (*flags & std::uint64_t{O_CLOEXEC}) != 0};
    }
    return found;
  }

  std::string mappings(std::uint32_t pid) override {
    auto text = proc::LiveProc().maps(pid);
    return text ? std::move(text).value() : std::string();
  }

  std::vector<std::uint32_t> ancestors(std::uint32_t pid) override {
    std::vector<std::uint32_t> found;
    while (pid != 0) {
      const auto status = base::read_file(fmt::format("/proc/{}/status", pid));
      const auto parent = status ? field(*status, "PPid:", 10) : std::nullopt;
      if (!parent || *parent == 0) break;
      pid = static_cast<std::uint32_t>(*parent);
      found.push_back(pid);
    }
    return found;
  }

  std::int64_t boot_time_ns() override {
    const auto now = [](clockid_t clock) {
      timespec time{};
      clock_gettime(clock, &time);
      return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    return now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME);
  }
};

}  // namespace

std::unique_ptr<ProcessView> live_process_view() { return std::make_unique<LiveProcessView>(); }

}  // namespace tc::trace
