#include "trace/descriptors.h"

#include <fmt/format.h>

#include <algorithm>

#include "trace/line.h"

namespace tc::trace {
namespace {

// What a process may have open at most by default (fs.nr_open); a number above is no descriptor.
constexpr std::int64_t kMostDescriptors = 1 << 20;
constexpr std::int64_t kStandard = 3;

}  // namespace

const Description* DescriptorTable::find(std::int64_t descriptor) const {
  if (descriptor < 0 || descriptor >= static_cast<std::int64_t>(entries_.size())) return nullptr;
  return entries_[static_cast<std::size_t>(descriptor)].description.get();
}

SharedDescription DescriptorTable::share(std::int64_t descriptor) const {
  if (find(descriptor) == nullptr) return nullptr;
  return entries_[static_cast<std::size_t>(descriptor)].description;
}

void DescriptorTable::set(std::int64_t descriptor, SharedDescription description,
                          bool close_on_exec) {
  if (descriptor < 0 || descriptor >= kMostDescriptors) return;
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= entries_.size()) entries_.resize(index + 1);
  if (description) ordinals_.take(description->kind, description->ordinal);
  if (const Description* former = entries_[index].description.get())
    ordinals_.release(former->kind, former->ordinal);
  entries_[index] = {.description = std::move(description), .close_on_exec = close_on_exec};
}

void DescriptorTable::clear(std::int64_t descriptor) {
  if (find(descriptor) != nullptr) set(descriptor, nullptr, false);
}

void DescriptorTable::open(std::int64_t descriptor, SharedDescription description,
                           bool close_on_exec, std::uint32_t thread) {
  if (SharedDescription former = share(descriptor)) {
    constexpr std::size_t kMost = 64;  // closes that were never told must not pile up
    if (overtaken_.size() == kMost) overtaken_.erase(overtaken_.begin());
    overtaken_.emplace_back(descriptor, std::move(former));
  }
  set(descriptor, std::move(description), close_on_exec);
  if (find(descriptor) != nullptr) entries_[static_cast<std::size_t>(descriptor)].opener = thread;
}

DescriptorTable::Overtaken::const_iterator DescriptorTable::overtaken(std::int64_t descriptor,
                                                                      std::uint32_t thread) const {
  // Who has opened it closes what it has opened.
  if (find(descriptor) != nullptr &&
      entries_[static_cast<std::size_t>(descriptor)].opener == thread)
    return overtaken_.end();
  return std::find_if(overtaken_.begin(), overtaken_.end(),
                      [&](const auto& row) { return row.first == descriptor; });
}

SharedDescription DescriptorTable::closing(std::int64_t descriptor, std::uint32_t thread) const {
  const auto former = overtaken(descriptor, thread);
  return former != overtaken_.end() ? former->second : share(descriptor);
}

void DescriptorTable::close(std::int64_t descriptor, std::uint32_t thread) {
  const auto former = overtaken(descriptor, thread);
  if (former != overtaken_.end())
    overtaken_.erase(former);
  else
    clear(descriptor);
}

void DescriptorTable::close_range(std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t index = first; index < entries_.size() && index <= last; ++index)
    clear(static_cast<std::int64_t>(index));
}

void DescriptorTable::set_close_on_exec(std::int64_t descriptor, bool close_on_exec) {
  if (find(descriptor) != nullptr)
    entries_[static_cast<std::size_t>(descriptor)].close_on_exec = close_on_exec;
}

void DescriptorTable::set_close_on_exec_range(std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t index = first; index < entries_.size() && index <= last; ++index)
    entries_[index].close_on_exec = true;
}

void DescriptorTable::exec() {
  overtaken_.clear();
  for (std::size_t index = 0; index < entries_.size(); ++index)
    if (entries_[index].close_on_exec) clear(static_cast<std::int64_t>(index));
}

void DescriptorTable::mark_inherited() {
  for (std::int64_t index = kStandard; index < static_cast<std::int64_t>(entries_.size());
       ++index) {
    const Description* former = find(index);
    if (former == nullptr) continue;
    Description inherited = *former;
    inherited.token = fmt::format("inherited:{}", index);
    inherited.ordinal = 0;
    set(index, std::make_shared<const Description>(std::move(inherited)), false);
  }
}

SharedDescription DescriptorTable::file(std::string_view path, std::string_view shown,
                                        std::string_view label) {
  const std::uint64_t kind = Ordinals::kind(path, label);
  const std::uint32_t ordinal = ordinals_.lowest_free(kind);
  return std::make_shared<const Description>(
      Description{.token = ordinal == 1 ? std::string(shown) : numbered(shown, label, ordinal),
                  .path = std::string(path),
                  .traits = {},
                  .behind = behind_path(path),
                  .kind = kind,
                  .ordinal = ordinal});
}

SharedDescription DescriptorTable::other(std::string_view what, std::string_view suffix,
                                         std::string_view label, const Description* like,
                                         std::string_view traits) {
  const std::uint64_t kind = Ordinals::kind(what, label);
  const std::uint32_t ordinal = like != nullptr ? like->ordinal : ordinals_.lowest_free(kind);
  return std::make_shared<const Description>(
      Description{.token = numbered(what, label, ordinal).append(traits).append(suffix),
                  .path = {},
                  .traits = std::string(traits),
                  .behind = Behind::kOther,
                  .kind = kind,
                  .ordinal = ordinal});
}

Behind behind_path(std::string_view path) {
  if (path.starts_with("/proc/") || path.starts_with("/sys/") || path == "/proc" || path == "/sys")
    return Behind::kState;
  if (path == "/dev/urandom" || path == "/dev/random" || path == "/dev/hwrng")
    return Behind::kRandom;
  return Behind::kFile;
}

}  // namespace tc::trace
