#include "sys/filter.h"

#include <linux/audit.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace tc::sys {
namespace {

constexpr std::size_t kInstructionsMax = 4096;  // BPF_MAXINSNS
constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);

sock_filter statement(unsigned code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | code), if_true, if_false, k};
}

// Numbers from `first` up to the next range's first have one action.
struct Range {
  std::uint32_t first;
  std::uint32_t action;
};

std::vector<Range> ranges_of(const FilterActions& actions) {
  std::vector<Range> ranges;
  for (std::uint32_t number = 0; number <= TC_CALLS_MAX; ++number) {
    const std::uint32_t action = number < TC_CALLS_MAX ? actions.of(number) : actions.unknown;
    if (ranges.empty() || ranges.back().action != action) ranges.push_back({number, action});
  }
  return ranges;
}

// The number is in the accumulator: a comparison with the middle, then the lower half, then the
// upper one.
void append_search(std::span<const Range> ranges, FilterProgram& program) {
  if (ranges.size() == 1) {
    program.push_back(statement(BPF_RET | BPF_K, ranges.front().action));
    return;
  }
  const std::size_t middle = ranges.size() / 2;
  FilterProgram lower;
  append_search(ranges.first(middle), lower);
  const std::uint32_t pivot = ranges[middle].first;
  if (lower.size() <= UINT8_MAX) {
    program.push_back(jump(BPF_JGE | BPF_K, pivot, static_cast<std::uint8_t>(lower.size()), 0));
  } else {
    program.push_back(jump(BPF_JGE | BPF_K, pivot, 0, 1));
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(lower.size())));
  }
  program.insert(program.end(), lower.begin(), lower.end());
  append_search(ranges.subspan(middle), program);
}

// --- the machine ---------------------------------------------------------------------------------

bool is_conditional(std::uint16_t code) {
  return BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA;
}

// The instructions that seccomp takes (seccomp_check_filter() in kernel/seccomp.c, which knows
// fewer than a socket filter).
bool is_known(std::uint16_t code) {
  switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
      return true;
    default:
      break;
  }
  const unsigned operation = BPF_OP(code);
  if ((code & ~(0xf0U | BPF_X)) == BPF_ALU) return operation <= BPF_RSH || operation == BPF_XOR;
  if ((code & ~(0xf0U | BPF_X)) == BPF_JMP) return operation >= BPF_JEQ && operation <= BPF_JSET;
  return false;
}

Result<void> check_instruction(std::span<const sock_filter> program, std::size_t at) {
  const sock_filter& instruction = program[at];
  const std::uint16_t code = instruction.code;
  const std::size_t left = program.size() - at - 1;
  if (!is_known(code)) return error("filter instruction {}: code {:#x} is not allowed", at, code);
  if (code == (BPF_LD | BPF_W | BPF_ABS) &&
      (instruction.k >= sizeof(seccomp_data) || instruction.k % 4 != 0))
    return error("filter instruction {}: reads seccomp_data at {}", at, instruction.k);
  if (code == (BPF_JMP | BPF_JA) && instruction.k >= left)
    return error("filter instruction {}: jumps out of the program", at);
  if (is_conditional(code) && (instruction.jt >= left || instruction.jf >= left))
    return error("filter instruction {}: jumps out of the program", at);
  if (code == (BPF_ALU | BPF_DIV | BPF_K) && instruction.k == 0)
    return error("filter instruction {}: divides by zero", at);
  const bool shifts = code == (BPF_ALU | BPF_LSH | BPF_K) || code == (BPF_ALU | BPF_RSH | BPF_K);
  if (shifts && instruction.k >= 32)
    return error("filter instruction {}: shifts by {}", at, instruction.k);
  const bool memory = code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) ||
                      code == (BPF_LDX | BPF_MEM);
  if (memory && instruction.k >= BPF_MEMWORDS)
    return error("filter instruction {}: memory word {}", at, instruction.k);
  return {};
}

Result<void> check_program(std::span<const sock_filter> program) {
  if (program.empty() || program.size() > kInstructionsMax)
    return error("a filter has 1 to {} instructions, not {}", kInstructionsMax, program.size());
  for (std::size_t at = 0; at < program.size(); ++at) TC_CHECK(check_instruction(program, at));
  if (BPF_CLASS(program.back().code) != BPF_RET)
    return error("filter instruction {}: the program runs off its end", program.size() - 1);
  return {};
}

// Registers of one run. Programs only jump forward, so every run ends.
class Machine {
 public:
  explicit Machine(const seccomp_data& call) { std::memcpy(words_.data(), &call, sizeof(call)); }

