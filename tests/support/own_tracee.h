// OwnTracee: the test itself as a guest of the sandbox. Its memory, files and names are the test's,
// and the kernel makes its injected calls; so a handler is held against what Linux really does.
// What it waits for, the test sees and ends. (FakeTracee: a guest of memory and written-down
// results.)
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "determinism/tracee.h"
#include "guest/handlers.h"

namespace tc::test {

class OwnTracee final : public determinism::Tracee {
 public:
  explicit OwnTracee(determinism::TaskId id) : id_(id) { process_.order = id; }

  // Runs a call to its end or to a wait.
  template <sys::TypedCall T>
  void start(const guest::Handlers& handlers, const T& call) {
    made_ = {.number = sys::Call<T>::kNumber, .arguments = sys::to_registers(call)};
    injected_ = 0;
    handler_.reset();
    handler_ = handlers.handle(made_.number, made_.arguments, *this);
    handler_->start();
    drive();
  }
  bool is_waiting() const { return handler_ && !handler_->done() && handler_->is_waiting(); }
  const guest::Wait& wait() const { return handler_->wait(); }
  void wake(guest::Woken woken) {
    handler_->wake(woken);
    drive();
  }
  // The thread dies in the middle of its call.
  void give_up() { handler_.reset(); }
  // What the call returned, once it has: of one that passes, what the kernel makes of it.
  std::int64_t result() {
    const guest::Answer& answer = handler_->ending();
    if (answer.kind == guest::Answer::Kind::kPass) return make(answer.call.value_or(made_));
    return answer.value;
  }
  bool is_interrupted() const {
    return handler_->ending().kind == guest::Answer::Kind::kInterrupted;
  }
  bool has_passed() const { return handler_->ending().kind == guest::Answer::Kind::kPass; }
  int injected() const { return injected_; }
  // The same in one line, for calls that do not wait.
  template <sys::TypedCall T>
  std::int64_t run(const guest::Handlers& handlers, const T& call) {
    start(handlers, call);
    return is_waiting() ? -EWOULDBLOCK : result();
  }

  guest::Task task() const override { return {.pid = 1, .tid = id_}; }
  Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) override {
    const iovec ours{.iov_base = to.data(), .iov_len = to.size()};
    const iovec theirs{.iov_base = reinterpret_cast<void*>(address), .iov_len = to.size()};
    const ssize_t size = ::process_vm_readv(::getpid(), &ours, 1, &theirs, 1, 0);
    if (size == static_cast<ssize_t>(to.size())) return {};
    return system_error(EFAULT, "read the test's memory");
  }
  Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) override {
    const iovec ours{.iov_base = const_cast<std::byte*>(from.data()), .iov_len = from.size()};
    const iovec theirs{.iov_base = reinterpret_cast<void*>(address), .iov_len = from.size()};
    const ssize_t size = ::process_vm_writev(::getpid(), &ours, 1, &theirs, 1, 0);
    if (size == static_cast<ssize_t>(from.size())) return {};
    return system_error(EFAULT, "write the test's memory");
  }
  determinism::TaskId id() const override { return id_; }
  determinism::Process& process() override { return process_; }
  pid_t own_tid() const override { return static_cast<pid_t>(id_); }
  bool is_made_again() const override { return false; }
  Result<UniqueFd> file(int fd) override {
    UniqueFd ours(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!ours) return system_error(errno, "take a descriptor");
    return ours;
  }
  Result<std::string> link(const std::string& name) override {
    return base::read_link(proc_name(name));
  }
  std::string proc_name(const std::string& name) const override { return "/proc/self/" + name; }
  Result<std::string> absolute_path(int /*dirfd*/, std::uint64_t path_address) override {
    return std::string(reinterpret_cast<const char*>(path_address));
  }
  Result<std::uint64_t> place(std::span<const std::byte> bytes) override {
    const auto& placed = places_.emplace_back(bytes.begin(), bytes.end());
    return reinterpret_cast<std::uint64_t>(placed.data());
  }

 private:
  static std::int64_t make(const guest::RawCall& call) {
    const sys::Registers& r = call.arguments;
    const long result = ::syscall(call.number, r[0], r[1], r[2], r[3], r[4], r[5]);
    return result < 0 ? -errno : result;
  }
  void drive() {
    for (; !handler_->done() && !handler_->is_waiting(); ++injected_)
      handler_->resume(make(handler_->wanted()));
  }

  determinism::TaskId id_;
  determinism::Process process_;
  std::deque<std::vector<std::byte>> places_;
  guest::RawCall made_;
  int injected_ = 0;
  std::optional<guest::Handler> handler_;
};

// The address of something of the test's, as an argument.
inline std::uint64_t address_of(const void* data) { return reinterpret_cast<std::uint64_t>(data); }

}  // namespace tc::test
