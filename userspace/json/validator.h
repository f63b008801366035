// StreamValidator: is this NDJSON stream canonical, whole and untampered? Judges bytes, lines and
// the stream's own accounts (DESIGN section 4); which fields an event has is event/'s business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "json/digest.h"
#include "json/record_check.h"

namespace tc::json {

// One thing wrong. Ids of a line: bom empty-line end-of-line line-length whitespace utf8 nfc
// escape number null key-order duplicate-key key-name hex syntax event time. Ids of the stream:
// stream-start schema after-end truncated count sha256 lost.
struct Finding {
  std::uint64_t line;    // from 1
  std::uint64_t column;  // from 1, in bytes
  std::string id;
  std::string text;  // one line, in words; may quote bytes of the input
};

struct Summary {
  std::uint64_t records = 0;  // between stream_start and stream_end
  std::uint64_t lost = 0;     // the sum over the records of event "lost"
  std::uint64_t findings = 0;
  bool complete = false;  // stream_end was seen
};

// Takes the stream in chunks of any size, in constant memory, and goes on after a bad line. The
// findings do not depend on where the chunks are cut.
class StreamValidator {
 public:
  using ReportFn = std::function<void(const Finding&)>;
  // A longer line is a finding and is not looked into.
  static constexpr std::size_t kLineLimit = std::size_t{64} << 20U;

  explicit StreamValidator(ReportFn report, std::size_t line_limit = kLineLimit);
  // Its record check reports to this very object.
  StreamValidator(const StreamValidator&) = delete;
  StreamValidator& operator=(const StreamValidator&) = delete;

  void feed(std::string_view chunk);
  // The end of the stream; nothing may follow.
  Summary finish();

 private:
  enum class Stage { kBeforeStart, kInside, kAfterEnd };

  void feed_lines(std::string_view lines);
  void keep(std::string_view piece);
  void end_kept_line();
  void line(const char* begin, const char* end, const char* readable);
  void record(const RecordFacts& facts, const char* begin);
  void check_start(const RecordFacts& facts);
  void check_end(const RecordFacts& facts, const char* begin);
  void add_loss(const RecordFacts& facts);
  void record_after_end();
  void too_long_line();
  void hash_up_to(const char* end);
  void report(std::size_t offset, const char* id, std::string text);

  ReportFn report_;
  const std::size_t line_limit_;
  RecordCheck check_;
  Sha256 sha_;
  Summary summary_;
  Stage stage_ = Stage::kBeforeStart;
  std::uint64_t line_ = 1;
  std::size_t mark_ = 0;            // bytes of a byte order mark before the record at hand
  std::string kept_;                // the beginning of a line whose end has not come yet
  bool skipping_ = false;           // that line is too long, and not kept
  bool lost_is_known_ = true;       // every line could be read, so no `count` was missed
  bool trailing_ = false;           // a record after stream_end was reported
  const char* unhashed_ = nullptr;  // where the digest stands in the bytes at hand
};

}  // namespace tc::json
