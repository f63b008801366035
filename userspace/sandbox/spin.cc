#include "sandbox/spin.h"

#include <Zydis/Zydis.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "ptrace/memory.h"
#include "ptrace/stopped.h"
#include "ptrace/wait_status.h"

namespace tc::sandbox {
namespace {

constexpr std::size_t kWriteMax = 64;  // bytes of the widest store

bool is_same_state(const user_regs_struct& left, const user_regs_struct& right) {
  return std::memcmp(&left, &right, sizeof(left)) == 0;
}

struct StoredBytes {
  std::uint64_t address = 0;
  std::array<char, kWriteMax> before{};
  std::size_t size = 0;
};

// The value of a register operand of an address.
std::uint64_t register_value(ZydisRegister name, const user_regs_struct& registers) {
  const std::array<std::uint64_t, 16> values = {
      registers.rax, registers.rcx, registers.rdx, registers.rbx, registers.rsp, registers.rbp,
      registers.rsi, registers.rdi, registers.r8,  registers.r9,  registers.r10, registers.r11,
      registers.r12, registers.r13, registers.r14, registers.r15};
  if (name >= ZYDIS_REGISTER_RAX && name <= ZYDIS_REGISTER_R15)
    return values[static_cast<std::size_t>(name - ZYDIS_REGISTER_RAX)];
  if (name >= ZYDIS_REGISTER_EAX && name <= ZYDIS_REGISTER_R15D)
    return values[static_cast<std::size_t>(name - ZYDIS_REGISTER_EAX)] & 0xffffffffU;
  if (name == ZYDIS_REGISTER_RIP) return registers.rip;
  return 0;
}

// What one instruction does that matters here.
class Instruction {
 public:
  static std::optional<Instruction> decode(const ptrace::Memory& memory,
                                           const user_regs_struct& registers) {
    std::array<char, ZYDIS_MAX_INSTRUCTION_LENGTH> bytes{};
    std::size_t size = bytes.size();
    while (size > 0 && !memory.read(registers.rip, std::span(bytes).first(size))) --size;
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    Instruction instruction;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), size, &instruction.decoded_,
                                             instruction.operands_.data())))
      return std::nullopt;
    return instruction;
  }

  // One that leaves user space, or whose result is not a function of registers and memory, is in no
  // loop that only waits for memory. Vector registers are not compared: their use is not, either.
  bool may_be_in_spin() const {
    switch (decoded_.meta.category) {
      case ZYDIS_CATEGORY_SYSCALL:
      case ZYDIS_CATEGORY_INTERRUPT:
      case ZYDIS_CATEGORY_RDRAND:
      case ZYDIS_CATEGORY_RDSEED:
        return false;
      default:
        break;
    }
    return decoded_.mnemonic != ZYDIS_MNEMONIC_RDTSC &&
           decoded_.mnemonic != ZYDIS_MNEMONIC_RDTSCP && decoded_.mnemonic != ZYDIS_MNEMONIC_CPUID;
  }

  // Where it is going to write.
  std::vector<StoredBytes> stores(const user_regs_struct& registers) const {
    std::vector<StoredBytes> all;
    for (std::size_t i = 0; i < decoded_.operand_count_visible; ++i) {
      const ZydisDecodedOperand& operand = operands_[i];
      if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY ||
          (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0)
        continue;
      std::uint64_t address = static_cast<std::uint64_t>(operand.mem.disp.value) +
                              register_value(operand.mem.base, registers) +
                              register_value(operand.mem.index, registers) * operand.mem.scale;
      if (operand.mem.base == ZYDIS_REGISTER_RIP) address += decoded_.length;
      if (operand.mem.segment == ZYDIS_REGISTER_FS) address += registers.fs_base;
      if (operand.mem.segment == ZYDIS_REGISTER_GS) address += registers.gs_base;
      all.push_back(
          {.address = address, .size = std::min<std::size_t>(operand.size / 8U, kWriteMax)});
    }
    // Calls and pushes write below the stack pointer, which is no visible operand of theirs.
    if (decoded_.meta.category == ZYDIS_CATEGORY_CALL ||
        decoded_.meta.category == ZYDIS_CATEGORY_PUSH)
      all.push_back({.address = registers.rsp - 8, .size = 8});
    return all;
  }

 private:
  ZydisDecodedInstruction decoded_{};
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands_{};
};

// Steps a thread and remembers what its memory was before each store.
class Stepper {
 public:
  explicit Stepper(pid_t tid) : tid_(tid), memory_(tid) {}

