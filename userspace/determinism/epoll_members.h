// What an epoll of a guest watches, as /proc tells it.
#pragma once

#include <cstdint>
#include <vector>

#include "determinism/inodes.h"
#include "determinism/tracee.h"

namespace tc::determinism {

struct EpollMember {
  int fd = -1;               // as it was when it was added; the guest may have closed it since
  std::uint32_t events = 0;  // EPOLL…, of which EPOLLIN and its like are POLLIN and its like
  FileId file;
};

// In the order in which the kernel keeps them (by the addresses of files: of no meaning). Empty
// when it is no epoll.
std::vector<EpollMember> epoll_members(Tracee& guest, int epoll);

}  // namespace tc::determinism
