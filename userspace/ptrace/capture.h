// Capture: carries out a capture plan (tc/capture.h) on a thread that stands at the return of a
// call: copies what the call's pointers lead to. The kernel side does the same for eBPF, so what
// the kinds mean is written there and not here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ptrace/memory.h"
#include "sys/call_return.h"
#include "tc/capture.h"

namespace tc::ptrace {

class Capture {
 public:
  Capture();

  // The pieces of one call; they live until the next. `arguments` are the words it was made with.
  std::span<const sys::Piece> take(const Memory& memory, const tc_capture_plan& plan,
                                   const std::array<std::uint64_t, 6>& arguments,
                                   std::int64_t result);

 private:
  // What one step is about to copy in the common read.
  struct Wish {
    std::uint8_t argument = 0;
    std::uint64_t address = 0;
    std::span<char> bytes;
    bool string = false;
    bool truncated = false;
  };
  struct Call {
    const Memory& memory;
    const std::array<std::uint64_t, 6>& arguments;
    std::int64_t result;
    std::uint32_t data_max;
  };
  struct Data {
    std::uint64_t vectors;  // address of struct iovec[]
    std::uint64_t count;    // of them
    bool limited;           // no more than the result
    std::uint8_t argument;
    std::uint8_t vector_part;  // the data is the next one
  };

  void plan_step(const Call& call, const tc_capture_step& step);
  void plan_copy(const tc_capture_step& step, std::uint64_t address, std::uint64_t length,
                 std::uint64_t limit);
  void grant_wishes(const Memory& memory);
  void finish_string(const Memory& memory, const Wish& wish);
  void take_strings(const Call& call, const tc_capture_step& step);
  void take_message(const Call& call, const tc_capture_step& step);
  void take_data(const Call& call, const Data& data);
  // Copies at once. An address of 0 gives no piece.
  bool copy(const Memory& memory, std::uint8_t argument, std::uint8_t part, std::uint64_t address,
            std::uint64_t length, std::uint64_t limit);

  std::span<char> room(std::size_t size);

  std::vector<char> bytes_;
  std::size_t used_ = 0;
  std::vector<Wish> wishes_;
  std::vector<sys::Piece> pieces_;
};

}  // namespace tc::ptrace
