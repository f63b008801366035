#include "proc/maps.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/number.h"

namespace tc::proc {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

// A mapping and the line it came from, which an overlap is reported at.
struct LocatedMapping {
  Mapping mapping;
  std::size_t line;
};

// Reads one line from left to right and keeps the place for messages.
class LineParser {
 public:
  LineParser(std::string_view text, const std::string& name, std::size_t line)
      : text_(text), name_(name), line_(line) {}

  Result<Mapping> parse() {
    Mapping mapping;
    TC_TRY(mapping.start, number(16, '-', "start address"));
    const std::size_t end_at = at_;
    TC_TRY(mapping.end, number(16, ' ', "end address"));
    if (mapping.end <= mapping.start) {
      at_ = end_at;
      return fail("the end address is not above the start address");
    }
    TC_CHECK(permissions(mapping));
    TC_TRY(mapping.offset, number(16, ' ', "offset"));
    TC_TRY(mapping.device_major, device_number(':', "device major"));
    TC_TRY(mapping.device_minor, device_number(' ', "device minor"));
    TC_TRY(mapping.inode, number(10, ' ', "inode"));
    path(mapping);
    return mapping;
  }

 private:
  Error fail(std::string_view what) const {
    return error("{}:{}:{}: error: [maps] {}", name_, line_, at_ + 1, what);
  }

  // A number and the delimiter behind it; the end of the line also ends one before a blank.
  Result<std::uint64_t> number(int radix, char delimiter, std::string_view what) {
    const std::size_t found = text_.find(delimiter, at_);
    if (found == std::string_view::npos && delimiter != ' ') {
      return fail(fmt::format("expected {} and '{}'", what, delimiter));
    }
    const std::string_view digits = text_.substr(at_, found - at_);
    const std::optional<std::uint64_t> value = base::parse_unsigned(digits, radix);
    if (!value) {
      return fail(fmt::format("{} is not a {} number", what, radix == 16 ? "hex" : "decimal"));
    }
    at_ = found == std::string_view::npos ? text_.size() : found + 1;
    return *value;
  }

  Result<std::uint32_t> device_number(char delimiter, std::string_view what) {
    const std::size_t begin = at_;
    TC_TRY(const std::uint64_t value, number(16, delimiter, what));
    if (value > std::numeric_limits<std::uint32_t>::max()) {
      at_ = begin;
      return fail(fmt::format("{} exceeds 32 bits", what));
    }
    return static_cast<std::uint32_t>(value);
  }

  Result<void> permissions(Mapping& mapping) {
    constexpr std::string_view kSet = "rwxs";
    constexpr std::string_view kClear = "---p";
    if (text_.size() < at_ + 5 || text_[at_ + 4] != ' ') return fail("expected four permissions");
    bool* const flags[] = {&mapping.readable, &mapping.writable, &mapping.executable,
                           &mapping.shared};
    for (std::size_t i = 0; i < kSet.size(); ++i, ++at_) {
      if (text_[at_] != kSet[i] && text_[at_] != kClear[i]) {
        return fail(fmt::format("expected '{}' or '{}'", kSet[i], kClear[i]));
      }
      *flags[i] = text_[at_] == kSet[i];
    }
    ++at_;
    return {};
  }

  void path(Mapping& mapping) {
    at_ = std::min(text_.find_first_not_of(' ', at_), text_.size());
    std::string_view rest = text_.substr(at_);
    // "[anon:x (deleted)]" and the like end otherwise; only objects of a file system are marked.
    if (rest.starts_with('/') && rest.ends_with(kDeleted)) {
      rest.remove_suffix(kDeleted.size());
      mapping.deleted = true;
    }
    for (std::size_t escape = rest.find("\\012"); escape != std::string_view::npos;
         escape = rest.find("\\012")) {
      mapping.path.append(rest.substr(0, escape)).push_back('\n');
      rest.remove_prefix(escape + 4);
    }
    mapping.path.append(rest);
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t line_;
  std::size_t at_ = 0;
};

std::string range_text(const Mapping& mapping) {
  return fmt::format("{:x}-{:x}", mapping.start, mapping.end);
}

Result<void> check_overlap(const std::vector<LocatedMapping>& sorted, const std::string& name) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const LocatedMapping* first = &sorted[i - 1];
    const LocatedMapping* second = &sorted[i];
    if (first->mapping.end <= second->mapping.start) continue;
    if (first->line > second->line) std::swap(first, second);
    return error("{}:{}:1: error: [maps] {} overlaps {} of line {}", name, second->line,
                 range_text(second->mapping), range_text(first->mapping), first->line);
  }
  return {};
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [text](std::string_view prefix) { return text.starts_with(prefix); });
}

}  // namespace

MappingKind Mapping::kind() const {
  if (path == "[vdso]") return MappingKind::kVdso;
  if (path.empty()) return inode != 0 ? MappingKind::kPseudo : MappingKind::kAnonymous;
  if (starts_with_any(path, {"[heap]", "[stack", "[anon:", "//anon"})) {
    return MappingKind::kAnonymous;
  }
  if (path.front() != '/') return MappingKind::kPseudo;
  if (path.starts_with("/memfd:")) return MappingKind::kMemfd;
  // These live on the kernel's own tmpfs, where no path leads; a user's file of that name in the
  // root directory is told by not being deleted.
  if (deleted && (path == "/dev/zero" ||
                  starts_with_any(path, {"/SYSV", "/anon_hugepage", "/[aio]", "/[anon_shmem"}))) {
    return MappingKind::kSharedMemory;
  }
  return MappingKind::kFile;
}

Result<std::vector<Mapping>> parse_maps(std::string_view text, const std::string& name) {
  std::vector<LocatedMapping> located;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    if (length > 0) {
      TC_TRY(Mapping mapping, LineParser(text.substr(0, length), name, line).parse());
      located.push_back({std::move(mapping), line});
    }
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  const auto by_start = [](const LocatedMapping& a, const LocatedMapping& b) {
    return a.mapping.start < b.mapping.start;
  };
  std::stable_sort(located.begin(), located.end(), by_start);
  TC_CHECK(check_overlap(located, name));
  std::vector<Mapping> mappings;
  mappings.reserve(located.size());
  for (LocatedMapping& entry : located) mappings.push_back(std::move(entry.mapping));
  return mappings;
}

}  // namespace tc::proc
