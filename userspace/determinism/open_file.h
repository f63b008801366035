// OpenFile: an open file of a guest as the calls see it that may wait for it: what it is, whether
// it blocks, who is at its other end. And the means to try a call on it without blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "determinism/inodes.h"
#include "determinism/tracee.h"
#include "determinism/world.h"
#include "guest/handler.h"
#include "guest/wait.h"

namespace tc::determinism {

enum class FileKind : std::uint8_t {
  kFile,  // regular, a directory, a disk: never waits
  kPipe,  // or FIFO
  kSocket,
  kTerminal,  // or the master of one
  kMemory,    // /dev/null, /dev/zero and their kin: never wait
  kRandom,    // /dev/random, /dev/urandom, /dev/hwrng
  kOther,     // eventfd, inotify, signalfd, a device
};

struct OpenFile {
  std::shared_ptr<const UniqueFd> file = nullptr;
  int number = -1;  // of the guest
  FileKind kind = FileKind::kOther;
  FileId id;
  int flags = 0;         // of open(2), as they are now
  bool outside = false;  // it was open before the run

  int get() const { return file->get(); }
  bool is_nonblocking() const;
  bool may_read() const;
  bool may_write() const;
};

// Nothing when the kernel refuses it anyway: not open, or opened as a path only.
std::optional<OpenFile> find_file(const World& world, Tracee& guest, int fd);

// Which of `events` (and POLLERR, POLLHUP) are there now.
std::int16_t poll_now(const OpenFile& file, std::int16_t events);

// An int of SOL_SOCKET: SO_DOMAIN, SO_TYPE and the like; -1 when it is no socket.
int socket_option(const OpenFile& socket, int option);

// For a deadlock report: "input from a pipe (descriptor 0)".
std::string describe_wait(const OpenFile& file, std::int16_t events);

// A wait for the file, or, when poll(2) tells that it is ready though a call has just found it not
// to be, for whatever others do next.
guest::Wait wait_for(const OpenFile& file, std::int16_t events);

// As long as it lives, the open file description does not block, or does, for whoever shares it:
// nobody else runs meanwhile. What it was comes back, also when the handler is given up.
class BlockingMode {
 public:
  BlockingMode(const OpenFile& file, bool blocks);
  BlockingMode(const BlockingMode&) = delete;
  BlockingMode& operator=(const BlockingMode&) = delete;
  ~BlockingMode();

 private:
  std::shared_ptr<const UniqueFd> file_;  // empty: it was so before
  int flags_ = 0;
};
class NonBlocking : BlockingMode {
 public:
  explicit NonBlocking(const OpenFile& file) : BlockingMode(file, /*blocks=*/false) {}
};
class Blocking : BlockingMode {
 public:
  explicit Blocking(const OpenFile& file) : BlockingMode(file, /*blocks=*/true) {}
};

// What becomes of a call whose injection returned this: the kernel's own wish to be called again
// behind a signal (-ERESTART…) is passed on as such.
guest::Answer answer_of(std::int64_t result);

// The whole answer, for functions that return handlers without being coroutines.
guest::Handler answer_with(guest::Answer answer);

// Lets the kernel make the call as soon as it does not block.
struct ReadyCall {
  OpenFile file;
  std::int16_t events = 0;  // POLL…: the call does not block when there is one
  std::optional<std::int64_t> deadline_ns = std::nullopt;  // monotonic
  std::int64_t at_deadline = 0;                            // what it returns then
  std::int64_t at_signal = guest::kRestartSys;
  // Set: poll(2) alone does not tell whether this would wait or fail at once, so it is tried first
  // without blocking; what it returns, unless that is -EAGAIN, is the answer.
  std::optional<guest::RawCall> attempt = std::nullopt;
};
guest::Handler pass_when_ready(ReadyCall call);

template <sys::TypedCall T>
guest::RawCall raw_call(const T& call) {
  return {.number = sys::Call<T>::kNumber, .arguments = sys::to_registers(call)};
}

}  // namespace tc::determinism