  Result<std::uint32_t> run(std::span<const sock_filter> program) {
    for (std::size_t at = 0; at < program.size(); ++at) {
      const sock_filter& instruction = program[at];
      switch (BPF_CLASS(instruction.code)) {
        case BPF_RET:
          return BPF_RVAL(instruction.code) == BPF_A ? a_ : instruction.k;
        case BPF_JMP:
          at += distance(instruction);
          break;
        case BPF_ALU:
          // The kernel ends the program with 0 here, which kills.
          if (instruction.code == (BPF_ALU | BPF_DIV | BPF_X) && x_ == 0) return 0U;
          a_ = compute(instruction);
          break;
        default:
          TC_CHECK(move(instruction, at));
      }
    }
    return error("the filter runs off its end");
  }

 private:
  std::uint32_t operand(const sock_filter& instruction) const {
    return BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  }

  std::size_t distance(const sock_filter& instruction) const {
    const std::uint32_t other = operand(instruction);
    bool holds = false;
    switch (BPF_OP(instruction.code)) {
      case BPF_JA:
        return instruction.k;
      case BPF_JEQ:
        holds = a_ == other;
        break;
      case BPF_JGT:
        holds = a_ > other;
        break;
      case BPF_JGE:
        holds = a_ >= other;
        break;
      default:
        holds = (a_ & other) != 0;
    }
    return holds ? instruction.jt : instruction.jf;
  }

  std::uint32_t compute(const sock_filter& instruction) const {
    const std::uint32_t other = operand(instruction);
    switch (BPF_OP(instruction.code)) {
      case BPF_ADD:
        return a_ + other;
      case BPF_SUB:
        return a_ - other;
      case BPF_MUL:
        return a_ * other;
      case BPF_DIV:
        return a_ / other;
      case BPF_OR:
        return a_ | other;
      case BPF_AND:
        return a_ & other;
      case BPF_XOR:
        return a_ ^ other;
      case BPF_LSH:
        return a_ << (other & 31U);
      case BPF_RSH:
        return a_ >> (other & 31U);
      default:
        return -a_;
    }
  }

  // Loads, stores and copies.
  Result<void> move(const sock_filter& instruction, std::size_t at) {
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        a_ = words_[instruction.k / 4];
        break;
      case BPF_LD | BPF_W | BPF_LEN:
        a_ = sizeof(seccomp_data);
        break;
      case BPF_LDX | BPF_W | BPF_LEN:
        x_ = sizeof(seccomp_data);
        break;
      case BPF_LD | BPF_IMM:
        a_ = instruction.k;
        break;
      case BPF_LDX | BPF_IMM:
        x_ = instruction.k;
        break;
      case BPF_ST:
        store(instruction.k, a_);
        break;
      case BPF_STX:
        store(instruction.k, x_);
        break;
      case BPF_MISC | BPF_TAX:
        x_ = a_;
        break;
      case BPF_MISC | BPF_TXA:
        a_ = x_;
        break;
      default:
        if ((stored_ >> instruction.k & 1U) == 0)
          return error("filter instruction {}: memory word {} was never stored", at, instruction.k);
        (BPF_CLASS(instruction.code) == BPF_LD ? a_ : x_) = memory_[instruction.k];
    }
    return {};
  }

  void store(std::uint32_t word, std::uint32_t value) {
    memory_[word] = value;
    stored_ |= 1U << word;
  }

  std::array<std::uint32_t, sizeof(seccomp_data) / 4> words_{};
  std::array<std::uint32_t, BPF_MEMWORDS> memory_{};
  std::uint32_t stored_ = 0;
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
};

}  // namespace

FilterProgram compile_filter(const FilterActions& actions) {
  FilterProgram program = {
      statement(BPF_LD | BPF_W | BPF_ABS, kArchOffset),
      jump(BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
      statement(BPF_RET | BPF_K, actions.foreign),
      statement(BPF_LD | BPF_W | BPF_ABS, kNumberOffset),
      jump(BPF_JSET | BPF_K, kX32Bit, 0, 1),
      statement(BPF_RET | BPF_K, actions.foreign),
  };
  append_search(ranges_of(actions), program);
  TC_ASSERT(program.size() <= kInstructionsMax);
  return program;
}

Result<std::uint32_t> evaluate_filter(std::span<const sock_filter> program,
                                      const seccomp_data& call) {
  TC_CHECK(check_program(program));
  return Machine(call).run(program);
}

FilterProgram trace_filter(const CallSelection& selection) {
  return compile_filter({.foreign = SECCOMP_RET_TRACE,
                         .unknown = SECCOMP_RET_TRACE,
                         .of = [&](std::uint32_t number) -> std::uint32_t {
                           return selection.contains(number) || find_row(number) == nullptr
                                      ? SECCOMP_RET_TRACE
                                      : SECCOMP_RET_ALLOW;
                         }});
}

FilterProgram policy_filter() {
  return compile_filter({.foreign = SECCOMP_RET_TRACE,
                         .unknown = SECCOMP_RET_TRACE,
                         .of = [](std::uint32_t number) -> std::uint32_t {
                           const Row* row = find_row(number);
                           return row != nullptr && row->policy == Policy::Pass ? SECCOMP_RET_ALLOW
                                                                                : SECCOMP_RET_TRACE;
                         }});
}

}  // namespace tc::sys
