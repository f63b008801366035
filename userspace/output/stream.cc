#include "output/stream.h"

#include <fmt/format.h>

#include <cerrno>

namespace tc::output {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;

}  // namespace

EvidenceStream::EvidenceStream(Destination destination, std::unique_ptr<Format> format)
    : destination_(std::move(destination)), format_(std::move(format)) {
  begin_block();
}

void EvidenceStream::begin_block() {
  block_.text.clear();
  block_.borders.clear();
  block_.position = destination_.position();
  block_.digest = digest_;
  block_.counts = total_;
}

Result<void> EvidenceStream::start(event::Record& facts) {
  if (!format_->has_frame()) return {};
  facts.add("schema", kSchemaVersion);
  format_->append(facts, block_.text);
  block_.borders.push_back({block_.text.size(), total_});
  return flush();
}

Result<void> EvidenceStream::write(const event::Record& record, std::uint64_t lost) {
  format_->append(record, block_.text);
  ++total_.records;
  total_.lost += lost;
  block_.borders.push_back({block_.text.size(), total_});
  return block_.text.size() >= kBlockBytes ? flush() : Result<void>();
}

Result<void> EvidenceStream::write_formatted(std::string_view lines, std::uint64_t records,
                                             std::uint64_t lost) {
  block_.text += lines;
  total_.records += records;
  total_.lost += lost;
  block_.borders.push_back({block_.text.size(), total_});
  return block_.text.size() >= kBlockBytes ? flush() : Result<void>();
}

Result<void> EvidenceStream::flush() {
  if (block_.text.empty()) return {};
  if (auto written = destination_.write(block_.text); !written) return save(written.error());
  if (format_->has_frame()) digest_.update(block_.text);
  std::swap(previous_, block_);
  begin_block();
  return {};
}

std::string EvidenceStream::ending(const json::Sha256& digest, Counts counts) {
  std::string text;
  scratch_.start("stream_end");
  scratch_.add("lost", counts.lost);
  scratch_.add("records", counts.records);
  const std::string hex = digest.hex();
  scratch_.add("sha256", std::string_view(hex));
  format_->append(scratch_, text);
  return text;
}

Result<void> EvidenceStream::finish() {
  TC_CHECK(flush());
  if (!format_->has_frame()) return {};
  const std::string text = ending(digest_, total_);
  if (auto written = destination_.write(text); !written) return save(written.error());
  return {};
}

// Ends the stream at `border` of `text`, whose first byte lies at base.position: the records kept,
// a `lost` record for those dropped, stream_end. False when that needs more room than there is.
bool EvidenceStream::end_at(const Block& base, const std::string& text, const Border& border,
                            Counts dropped) {
  std::string tail = text.substr(0, border.offset);
  Counts counts = border.counts;
  if (format_->has_frame()) {
    if (dropped.records > 0) {
      scratch_.start("lost");
      scratch_.add("count", dropped.records + dropped.lost);
      scratch_.add("reason", std::string_view("output_full"));
      format_->append(scratch_, tail);
      counts.records += 1;
      counts.lost += dropped.records + dropped.lost;
    }
    json::Sha256 digest = base.digest;
    digest.update(tail);
    tail += ending(digest, counts);
  }
  const Result<bool> fits = destination_.replace_tail(base.position, tail);
  if (!fits || !*fits) return false;
  total_ = counts;
  return true;
}

Error EvidenceStream::save(const Error& failure) {
  if (!destination_.is_seekable()) return failure;
  // The last two blocks together always hold enough written bytes for an ending, if anything
  // was written at all: an ending is some 300 bytes.
  const Block& base = previous_.text.empty() ? block_ : previous_;
  const std::string text = &base == &block_ ? block_.text : previous_.text + block_.text;
  std::vector<Border> borders = base.borders;
  if (&base != &block_) {
    for (const Border& border : block_.borders)
      borders.push_back({previous_.text.size() + border.offset, border.counts});
  }
  // Not before stream_start, without which there is no stream.
  if (base.position > 0) borders.insert(borders.begin(), Border{0, base.counts});
  for (std::size_t kept = borders.size(); kept > 0; kept -= (kept + 15) / 16) {
    const Border& border = borders[kept - 1];
    const Counts dropped{total_.records - border.counts.records, total_.lost - border.counts.lost};
    if (end_at(base, text, border, dropped))
      return failure.while_doing(
          fmt::format("{} holds {} whole records and is valid; {} did not fit", destination_.name(),
                      border.counts.records, dropped.records));
  }
  return failure.while_doing(destination_.name() + " could not take even the stream's frame");
}

}  // namespace tc::output
