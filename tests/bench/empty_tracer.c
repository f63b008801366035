/* empty_tracer: what a stop costs at least, for scripts/bench sandbox: runs a command on one
 * processor under a seccomp filter that traces clock_gettime alone; at each stop it reads the
 * registers, writes them back so that the call is answered without the kernel, and goes on.
 *
 * usage: empty_tracer COMMAND [ARGUMENT…]     (one process of one thread)
 * exit status: the command's; 125 when tracing fails */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char* what) {
  perror(what);
  _exit(125);
}

static void trace_clock(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    die("empty_tracer: filter");
}

static void answer(pid_t pid) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0) die("empty_tracer: read registers");
  registers.orig_rax = (unsigned long long)-1;
  registers.rax = 0;
  if (ptrace(PTRACE_SETREGS, pid, 0, &registers) != 0) die("empty_tracer: write registers");
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage: empty_tracer COMMAND [ARGUMENT...]");
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) die("empty_tracer: affinity");
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    trace_clock();
    execvp(argv[1], argv + 1);
    die(argv[1]);
  }
  int status;
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) die("empty_tracer: start");
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  int signal = 0;
  while (1) {
    ptrace(PTRACE_CONT, pid, 0, signal);
    if (waitpid(pid, &status, 0) != pid) die("empty_tracer: wait");
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    const int is_call = status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
    signal = is_call || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (is_call) answer(pid);
  }
}
