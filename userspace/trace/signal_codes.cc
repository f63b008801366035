#include "trace/signal_codes.h"

#include <csignal>
#include <span>

namespace tc::trace {
namespace {

// include/uapi/asm-generic/siginfo.h. Codes of one signal count from 1.
constexpr std::string_view kIll[] = {"ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR",
                                     "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG",
                                     "ILL_COPROC", "ILL_BADSTK", "ILL_BADIADDR"};
constexpr std::string_view kFpe[] = {"FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF",
                                     "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"};
constexpr std::string_view kSegv[] = {
    "SEGV_MAPERR",  "SEGV_ACCERR",  "SEGV_BNDERR",  "SEGV_PKUERR",  "SEGV_ACCADI",
    "SEGV_ADIDERR", "SEGV_ADIPERR", "SEGV_MTEAERR", "SEGV_MTESERR", "SEGV_CPERR"};
constexpr std::string_view kBus[] = {"BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR",
                                     "BUS_MCEERR_AO"};
constexpr std::string_view kTrap[] = {"TRAP_BRKPT",  "TRAP_TRACE", "TRAP_BRANCH",
                                      "TRAP_HWBKPT", "TRAP_UNK",   "TRAP_PERF"};
constexpr std::string_view kChld[] = {"CLD_EXITED",  "CLD_KILLED",  "CLD_DUMPED",
                                      "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};
constexpr std::string_view kPoll[] = {"POLL_IN",  "POLL_OUT", "POLL_MSG",
                                      "POLL_ERR", "POLL_PRI", "POLL_HUP"};
constexpr std::string_view kSys[] = {"SYS_SECCOMP", "SYS_USER_DISPATCH"};

std::span<const std::string_view> codes_of(std::uint32_t signal) {
  switch (signal) {
    case SIGILL:
      return kIll;
    case SIGFPE:
      return kFpe;
    case SIGSEGV:
      return kSegv;
    case SIGBUS:
      return kBus;
    case SIGTRAP:
      return kTrap;
    case SIGCHLD:
      return kChld;
    case SIGPOLL:
      return kPoll;
    case SIGSYS:
      return kSys;
    default:
      return {};
  }
}

}  // namespace

std::string_view signal_code_name(std::uint32_t signal, std::int32_t code) {
  switch (code) {
    case 0:
      return "SI_USER";
    case 0x80:
      return "SI_KERNEL";
    case -1:
      return "SI_QUEUE";
    case -2:
      return "SI_TIMER";
    case -3:
      return "SI_MESGQ";
    case -4:
      return "SI_ASYNCIO";
    case -5:
      return "SI_SIGIO";
    case -6:
      return "SI_TKILL";
    case -7:
      return "SI_DETHREAD";
    case -60:
      return "SI_ASYNCNL";
    default:
      break;
  }
  const std::span<const std::string_view> codes = codes_of(signal);
  if (code < 1 || static_cast<std::size_t>(code) > codes.size()) return {};
  return codes[static_cast<std::size_t>(code) - 1];
}

bool has_fault_address(std::uint32_t signal, std::int32_t code) {
  const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
                     signal == SIGFPE || signal == SIGTRAP;
  return fault && code > 0 && code != 0x80;
}

}  // namespace tc::trace
