#include "json/validator.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <utility>

namespace tc::json {
namespace {

constexpr std::uint64_t kSchema = 1;

// Bytes are hashed in runs of about this size, while they are still in the cache.
constexpr std::ptrdiff_t kHashRun = 32768;

// What RecordCheck may look at behind a kept line: never judged, but there.
constexpr std::size_t kPadding = 16;

std::string missing(const char* key) { return fmt::format("stream_end has no {}", key); }

}  // namespace

StreamValidator::StreamValidator(ReportFn report, std::size_t line_limit)
    : report_(std::move(report)),
      line_limit_(line_limit),
      check_([this](std::size_t offset, const char* id, std::string text) {
        this->report(offset, id, std::move(text));
      }) {}

void StreamValidator::feed(std::string_view chunk) {
  if (!kept_.empty() || skipping_) {
    const std::size_t feed_at = chunk.find('\n');
    if (feed_at == std::string_view::npos) return keep(chunk);
    keep(chunk.substr(0, feed_at));
    end_kept_line();
    chunk.remove_prefix(feed_at + 1);
  }
  const std::size_t last_feed = chunk.rfind('\n');
  if (last_feed != std::string_view::npos) {
    feed_lines(chunk.substr(0, last_feed + 1));
    chunk.remove_prefix(last_feed + 1);
  }
  keep(chunk);
}

// Whole lines, each with its line feed, checked where they lie.
void StreamValidator::feed_lines(std::string_view lines) {
  const char* at = lines.data();
  const char* const end = at + lines.size();
  unhashed_ = at;
  while (at < end) {
    const auto* const feed_at =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    line(at, feed_at, end);
    at = feed_at + 1;
    if (at - unhashed_ >= kHashRun) hash_up_to(at);
  }
  hash_up_to(end);
}

void StreamValidator::keep(std::string_view piece) {
  if (!skipping_ && kept_.size() + piece.size() > line_limit_) {
    too_long_line();
    skipping_ = true;
    if (stage_ != Stage::kAfterEnd) sha_.update(kept_);
    kept_ = {};
  }
  if (!skipping_) {
    kept_.append(piece);
  } else if (stage_ != Stage::kAfterEnd) {
    sha_.update(piece);
  }
}

void StreamValidator::end_kept_line() {
  if (std::exchange(skipping_, false)) {
    ++line_;
    if (stage_ != Stage::kAfterEnd) sha_.update("\n");
    return;
  }
  const std::size_t size = kept_.size();
  kept_.push_back('\n');
  kept_.append(kPadding, '\0');
  const char* const begin = kept_.data();
  unhashed_ = begin;
  line(begin, begin + size, begin + kept_.size());
  hash_up_to(begin + size + 1);
  kept_.clear();
}

// One line, its line feed at `end`; counts it.
void StreamValidator::line(const char* begin, const char* end, const char* readable) {
  if (static_cast<std::size_t>(end - begin) > line_limit_) {
    too_long_line();
    ++line_;
    return;
  }
  const char* text = begin;
  if (line_ == 1 && std::string_view(begin, end).starts_with("\xef\xbb\xbf")) {
    report(0, "bom", "the stream starts with a byte order mark");
    text += 3;
  }
  if (end > text && end[-1] == '\r') {
    --end;
    report(static_cast<std::size_t>(end - begin), "end-of-line", "a line ends in LF, not CR LF");
  }
  if (text == end) {
    report(0, "empty-line", "an empty line");
  } else {
    record(check_.check(text, end, readable), begin);
  }
  ++line_;
}
