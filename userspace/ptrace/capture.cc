#include "ptrace/capture.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace tc::ptrace {
namespace {

// A string is mostly short: this much is read at once, the rest only where there is more.
constexpr std::uint64_t kFirstLook = 512;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kFixedMax = 4096;
constexpr std::uint64_t kIoctlMax = 256;
// All that the steps of one call can copy: entries, or six strings, or a message.
constexpr std::size_t kRoom = std::size_t{64} << 10U;

// struct flock of fcntl(2), for the commands that take one.
bool is_lock_command(std::uint64_t command) {
  switch (static_cast<std::uint32_t>(command)) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return true;
    default:
      return false;
  }
}

std::uint64_t ioctl_size(std::uint64_t command) {
  constexpr std::uint64_t kTerminalSize = 64;  // terminals' commands do not tell theirs
  if (const std::uint64_t size = _IOC_SIZE(command); size != 0) return size;
  return (static_cast<std::uint32_t>(command) >> 8U) == 'T' ? kTerminalSize : 0;
}

std::string_view text(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

template <class T>
bool read_object(const Memory& memory, std::uint64_t address, T& object) {
  return memory.read(address, std::span(reinterpret_cast<char*>(&object), sizeof(object)));
}

}  // namespace

Capture::Capture() : bytes_(kRoom) {}

std::span<char> Capture::room(std::size_t size) {
  if (used_ + size > bytes_.size()) size = bytes_.size() - used_;
  const std::span<char> part(bytes_.data() + used_, size);
  used_ += size;
  return part;
}

void Capture::plan_copy(const tc_capture_step& step, std::uint64_t address, std::uint64_t length,
                        std::uint64_t limit) {
  const std::uint64_t size = std::min(length, limit);
  wishes_.push_back({.argument = step.argument,
                     .address = address,
                     .bytes = room(size),
                     .truncated = size < length});
}

void Capture::plan_step(const Call& call, const tc_capture_step& step) {
  const std::uint64_t address = call.arguments[step.argument];
  const std::uint64_t told = call.arguments[step.length];
  const bool is_output = (step.flags & TC_CAPTURE_RESULT) != 0;
  const auto result = static_cast<std::uint64_t>(call.result);
  if (address == 0 || (is_output && call.result < 0 && call.result >= -4095)) return;
  switch (step.kind) {
    case TC_CAPTURE_STRING:
      wishes_.push_back({.argument = step.argument,
                         .address = address,
                         .bytes = room(TC_CAPTURE_STRING_MAX + 1),
                         .string = true});
      return;
    case TC_CAPTURE_FIXED:
      return plan_copy(step, address, step.size, kFixedMax);
    case TC_CAPTURE_BUFFER:
      return plan_copy(step, address, is_output ? result : told, call.data_max);
    case TC_CAPTURE_ARRAY: {
      // Counts are of 32 bits wherever an argument tells them.
      const std::uint64_t count = is_output ? result : static_cast<std::uint32_t>(told);
      return plan_copy(step, address, count * step.size, TC_CAPTURE_ARRAY_MAX);
    }
    case TC_CAPTURE_ADDRESS: {
      std::uint32_t length = static_cast<std::uint32_t>(told);
      if (is_output && (told == 0 || !read_object(call.memory, told, length))) return;
      return plan_copy(step, address, length, TC_CAPTURE_ADDRESS_MAX);
    }
    case TC_CAPTURE_ENTRIES:
      return plan_copy(step, address, result, TC_CAPTURE_ENTRIES_MAX);
    case TC_CAPTURE_IOCTL:
      if (const std::uint64_t size = ioctl_size(call.arguments[1]); size != 0)
        plan_copy(step, address, size, kIoctlMax);
      return;
    case TC_CAPTURE_LOCK:
      if (is_lock_command(call.arguments[1]))
        plan_copy(step, address, sizeof(struct flock), kFixedMax);
      return;
    case TC_CAPTURE_VECTORS:
      return take_data(call, {.vectors = address,
                              .count = told,
                              .limited = is_output,
                              .argument = step.argument,
                              .vector_part = 0});
    case TC_CAPTURE_MESSAGE:
      return take_message(call, step);
    case TC_CAPTURE_STRINGS:
      return take_strings(call, step);
    default:
      return;
  }
}

