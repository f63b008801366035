#include "trace/line.h"

namespace tc::trace {
namespace {

constexpr std::array<std::string_view, kAppearances> kWords = {"inode", "dev", "addr", "outside",
                                                               "tmp"};

std::size_t index_of(Appearance kind) { return static_cast<std::size_t>(kind); }

}  // namespace

std::string numbered(std::string_view what, std::string_view label, std::uint32_t number) {
  std::string text(what);
  text += '#';
  if (!label.empty()) text.append(label).append(1, '.');
  return text += std::to_string(number);
}

Line::Line() {
  for (auto& names : names_) names = std::make_shared<Names>();
}

Line Line::of_thread(std::uint32_t ordinal) const {
  Line line = *this;
  if (!line.label_.empty()) line.label_ += '.';
  line.label_ += std::to_string(ordinal);
  line.counts_ = {};
  return line;
}

std::string_view Line::name(Appearance kind, std::uint64_t value) {
  std::shared_ptr<Names>& names = names_[index_of(kind)];
  if (const auto known = names->find(value); known != names->end()) return known->second;
  if (names.use_count() > 1) names = std::make_shared<Names>(*names);
  return names->emplace(value, next(kind)).first->second;
}

std::string Line::next(Appearance kind) {
  return numbered(kWords[index_of(kind)], label_, ++counts_[index_of(kind)]);
}

void Line::forget(Appearance kind) {
  if (names_[index_of(kind)]->empty()) return;
  names_[index_of(kind)] = std::make_shared<Names>();
  counts_[index_of(kind)] = 0;
}

}  // namespace tc::trace
