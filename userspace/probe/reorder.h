// Reorder: one order for records of all CPUs.
//
// Writers on several CPUs share one ring, so records arrive almost sorted: under one in a hundred
// is late, by microseconds. They wait here until nothing earlier can come any more and leave by
// (time, cpu, seq), with the bytes themselves as the last word, so that the order never depends
// on how they arrived.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "probe/record_block.h"
#include "tc/event.h"

namespace tc::probe {

class Reorder {
 public:
  // Takes in the records of the block, which lives until the last of them has left. A record too
  // short for a header is handed to `broken` and forgotten.
  template <class Broken>
  void add(const std::shared_ptr<const RecordBlock>& block, Broken&& broken);

  // Lets every record stamped before `settled_ns` leave, in order: take(bytes).
  template <class Take>
  void release(std::uint64_t settled_ns, Take&& take);

  // Lets everything leave: nothing more will come.
  template <class Take>
  void release_all(Take&& take);

  std::size_t size() const { return waiting_.size(); }

 private:
  struct Entry {
    std::span<const std::byte> bytes;
    std::shared_ptr<const RecordBlock> block;

    const tc_header& header() const { return *reinterpret_cast<const tc_header*>(bytes.data()); }
    bool operator<(const Entry& other) const;
  };

  void insert(Entry entry);

  std::deque<Entry> waiting_;
};

template <class Broken>
void Reorder::add(const std::shared_ptr<const RecordBlock>& block, Broken&& broken) {
  block->for_each([&](std::span<const std::byte> bytes) {
    if (bytes.size() < sizeof(tc_header))
      broken(bytes);
    else
      insert({bytes, block});
  });
}

template <class Take>
void Reorder::release(std::uint64_t settled_ns, Take&& take) {
  while (!waiting_.empty() && waiting_.front().header().time_ns < settled_ns) {
    take(waiting_.front().bytes);
    waiting_.pop_front();
  }
}

template <class Take>
void Reorder::release_all(Take&& take) {
  for (; !waiting_.empty(); waiting_.pop_front()) take(waiting_.front().bytes);
}

}  // namespace tc::probe