std::span<const sys::Piece> Capture::take(const Memory& memory, const tc_capture_plan& plan,
                                          const std::array<std::uint64_t, 6>& arguments,
                                          std::int64_t result) {
  used_ = 0;
  wishes_.clear();
  pieces_.clear();
  const Call call = {
      .memory = memory, .arguments = arguments, .result = result, .data_max = plan.data_max};
  const std::uint32_t steps = std::min<std::uint32_t>(plan.steps, TC_CAPTURE_STEPS);
  for (std::uint32_t i = 0; i < steps; ++i) plan_step(call, plan.step[i]);
  if (!wishes_.empty()) grant_wishes(memory);
  std::sort(pieces_.begin(), pieces_.end(), [](const sys::Piece& left, const sys::Piece& right) {
    return std::pair(left.argument, left.part) < std::pair(right.argument, right.part);
  });
  return pieces_;
}

void Capture::grant_wishes(const Memory& memory) {
  std::array<Memory::Request, TC_CAPTURE_STEPS> requests;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const Wish& wish = wishes_[i];
    const std::uint64_t first = std::min(kFirstLook, kPage - wish.address % kPage);
    requests[i] = {
        .address = wish.address,
        .to = wish.string ? wish.bytes.first(std::min(wish.bytes.size(), first)) : wish.bytes};
  }
  memory.read(std::span(requests).first(wishes_.size()));
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const Wish& wish = wishes_[i];
    if (!requests[i].done) {
      pieces_.push_back({.argument = wish.argument,
                         .part = 0,
                         .fault = true,
                         .truncated = wish.truncated,
                         .bytes = {}});
    } else if (wish.string) {
      finish_string(memory, wish);
    } else {
      pieces_.push_back({.argument = wish.argument,
                         .part = 0,
                         .truncated = wish.truncated,
                         .bytes = text(wish.bytes)});
    }
  }
}

void Capture::finish_string(const Memory& memory, const Wish& wish) {
  // The first look lies in wish.bytes already.
  const std::size_t seen =
      std::min<std::size_t>(wish.bytes.size(), std::min(kFirstLook, kPage - wish.address % kPage));
  std::size_t length = strnlen(wish.bytes.data(), seen);
  if (length == seen && seen < wish.bytes.size()) {
    const auto rest = memory.read_string(wish.address + seen, wish.bytes.subspan(seen));
    if (!rest) {
      pieces_.push_back({.argument = wish.argument, .part = 0, .fault = true, .bytes = {}});
      return;
    }
    length += *rest;
  }
  // One byte more than the limit was looked at: without a NUL up to there, the string is cut.
  const std::size_t kept = std::min<std::size_t>(length, TC_CAPTURE_STRING_MAX);
  pieces_.push_back({.argument = wish.argument,
                     .part = 0,
                     .truncated = kept < length,
                     .bytes = text(wish.bytes.first(kept))});
}

bool Capture::copy(const Memory& memory, std::uint8_t argument, std::uint8_t part,
                   std::uint64_t address, std::uint64_t length, std::uint64_t limit) {
  if (address == 0) return false;
  const std::uint64_t size = std::min(length, limit);
  const std::span<char> to = room(size);
  const bool done = memory.read(address, to);
  pieces_.push_back({.argument = argument,
                     .part = part,
                     .fault = !done,
                     .truncated = size < length,
                     .bytes = done ? text(to) : std::string_view()});
  return done;
}

