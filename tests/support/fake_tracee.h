// FakeTracee: a guest of the sandbox made of memory, of files of the test and of results written
// down beforehand: what FakeGuest is to a Guest. The test is the scheduler: it sees what a handler
// waits for and wakes it.
//
//   FakeTracee guest(1);
//   guest.start(handlers.handle(...));   // runs to the end or to a wait
//   ASSERT_TRUE(guest.is_waiting());
//   guest.wake(guest::Woken::kReady);
//   EXPECT_EQ(guest.answer().value, 0);
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "determinism/tracee.h"
#include "guest/handlers.h"
#include "support/fake_guest.h"

namespace tc::test {

class FakeTracee final : public determinism::Tracee {
 public:
  using TaskId = determinism::TaskId;

  // The first thread of a process of its own; task, process, pid and tid have one number.
  explicit FakeTracee(TaskId id) : FakeTracee(id, std::make_shared<Shared>()) {
    shared_->process.order = id;
    shared_->process.space = id;
    shared_->process.pid = static_cast<pid_t>(id);
    shared_->process.host_pid = static_cast<pid_t>(id) + 1000;
    shared_->memory.map(kPlaces, kPlaceBytes);
  }
  // Another thread of the same process.
  FakeTracee(TaskId id, const FakeTracee& sibling) : FakeTracee(id, sibling.shared_) {}

  void map(std::uint64_t start, std::size_t size) { shared_->memory.map(start, size); }
  // What the kernel does with the next injection of this thread.
  void expect(FakeGuest::Kernel kernel) { kernel_.expect(std::move(kernel)); }
  void expect(std::int64_t result) { kernel_.expect(result); }
  const std::vector<guest::RawCall>& injected() const { return injected_; }
  // The guest's descriptor is this file of the test's.
  void open(int fd, int ours) { files_[fd] = ours; }
  void set_link(const std::string& name, std::string target) { links_[name] = std::move(target); }
  // Where proc_name() leads.
  void set_proc(std::string directory) { proc_ = std::move(directory); }
  void set_made_again(bool value) { is_made_again_ = value; }

  // Runs a call to its end or to a wait.
  template <sys::TypedCall T>
  void start(const guest::Handlers& handlers, const T& call) {
    handler_.reset();
    handler_ = handlers.handle(sys::Call<T>::kNumber, sys::to_registers(call), *this);
    handler_->start();
    play_kernel();
  }
  bool is_waiting() const { return handler_ && !handler_->done() && handler_->is_waiting(); }
  const guest::Wait& wait() const { return handler_->wait(); }
  void wake(guest::Woken woken) {
    handler_->wake(woken);
    play_kernel();
  }
  // The thread dies in the middle of its call.
  void give_up() { handler_.reset(); }
  const guest::Answer& answer() const { return handler_->ending(); }
  // The same in one line, for calls that do not wait.
  template <sys::TypedCall T>
  std::int64_t run(const guest::Handlers& handlers, const T& call) {
    start(handlers, call);
    return is_waiting() ? -EWOULDBLOCK : answer().value;
  }

  template <class T>
  void poke(std::uint64_t address, const T& value) {
    (void)write_memory(address, std::as_bytes(std::span(&value, 1)));
  }
  template <class T>
  T peek(std::uint64_t address) {
    return *read(sys::RemotePointer<T>{address});
  }

  guest::Task task() const override { return {.pid = 1, .tid = id_}; }
  Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) override {
    return shared_->memory.read_memory(address, to);
  }
  Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) override {
    return shared_->memory.write_memory(address, from);
  }
  TaskId id() const override { return id_; }
  determinism::Process& process() override { return shared_->process; }
  pid_t own_tid() const override { return static_cast<pid_t>(id_); }
  bool is_made_again() const override { return is_made_again_; }
  Result<UniqueFd> file(int fd) override {
    const auto file = files_.find(fd);
    if (file == files_.end()) return system_error(EBADF, "take a descriptor");
    return UniqueFd(::fcntl(file->second, F_DUPFD_CLOEXEC, 0));
  }
  Result<std::string> link(const std::string& name) override {
    const auto link = links_.find(name);
    if (link == links_.end()) return system_error(ENOENT, "read a link");
    return link->second;
  }
  std::string proc_name(const std::string& name) const override { return proc_ + "/" + name; }
  Result<std::string> absolute_path(int /*dirfd*/, std::uint64_t /*path_address*/) override {
    return system_error(EFAULT, "read a path");
  }
  Result<std::uint64_t> place(std::span<const std::byte> bytes) override {
    const std::uint64_t address = kPlaces + placed_;
    placed_ += (bytes.size() + 15) / 16 * 16;
    TC_CHECK(write_memory(address, bytes));
    return address;
  }

 private:
  static constexpr std::uint64_t kPlaces = 0x7000'0000;
  static constexpr std::size_t kPlaceBytes = 65536;

  struct Shared {
    FakeGuest memory;
    determinism::Process process;
  };

  FakeTracee(TaskId id, std::shared_ptr<Shared> shared) : id_(id), shared_(std::move(shared)) {}

  void play_kernel() {
    while (!handler_->done() && !handler_->is_waiting()) {
      const guest::RawCall call = handler_->wanted();
      injected_.push_back(call);
      handler_->resume(kernel_.make(call));
    }
  }

  TaskId id_;
  std::shared_ptr<Shared> shared_;
  FakeGuest kernel_;
  std::vector<guest::RawCall> injected_;
  std::map<int, int> files_;
  std::map<std::string, std::string> links_;
  std::string proc_ = "/proc/self";
  bool is_made_again_ = false;
  std::size_t placed_ = 0;
  std::optional<guest::Handler> handler_;
};

}  // namespace tc::test
