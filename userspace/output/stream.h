// EvidenceStream: records in, a stream out that tells by itself whether it is whole.
//
// A canonical stream starts with stream_start and ends with stream_end, which counts the records
// and the losses and carries the SHA-256 of every byte before it. When the disk fills, the stream
// is cut back to the last whole record that leaves room for a true ending, so that what was
// written stays valid.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/record.h"
#include "json/digest.h"
#include "output/destination.h"
#include "output/format.h"

namespace tc::output {

// The version of the record model that stream_start announces.
inline constexpr std::uint64_t kSchemaVersion = 1;

class EvidenceStream {
 public:
  EvidenceStream(Destination destination, std::unique_ptr<Format> format);

  // Writes stream_start with `facts` (its fields; `schema` is added). Once, before any record.
  Result<void> start(event::Record& facts);

  // Buffers the record. `lost` is how many records it stands for as lost.
  Result<void> write(const event::Record& record, std::uint64_t lost = 0);

  // The same for records that stand formatted by format() already, one a line; all or none of them
  // survive a full disk.
  Result<void> write_formatted(std::string_view lines, std::uint64_t records,
                               std::uint64_t lost = 0);
  Format& format() { return *format_; }

  // Hands what is buffered to the destination.
  Result<void> flush();

  // Writes stream_end. No record may follow.
  Result<void> finish();

  std::uint64_t records() const { return total_.records; }
  std::uint64_t lost() const { return total_.lost; }
  const Destination& destination() const { return destination_; }

 private:
  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
  };
  // A place where the stream may end: behind a whole record.
  struct Border {
    std::size_t offset;  // in the block
    Counts counts;
  };
  struct Block {
    std::string text;
    std::vector<Border> borders;
    std::uint64_t position = 0;  // of its first byte in the destination
    json::Sha256 digest;         // of everything before it
    Counts counts;               // before it
  };

  void begin_block();
  std::string ending(const json::Sha256& digest, Counts counts);
  Error save(const Error& failure);
  bool end_at(const Block& base, const std::string& text, const Border& border, Counts dropped);

  Destination destination_;
  std::unique_ptr<Format> format_;
  event::Record scratch_;
  Block block_;
  Block previous_;
  json::Sha256 digest_;
  Counts total_;
};

}  // namespace tc::output
