#include "probe/ring.h"

#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace tc::probe {
namespace {

// Room is given back in steps of this, so that a writer does not wait for the end of a long pass.
constexpr std::uint64_t kReturnBytes = std::uint64_t{1} << 20U;

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

// Of a record and its header, which is 8 bytes, and the padding.
std::uint64_t room_of(std::uint32_t length) {
  return (std::uint64_t{length} + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

Result<void> add_source(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    return system_error(errno, "wait for the ring buffer");
  return {};
}

}  // namespace

Ring::Mapping::~Mapping() {
  if (address != nullptr) munmap(address, size);
}

Ring::Ring(Mapping consumer, Mapping producer, std::size_t bytes, UniqueFd epoll,
           UniqueFd interruption)
    : consumer_(std::move(consumer)),
      producer_(std::move(producer)),
      bytes_(bytes),
      epoll_(std::move(epoll)),
      interruption_(std::move(interruption)) {}
Ring::Ring(Ring&& other) noexcept = default;
Ring& Ring::operator=(Ring&& other) noexcept = default;
Ring::~Ring() = default;

Result<Ring> Ring::open(int map, std::size_t bytes) {
  const std::size_t page = page_size();
  void* address = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (address == MAP_FAILED) return system_error(errno, "map the ring buffer");
  Mapping consumer(address, page);
  const std::size_t whole = page + 2 * bytes;
  address = mmap(nullptr, whole, PROT_READ, MAP_SHARED, map, static_cast<off_t>(page));
  if (address == MAP_FAILED) return system_error(errno, "map the ring buffer");
  Mapping producer(address, whole);

  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd interruption(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll || !interruption) return system_error(errno, "wait for the ring buffer");
  // By edge: by level, a single unread record would end the wait, and each pass would be one.
  TC_CHECK(add_source(epoll.get(), map, EPOLLIN | EPOLLET));
  TC_CHECK(add_source(epoll.get(), interruption.get(), EPOLLIN));
  return Ring(std::move(consumer), std::move(producer), bytes, std::move(epoll),
              std::move(interruption));
}

void Ring::wait(std::chrono::milliseconds timeout) {
  epoll_event event{};
  epoll_wait(epoll_.get(), &event, 1, static_cast<int>(timeout.count()));
  eventfd_t count = 0;
  eventfd_read(interruption_.get(), &count);
}

void Ring::interrupt() const { eventfd_write(interruption_.get(), 1); }

std::size_t Ring::unread() const {
  // The producer's pages may not be written to, not even by a read-modify-write of no effect; an
  // atomic load is a plain one.
  const std::uint64_t end = std::atomic_ref(*produced()).load(std::memory_order_acquire);
  return end - *consumed();
}

bool Ring::take_all(const RecordFn& take) {
  const auto* data = static_cast<const std::byte*>(producer_.address) + page_size();
  std::uint64_t at = *consumed();  // this side alone writes it
  std::uint64_t returned = at;
  const std::uint64_t end = std::atomic_ref(*produced()).load(std::memory_order_acquire);
  const auto give_back = [&] {
    std::atomic_ref(*consumed()).store(at, std::memory_order_release);
    returned = at;
  };
  bool going = true;
  while (going && at < end) {
    const std::byte* record = data + (at & (bytes_ - 1));
    auto* head = reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(record));
    const std::uint32_t length = std::atomic_ref(*head).load(std::memory_order_acquire);
    if ((length & BPF_RINGBUF_BUSY_BIT) != 0) break;
    const std::uint32_t size = length & ~BPF_RINGBUF_DISCARD_BIT;
    if ((length & BPF_RINGBUF_DISCARD_BIT) == 0) going = take({record + BPF_RINGBUF_HDR_SZ, size});
    at += room_of(size);
    if (at - returned >= kReturnBytes) give_back();
  }
  give_back();
  return at == end;
}

}  // namespace tc::probe
