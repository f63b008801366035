// Pages of this process with nothing behind them, to be read as if they were a tracee's.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tc::test {

class OwnPages {
 public:
  explicit OwnPages(std::size_t count) : size_(count * kPage) {
    memory_ = static_cast<char*>(
        mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    munmap(memory_ + size_, kPage);
  }
  OwnPages(const OwnPages&) = delete;
  OwnPages& operator=(const OwnPages&) = delete;
  ~OwnPages() { munmap(memory_, size_); }

  char* data() const { return memory_; }
  std::uint64_t address(std::size_t offset = 0) const {
    return reinterpret_cast<std::uint64_t>(memory_) + offset;
  }
  std::uint64_t end() const { return address(size_); }
  std::uint64_t put(std::size_t offset, std::string_view bytes) const {
    std::memcpy(memory_ + offset, bytes.data(), bytes.size());
    return address(offset);
  }
  // The last bytes before memory ends.
  std::uint64_t put_last(std::string_view bytes) const { return put(size_ - bytes.size(), bytes); }
  void protect(int protection) const { mprotect(memory_, size_, protection); }

  static constexpr std::size_t kPage = 4096;

 private:
  std::size_t size_;
  char* memory_;
};

}  // namespace tc::test
