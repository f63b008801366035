// FakeGuest: a guest made of memory and of results written down beforehand, so that a handler is
// tested without a process. run() plays the kernel: it takes the handler's injections one by one.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "guest/guest.h"
#include "guest/handler.h"

namespace tc::test {

class FakeGuest final : public guest::Guest {
 public:
  // Memory that can be read and written; nothing else can.
  void map(std::uint64_t start, std::size_t size) { regions_[start].resize(size); }

  guest::Task task() const override { return {.pid = 1, .tid = 1}; }
  Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) override {
    const std::byte* const from = find(address, to.size());
    if (from == nullptr) return system_error(EFAULT, "read the guest's memory");
    std::copy_n(from, to.size(), to.begin());
    return {};
  }
  Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) override {
    std::byte* const to = find(address, from.size());
    if (to == nullptr) return system_error(EFAULT, "write the guest's memory");
    std::copy(from.begin(), from.end(), to);
    return {};
  }

  // What the kernel does with the next injection: it may touch the memory, and returns the result.
  using Kernel = std::function<std::int64_t(const guest::RawCall&)>;
  void expect(Kernel kernel) { script_.push_back(std::move(kernel)); }
  void expect(std::int64_t result) {
    expect([result](const guest::RawCall&) { return result; });
  }

  // Drives the handler to its end and tells its answer. Calls that the script does not have get
  // ENOSYS.
  std::int64_t run(guest::Handler handler) {
    for (handler.start(); !handler.done();) {
      const guest::RawCall call = handler.wanted();
      injected_.push_back(call);
      handler.resume(make(call));
    }
    return handler.answer();
  }
  // The kernel's part of run(): what the next line of the script makes of the call.
  std::int64_t make(const guest::RawCall& call) {
    if (script_.empty()) return -ENOSYS;
    const Kernel kernel = std::move(script_.front());
    script_.pop_front();
    return kernel(call);
  }
  const std::vector<guest::RawCall>& injected() const { return injected_; }

 private:
  std::byte* find(std::uint64_t address, std::size_t size) {
    auto region = regions_.upper_bound(address);
    if (region == regions_.begin()) return nullptr;
    --region;
    const std::uint64_t offset = address - region->first;
    if (offset > region->second.size() || size > region->second.size() - offset) return nullptr;
    return region->second.data() + offset;
  }

  std::map<std::uint64_t, std::vector<std::byte>> regions_;
  std::deque<Kernel> script_;
  std::vector<guest::RawCall> injected_;
};

}  // namespace tc::test
