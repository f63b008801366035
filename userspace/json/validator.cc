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
    mark_ = 3;
  }
  if (end > text && end[-1] == '\r') {
    --end;
    report(static_cast<std::size_t>(end - text), "end-of-line", "a line ends in LF, not CR LF");
  }
  if (text == end) {
    report(0, "empty-line", "an empty line");
  } else {
    record(check_.check(text, end, readable), begin);
  }
  ++line_;
  mark_ = 0;
}

void StreamValidator::record(const RecordFacts& facts, const char* begin) {
  if (!facts.whole) {
    lost_is_known_ = false;
  } else if (facts.event.kind != Fact::Kind::kString) {
    report(facts.event.offset, "event", "a record has a key \"event\", a string");
  }
  if (facts.time_ns.kind != Fact::Kind::kAbsent && facts.time_ns.kind != Fact::Kind::kUnsigned)
    report(facts.time_ns.offset, "time", "time_ns counts nanoseconds since boot, from 0 on");
  switch (stage_) {
    case Stage::kBeforeStart:
      stage_ = Stage::kInside;
      // A first line that could not be read is taken for the stream_start it should be.
      if (!facts.whole) return;
      if (facts.event.is("stream_start")) return check_start(facts);
      report(0, "stream-start", "the first record is not a stream_start");
      break;
    case Stage::kInside:
      if (!facts.event.is("stream_start")) break;
      report(0, "stream-start", "a second stream_start");
      break;
    case Stage::kAfterEnd:
      return record_after_end();
  }
  if (facts.event.is("stream_end")) return check_end(facts, begin);
  ++summary_.records;
  if (facts.event.is("lost")) add_loss(facts);
}

void StreamValidator::check_start(const RecordFacts& facts) {
  const Fact& schema = facts.schema;
  if (schema.is(kSchema)) return;
  if (schema.kind == Fact::Kind::kUnsigned && schema.number > kSchema) {
    report(schema.offset, "schema",
           fmt::format("schema {}: written by a newer tc; this one knows schema {}", schema.number,
                       kSchema));
  } else {
    report(schema.offset, "stream-start", fmt::format("stream_start has no schema {}", kSchema));
  }
}

void StreamValidator::add_loss(const RecordFacts& facts) {
  if (facts.count.kind != Fact::Kind::kUnsigned) {
    lost_is_known_ = false;
    report(facts.count.offset, "lost", "a record of event \"lost\" has a count");
  } else if (__builtin_add_overflow(summary_.lost, facts.count.number, &summary_.lost)) {
    summary_.lost = std::numeric_limits<std::uint64_t>::max();
  }
}

void StreamValidator::check_end(const RecordFacts& facts, const char* begin) {
  hash_up_to(begin);
  stage_ = Stage::kAfterEnd;
  summary_.complete = true;
  if (facts.records.kind != Fact::Kind::kUnsigned) {
    report(facts.records.offset, "count", "stream_end has no number of records");
  } else if (!facts.records.is(summary_.records)) {
    report(facts.records.offset, "count",
           fmt::format("stream_end says {} records; {} are here", facts.records.number,
                       summary_.records));
  }
  if (facts.lost.kind != Fact::Kind::kUnsigned) {
    report(facts.lost.offset, "lost", "stream_end has no number of lost records");
  } else if (lost_is_known_ && !facts.lost.is(summary_.lost)) {
    report(facts.lost.offset, "lost",
           fmt::format("stream_end says {} lost; the records of event \"lost\" add up to {}",
                       facts.lost.number, summary_.lost));
  }
  const std::string digest = sha_.hex();
  if (!facts.sha256.is(digest)) {
    report(facts.sha256.offset, "sha256",
           fmt::format("the bytes before stream_end have the SHA-256 {}", digest));
  }
}

// Said once: what follows is most likely another whole stream.
void StreamValidator::record_after_end() {
  if (!std::exchange(trailing_, true)) report(0, "after-end", "a record after stream_end");
}

void StreamValidator::too_long_line() {
  report(line_limit_, "line-length", fmt::format("a line of more than {} bytes", line_limit_));
  lost_is_known_ = false;
  if (stage_ == Stage::kBeforeStart) {
    stage_ = Stage::kInside;
  } else if (stage_ == Stage::kInside) {
    ++summary_.records;
  } else {
    record_after_end();
  }
}

// Bytes after stream_end are nobody's: the digest stays where it was compared.
void StreamValidator::hash_up_to(const char* end) {
  if (stage_ != Stage::kAfterEnd) sha_.update({unhashed_, end});
  unhashed_ = end;
}

Summary StreamValidator::finish() {
  if (!kept_.empty() || skipping_) {
    report(skipping_ ? line_limit_ : kept_.size(), "end-of-line", "the last line has no LF");
    end_kept_line();
  }
  if (!summary_.complete) {
    report(0, "truncated",
           "the stream ends without stream_end: the writer died or the file was cut");
  }
  return summary_;
}

void StreamValidator::report(std::size_t offset, const char* id, std::string text) {
  ++summary_.findings;
  report_({line_, mark_ + offset + 1, id, std::move(text)});
}

}  // namespace tc::json