  // False: it cannot go on; other_stop tells why, if it is one.
  bool step(const user_regs_struct& registers) {
    const auto instruction = Instruction::decode(memory_, registers);
    if (!instruction || !instruction->may_be_in_spin()) return false;
    for (StoredBytes& bytes : instruction->stores(registers)) {
      if (!memory_.read(bytes.address, std::span(bytes.before).first(bytes.size))) return false;
      stored_.push_back(bytes);
    }
    ptrace::Stopped(tid_).step();
    int status = 0;
    pid_t waited = 0;
    do waited = ::waitpid(tid_, &status, __WALL);
    while (waited < 0 && errno == EINTR);
    if (waited != tid_) return false;
    const ptrace::WaitStatus told(status);
    if (told.kind() == ptrace::WaitStatus::Kind::kSignal && told.signal() == SIGTRAP) return true;
    other_stop_ = status;
    return false;
  }
  std::optional<int> other_stop() const { return other_stop_; }

  // Is every byte written since the `from`th store what it was before?
  bool is_unchanged_since(std::size_t from) const {
    // The first store to an address since then has what was there before.
    std::map<std::uint64_t, const StoredBytes*> first;
    for (std::size_t i = from; i < stored_.size(); ++i)
      first.emplace(stored_[i].address, &stored_[i]);
    return std::all_of(first.begin(), first.end(), [this](const auto& entry) {
      std::array<char, kWriteMax> now{};
      const StoredBytes& bytes = *entry.second;
      return memory_.read(bytes.address, std::span(now).first(bytes.size)) &&
             std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(bytes.size),
                        bytes.before.begin());
    });
  }
  std::size_t stores() const { return stored_.size(); }

 private:
  pid_t tid_;
  ptrace::Memory memory_;
  std::vector<StoredBytes> stored_;
  std::optional<int> other_stop_;
};

std::optional<user_regs_struct> registers_of(pid_t tid) {
  auto registers = ptrace::Stopped(tid).registers();
  // No call is being made, whatever the last one was.
  if (registers) registers->orig_rax = ~std::uint64_t{0};
  return registers;
}

}  // namespace

SpinCheck look_for_spin(pid_t tid, std::uint32_t steps_max) {
  struct Seen {
    user_regs_struct registers;
    std::size_t stores;
  };
  Stepper stepper(tid);
  std::vector<Seen> seen;
  std::optional<std::size_t> turn_begins;
  for (std::uint32_t steps = 0; steps <= steps_max; ++steps) {
    const auto registers = registers_of(tid);
    if (!registers) return {};
    for (std::size_t i = 0; i < seen.size() && !turn_begins; ++i)
      if (is_same_state(seen[i].registers, *registers) &&
          stepper.is_unchanged_since(seen[i].stores))
        turn_begins = i;
    seen.push_back({.registers = *registers, .stores = stepper.stores()});
    if (turn_begins) break;
    if (!stepper.step(*registers)) return {.spin = {}, .wait_status = stepper.other_stop()};
  }
  if (!turn_begins) return {};
  // Always left to wait at the same place of the loop.
  const auto lowest = std::min_element(
      seen.begin() + static_cast<std::ptrdiff_t>(*turn_begins), seen.end() - 1,
      [](const Seen& left, const Seen& right) { return left.registers.rip < right.registers.rip; });
  Spin spin;
  spin.at = lowest->registers;
  spin.period = static_cast<std::uint32_t>(seen.size() - 1 - *turn_begins);
  for (std::uint32_t steps = 0; steps <= spin.period; ++steps) {
    const auto registers = registers_of(tid);
    if (!registers) return {};
    if (is_same_state(*registers, spin.at)) break;
    if (!stepper.step(*registers)) return {.spin = {}, .wait_status = stepper.other_stop()};
  }
  spin.wait.retry = true;
  spin.wait.what = fmt::format("memory to change: it spins at {:#x}", spin.at.rip);
  return {.spin = std::move(spin), .wait_status = {}};
}

SpinCheck try_spin_again(pid_t tid, const Spin& spin) {
  Stepper stepper(tid);
  for (std::uint32_t steps = 0; steps < spin.period; ++steps) {
    const auto registers = registers_of(tid);
    if (!registers) return {};
    if (!stepper.step(*registers)) return {.spin = {}, .wait_status = stepper.other_stop()};
  }
  const auto registers = registers_of(tid);
  if (!registers || !is_same_state(*registers, spin.at) || !stepper.is_unchanged_since(0))
    return {};
  return {.spin = spin, .wait_status = {}};
}

}  // namespace tc::sandbox
