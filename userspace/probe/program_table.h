// The programs of bpf/ by name, and the events they serve: what the observer loads for what was
// asked for.
#pragma once

#include <sys/syscall.h>

#include <array>
#include <cstdint>

#include "tc/event.h"

namespace tc::probe {

// Which call's programs (bpf/*.bpf.c, TC_ON_SYSCALL_EXIT) serve which event. accept also tells
// tcp_state whose a connection is.
struct SyscallProgram {
  const char* call;
  long number;
  std::array<std::uint32_t, 2> events;
};
inline constexpr std::array kSyscallPrograms = {
    SyscallProgram{"open", SYS_open, {TC_EVENT_file_access}},
    SyscallProgram{"openat", SYS_openat, {TC_EVENT_file_access}},
    SyscallProgram{"openat2", SYS_openat2, {TC_EVENT_file_access}},
    SyscallProgram{"creat", SYS_creat, {TC_EVENT_file_access}},
    SyscallProgram{"execve", SYS_execve, {TC_EVENT_process_exec}},
    SyscallProgram{"execveat", SYS_execveat, {TC_EVENT_process_exec}},
    SyscallProgram{"connect", SYS_connect, {TC_EVENT_network_op}},
    SyscallProgram{"accept", SYS_accept, {TC_EVENT_network_op, TC_EVENT_tcp_state}},
    SyscallProgram{"accept4", SYS_accept4, {TC_EVENT_network_op, TC_EVENT_tcp_state}},
    SyscallProgram{"mmap", SYS_mmap, {TC_EVENT_memory_mapping}},
};

struct EventProgram {
  const char* name;
  std::uint32_t event;  // 0: always
};
inline constexpr std::array kEventPrograms = {
    EventProgram{"process_fork", 0},
    EventProgram{"process_exec", 0},
    EventProgram{"process_exit", 0},
    EventProgram{"tcp_state", TC_EVENT_tcp_state},
    EventProgram{"forget_socket", TC_EVENT_tcp_state},
    EventProgram{"snapshot_sockets", TC_EVENT_tcp_state},
    EventProgram{"libc_network_call", TC_EVENT_network_op},
    EventProgram{"exec_entry", TC_EVENT_process_exec},
    EventProgram{"ssl_entry", TC_EVENT_ssl_op},
    EventProgram{"ssl_return", TC_EVENT_ssl_op},
    EventProgram{"symbol_call", TC_EVENT_symbol_call},
};

// What runs instead when calls are traced.
inline constexpr std::array kTracePrograms = {
    EventProgram{"trace_task_create", TC_EVENT_task_create},
    EventProgram{"trace_task_exit", TC_EVENT_task_exit},
    EventProgram{"trace_exec", TC_EVENT_program_start},
    EventProgram{"trace_signal", TC_EVENT_signal_deliver},
    EventProgram{"trace_call", TC_EVENT_call_return},
};

}  // namespace tc::probe
