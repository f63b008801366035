#include "determinism/signal_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/number.h"

namespace tc::determinism {
namespace {

// The hexadecimal mask in the line that begins with `label`.
std::optional<std::uint64_t> mask_line(std::string_view text, std::string_view label) {
  const std::size_t line = text.find(label);
  if (line == std::string_view::npos) return std::nullopt;
  std::string_view digits = text.substr(line + label.size());
  digits = digits.substr(0, digits.find('\n'));
  digits.remove_prefix(std::min(digits.find_first_not_of(" \t"), digits.size()));
  return base::parse_unsigned(digits, 16);
}

}  // namespace

std::optional<std::uint64_t> signalfd_mask(Tracee& guest, int fd) {
  const Result<std::string> link = guest.link(fmt::format("fd/{}", fd));
  if (!link || *link != "anon_inode:[signalfd]") return std::nullopt;
  const Result<std::string> text = base::read_file(guest.proc_name(fmt::format("fdinfo/{}", fd)));
  if (!text) return std::nullopt;
  return mask_line(*text, "\nsigmask:");
}

std::uint64_t pending_signals(Tracee& guest, std::uint64_t among) {
  const Result<std::string> text = base::read_file(guest.proc_name("status"));
  if (!text) return 0;
  const std::uint64_t own = mask_line(*text, "\nSigPnd:").value_or(0);
  const std::uint64_t shared = mask_line(*text, "\nShdPnd:").value_or(0);
  return (own | shared) & among;
}

}  // namespace tc::determinism