void Capture::take_strings(const Call& call, const tc_capture_step& step) {
  const std::span<char> to = room(TC_CAPTURE_STRINGS_MAX);
  std::uint64_t next = call.arguments[step.argument];
  std::size_t used = 0;
  sys::Piece piece = {.argument = step.argument, .part = 0, .bytes = {}};
  for (;; next += sizeof(std::uint64_t)) {
    std::uint64_t string = 0;
    if (!read_object(call.memory, next, string)) {
      piece.fault = true;
      break;
    }
    if (string == 0) break;
    const std::span<char> left = to.subspan(used);
    const auto length = call.memory.read_string(string, left);
    if (!length) {
      piece.fault = true;
      break;
    }
    // Without room for its NUL the string is cut, or the next one does not fit at all.
    piece.truncated = *length >= left.size();
    used += std::min(*length + 1, left.size());
    if (piece.truncated) break;
  }
  piece.bytes = text(to.first(used));
  pieces_.push_back(piece);
}

void Capture::take_message(const Call& call, const tc_capture_step& step) {
  const std::uint64_t address = call.arguments[step.argument];
  if (!copy(call.memory, step.argument, 0, address, sizeof(msghdr), kFixedMax)) return;
  msghdr header{};
  std::memcpy(&header, pieces_.back().bytes.data(), sizeof(header));
  const auto at = [](const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); };
  copy(call.memory, step.argument, 1, at(header.msg_name), header.msg_namelen,
       TC_CAPTURE_ADDRESS_MAX);
  if (header.msg_iov != nullptr)
    take_data(call, {.vectors = at(header.msg_iov),
                     .count = header.msg_iovlen,
                     .limited = (step.flags & TC_CAPTURE_RESULT) != 0,
                     .argument = step.argument,
                     .vector_part = 2});
  copy(call.memory, step.argument, 4, at(header.msg_control), header.msg_controllen,
       TC_CAPTURE_CONTROL_MAX);
}

// The kernel side goes from vector to vector; here they are read together, to the same effect.
void Capture::take_data(const Call& call, const Data& data) {
  const std::uint64_t count = std::min<std::uint64_t>(data.count, TC_CAPTURE_VECTORS_MAX);
  const bool has_more = count < data.count;
  if (!copy(call.memory, data.argument, data.vector_part, data.vectors, count * sizeof(iovec),
            TC_CAPTURE_VECTORS_MAX * sizeof(iovec)))
    return;
  pieces_.back().truncated = has_more;
  std::array<iovec, TC_CAPTURE_VECTORS_MAX> vectors{};
  std::memcpy(vectors.data(), pieces_.back().bytes.data(), pieces_.back().bytes.size());
  // How many bytes there are to tell; outputs know it from the start.
  std::uint64_t wanted = data.limited ? static_cast<std::uint64_t>(call.result) : 0;
  const std::span<char> to = room(call.data_max);
  std::array<Memory::Request, TC_CAPTURE_VECTORS_MAX> requests;
  std::size_t parts = 0;
  std::size_t used = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!data.limited) wanted += vectors[i].iov_len;
    const std::uint64_t limit =
        std::min<std::uint64_t>(to.size(), data.limited ? wanted : std::uint64_t{to.size()}) - used;
    const std::size_t size = std::min<std::uint64_t>(vectors[i].iov_len, limit);
    if (size == 0) continue;
    requests[parts++] = {.address = reinterpret_cast<std::uint64_t>(vectors[i].iov_base),
                         .to = to.subspan(used, size)};
    used += size;
  }
  const auto asked = std::span(requests).first(parts);
  call.memory.read(asked);
  const bool fault =
      !std::all_of(asked.begin(), asked.end(), [](const auto& request) { return request.done; });
  pieces_.push_back({.argument = data.argument,
                     .part = static_cast<std::uint8_t>(data.vector_part + 1),
                     .fault = fault,
                     .truncated = fault || wanted > used || (has_more && !data.limited),
                     .bytes = fault ? std::string_view() : text(to.first(used))});
}

}  // namespace tc::ptrace
