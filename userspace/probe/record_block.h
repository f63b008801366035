// Wire records on their way from the ring to the pipeline, many to a block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace tc::probe {

// Records one behind the other, each on an 8-byte border. Filled once, then only read.
class RecordBlock {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 20U;

  RecordBlock() : limit_words_(kCapacity / sizeof(std::uint64_t)) { words_.reserve(limit_words_); }
  // One that is never full, for records that are all there already.
  static RecordBlock unbounded() {
    RecordBlock block;
    block.limit_words_ = block.words_.max_size();
    return block;
  }

  // False when the block is full; a record longer than a whole block still fits an empty one.
  bool append(std::span<const std::byte> record) {
    const std::size_t words = (record.size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
    if (!sizes_.empty() && words_.size() + words > limit_words_) return false;
    const std::size_t at = words_.size();
    words_.resize(at + words);
    std::memcpy(&words_[at], record.data(), record.size());
    sizes_.push_back(record.size());
    return true;
  }

  bool empty() const { return sizes_.empty(); }
  std::size_t count() const { return sizes_.size(); }

  // visit(record) for each, in order. Views hold as long as the block.
  template <class Visit>
  void for_each(Visit&& visit) const {
    std::size_t at = 0;
    for (const std::size_t size : sizes_) {
      visit(std::span(reinterpret_cast<const std::byte*>(&words_[at]), size));
      at += (size + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
    }
  }

 private:
  std::size_t limit_words_;
  std::vector<std::uint64_t> words_;
  std::vector<std::size_t> sizes_;
};

}  // namespace tc::probe
