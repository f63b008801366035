// Ring: the reading side of a BPF ring buffer (kernel/bpf/ringbuf.c), read in batches.
//
// libbpf's reader hands back every record's room at once and looks for more at every record: it
// follows a busy writer step by step, and each step takes the same cache lines from one CPU to the
// other, which costs the writer more than the record does. This one takes what was there when it
// looked, and returns the room once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::probe {

class Ring {
 public:
  // `map` is the fd of a map of type BPF_MAP_TYPE_RINGBUF with `bytes` bytes of data; borrowed.
  static Result<Ring> open(int map, std::size_t bytes);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) noexcept;
  ~Ring();

  // Waits until the writer wakes the reader, interrupt() is called or the time is over.
  void wait(std::chrono::milliseconds timeout);
  // From any thread: the wait that goes on, or else the next one, ends at once.
  void interrupt() const;

  // Hands over the records that are there now, in order. A pass ends early at a record that is
  // still being written, and when `take` says false, which took the record. Returns whether all
  // that was there has been taken.
  using RecordFn = std::function<bool(std::span<const std::byte>)>;
  bool take_all(const RecordFn& take);
  // Bytes waiting to be taken.
  std::size_t unread() const;

 private:
  // Memory shared with the kernel.
  struct Mapping {
    Mapping(void* begin, std::size_t length) : address(begin), size(length) {}
    Mapping(Mapping&& other) noexcept
        : address(std::exchange(other.address, nullptr)), size(other.size) {}
    Mapping& operator=(Mapping&& other) noexcept {
      std::swap(address, other.address);
      std::swap(size, other.size);
      return *this;
    }
    ~Mapping();

    void* address;
    std::size_t size;
  };
  Ring(Mapping consumer, Mapping producer, std::size_t bytes, UniqueFd epoll,
       UniqueFd interruption);

  std::uint64_t* consumed() const { return static_cast<std::uint64_t*>(consumer_.address); }
  std::uint64_t* produced() const { return static_cast<std::uint64_t*>(producer_.address); }

  Mapping consumer_;  // one page: how far was read
  Mapping producer_;  // a page: how far was written; then the data, twice in a row
  std::size_t bytes_;
  UniqueFd epoll_;
  UniqueFd interruption_;
};

}  // namespace tc::probe
