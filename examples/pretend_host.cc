// A whole tool: runs a command on a host named "testchamber", where all random bytes are zero.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/launch.h"
#include "ptrace/run_handlers.h"
using namespace tc;

static guest::Handler pretend_name(sys::call::uname call, guest::Guest& guest) {
  const std::int64_t result = co_await guest.inject(call);  // the kernel answers first
  auto name = guest.read<sys::abi::utsname>(call.name);
  if (result != 0 || !name) co_return result;
  std::strcpy(name->nodename.bytes, "testchamber");
  co_return guest.write<sys::abi::utsname>(call.name, *name) ? 0 : -EFAULT;
}
static guest::Handler no_randomness(sys::call::getrandom call, guest::Guest& guest) {
  const std::vector<std::byte> zeroes(std::min<std::uint64_t>(call.len.value, 4096));
  if (!guest.write_memory(call.ubuf.address, zeroes)) co_return -EFAULT;
  co_return static_cast<std::int64_t>(zeroes.size());  // the kernel is not asked at all
}

int main(int argc, char** argv) {
  guest::Handlers handlers;
  handlers.on<sys::call::uname>(pretend_name);
  handlers.on<sys::call::getrandom>(no_randomness);
  const auto status = ptrace::run_with_handlers({argv + 1, argv + argc}, handlers);
  if (!status) std::fprintf(stderr, "pretend_host: %s\n", status.error().text().c_str());
  return status ? base::shell_status(*status) : 125;
}
