#include "behaviour/call_facts.h"

#include <algorithm>
#include <array>

#include "base/result.h"
#include "behaviour/call_rules.h"
#include "behaviour/log.h"
#include "behaviour/object_name.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

/* clang-format off */
constexpr CallRule kRules[] = {
    {"accept", Kind::kAccept, {}, tell_accept},
    {"accept4", Kind::kAccept, {}, tell_accept},
    {"acct", Kind::kKernelFeature, "acct {file}"},
    {"add_key", Kind::kKernelFeature, "keyring add_key"},
    {"adjtimex", Kind::kPrivilege, "adjtimex", nullptr, "ADJ_"},
    {"bind", Kind::kBind, {}, tell_bind},
    {"bpf", Kind::kKernelFeature, "bpf {cmd}"},
    {"capset", Kind::kPrivilege, "capset"},
    {"chmod", Kind::kFileMode, "{mode} {file}"},
    {"chown", Kind::kFileOwner, "{user}:{group} {file}"},
    {"chroot", Kind::kNamespace, "chroot {file}"},
    {"clock_settime", Kind::kPrivilege, "clock_settime"},
    {"clone", Kind::kNamespace, {}, tell_clone, "CLONE_NEW"},
    {"clone3", Kind::kNamespace, {}, tell_clone, "CLONE_NEW"},
    {"connect", Kind::kConnect, {}, tell_connect, {}, true},
    {"creat", Kind::kFileWrite, {}, tell_open, {}, true},
    {"delete_module", Kind::kKernelFeature, "module delete {name_user}"},
    {"execve", Kind::kExecFailed, {}, tell_exec, {}, true},
    {"execveat", Kind::kExecFailed, {}, tell_exec, {}, true},
    {"fanotify_init", Kind::kKernelFeature, "fanotify"},
    {"fchmod", Kind::kFileMode, "{mode} {fd:fd}"},
    {"fchmodat", Kind::kFileMode, "{mode} {file}"},
    {"fchmodat2", Kind::kFileMode, "{mode} {file}"},
    {"fchown", Kind::kFileOwner, "{user}:{group} {fd:fd}"},
    {"fchownat", Kind::kFileOwner, "{user}:{group} {file}"},
    {"finit_module", Kind::kKernelFeature, "module load {fd:fd}"},
    {"fremovexattr", Kind::kFileAttributes, "{name} {fd:fd}"},
    {"fsetxattr", Kind::kFileAttributes, "{name} {fd:fd}"},
    {"fsmount", Kind::kMount, "fsmount"},
    {"fsopen", Kind::kMount, "fsopen {fs_name}"},
    {"ftruncate", Kind::kFileTruncate, "{fd:fd}"},
    {"futimesat", Kind::kFileTimes, "{file}"},
    {"getdents", Kind::kListDirectory, {}, tell_list},
    {"getdents64", Kind::kListDirectory, {}, tell_list},
    {"init_module", Kind::kKernelFeature, "module load"},
    {"io_uring_setup", Kind::kKernelFeature, "io_uring"},
    {"ioctl", Kind::kIoctl, {}, tell_ioctl},
    {"ioperm", Kind::kKernelFeature, "ioperm"},
    {"iopl", Kind::kKernelFeature, "iopl"},
    {"kcmp", Kind::kKernelFeature, "kcmp"},
    {"kexec_file_load", Kind::kKernelFeature, "kexec"},
    {"kexec_load", Kind::kKernelFeature, "kexec"},
    {"keyctl", Kind::kKernelFeature, "keyring {option}"},
    {"lchown", Kind::kFileOwner, "{user}:{group} {file}"},
    {"link", Kind::kFileLink, "{file} -> {file2}"},
    {"linkat", Kind::kFileLink, "{file} -> {file2}"},
    {"listen", Kind::kListen, {}, tell_listen},
    {"lremovexattr", Kind::kFileAttributes, "{name} {file}"},
    {"lsetxattr", Kind::kFileAttributes, "{name} {file}"},
    {"mkdir", Kind::kMakeDirectory, "{file}"},
    {"mkdirat", Kind::kMakeDirectory, "{file}"},
    {"mknod", Kind::kFileCreate, "{file}"},
    {"mknodat", Kind::kFileCreate, "{file}"},
    {"mmap", Kind::kMemory, {}, tell_mapping, "PROT_EXEC"},
    {"modify_ldt", Kind::kKernelFeature, "modify_ldt"},
    {"mount", Kind::kMount, "{dev_name} on {dir_name} type {type}"},
    {"mount_setattr", Kind::kMount, "mount_setattr {file}"},
    {"move_mount", Kind::kMount, "move_mount {file} -> {file2}"},
    {"mprotect", Kind::kMemory, {}, tell_protection, "PROT_EXEC"},
    {"mq_open", Kind::kIpc, "message queue {u_name}"},
    {"msgget", Kind::kIpc, "message queue {key}"},
    {"open", Kind::kFileRead, {}, tell_open, {}, true},
    {"open_by_handle_at", Kind::kKernelFeature, "open_by_handle_at"},
    {"open_tree", Kind::kMount, "open_tree {file}"},
    {"openat", Kind::kFileRead, {}, tell_open, {}, true},
    {"openat2", Kind::kFileRead, {}, tell_open, {}, true},
    {"perf_event_open", Kind::kKernelFeature, "perf"},
    {"personality", Kind::kPrivilege, {}, tell_personality},
    {"pidfd_getfd", Kind::kKernelFeature, "pidfd_getfd"},
    {"pivot_root", Kind::kMount, "pivot_root {file} {file2}"},
    {"pkey_mprotect", Kind::kMemory, {}, tell_protection, "PROT_EXEC"},
    {"prctl", Kind::kPrivilege, {}, tell_prctl},
    {"prlimit64", Kind::kResource, {}, tell_limit},
    {"process_vm_readv", Kind::kKernelFeature, "process_vm_readv"},
    {"process_vm_writev", Kind::kKernelFeature, "process_vm_writev"},
    {"ptrace", Kind::kKernelFeature, "ptrace {request}"},
    {"pwrite64", Kind::kStream, {}, tell_write, "\"fd\":\"s"},
    {"quotactl", Kind::kKernelFeature, "quotactl"},
    {"reboot", Kind::kPrivilege, "reboot {cmd}"},
    {"removexattr", Kind::kFileAttributes, "{name} {file}"},
    {"rename", Kind::kFileRename, "{file} -> {file2}"},
    {"renameat", Kind::kFileRename, "{file} -> {file2}"},
    {"renameat2", Kind::kFileRename, "{file} -> {file2}"},
    {"request_key", Kind::kKernelFeature, "keyring request_key"},
    {"rmdir", Kind::kRemoveDirectory, "{file}"},
    {"sched_setattr", Kind::kResource, "sched_setattr"},
    {"sched_setscheduler", Kind::kResource, "scheduler {policy}"},
    {"seccomp", Kind::kPrivilege, "seccomp {op}"},
    {"semget", Kind::kIpc, "semaphores {key}"},
    {"sendmmsg", Kind::kSendTo, {}, tell_send},
    {"sendmsg", Kind::kSendTo, {}, tell_send},
    {"sendto", Kind::kSendTo, {}, tell_send},
    {"setdomainname", Kind::kPrivilege, "setdomainname"},
    {"setfsgid", Kind::kPrivilege, "setfsgid {gid}"},
    {"setfsuid", Kind::kPrivilege, "setfsuid {uid}"},
    {"setgid", Kind::kPrivilege, "setgid {gid}"},
    {"setgroups", Kind::kPrivilege, "setgroups {grouplist}"},
    {"sethostname", Kind::kPrivilege, "sethostname {name}"},
    {"setns", Kind::kNamespace, "setns {fd:fd}"},
    {"setpriority", Kind::kResource, "priority {niceval}"},
    {"setregid", Kind::kPrivilege, "setregid {rgid} {egid}"},
    {"setresgid", Kind::kPrivilege, "setresgid {rgid} {egid} {sgid}"},
    {"setresuid", Kind::kPrivilege, "setresuid {ruid} {euid} {suid}"},
    {"setreuid", Kind::kPrivilege, "setreuid {ruid} {euid}"},
    {"setrlimit", Kind::kResource, "limit {resource}"},
    {"settimeofday", Kind::kPrivilege, "settimeofday"},
    {"setuid", Kind::kPrivilege, "setuid {uid}"},
    {"setxattr", Kind::kFileAttributes, "{name} {file}"},
    {"setxattrat", Kind::kFileAttributes, "{name} {file}"},
    {"shmget", Kind::kIpc, "shared memory {key}"},
    {"socket", Kind::kSocket, {}, tell_socket},
    {"swapoff", Kind::kMount, "swapoff {file}"},
    {"swapon", Kind::kMount, "swapon {file}"},
    {"symlink", Kind::kFileLink, {}, tell_symlink},
    {"symlinkat", Kind::kFileLink, {}, tell_symlink},
    {"syslog", Kind::kKernelFeature, "syslog"},
    {"truncate", Kind::kFileTruncate, "{file}"},
    {"umount2", Kind::kMount, "umount {file}"},
    {"unlink", Kind::kFileDelete, "{file}"},
    {"unlinkat", Kind::kFileDelete, {}, tell_unlinkat},
    {"unshare", Kind::kNamespace, "unshare {unshare_flags}"},
    {"uselib", Kind::kKernelFeature, "uselib"},
    {"userfaultfd", Kind::kKernelFeature, "userfaultfd"},
    {"utime", Kind::kFileTimes, "{file}"},
    {"utimensat", Kind::kFileTimes, "{file}"},
    {"utimes", Kind::kFileTimes, "{file}"},
    {"write", Kind::kStream, {}, tell_write, "\"fd\":\"s"},
    {"writev", Kind::kStream, {}, tell_write, "\"fd\":\"s"},
};
/* clang-format on */

constexpr bool are_sorted() {
  return std::is_sorted(std::begin(kRules), std::end(kRules),
                        [](const CallRule& l, const CallRule& r) { return l.call < r.call; });
}
static_assert(are_sorted());

std::string filled_in(std::string_view form, const CallContext& context) {
  std::string text;
  while (!form.empty()) {
    const std::size_t open = form.find('{');
    text += form.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = form.find('}', open);
    TC_ASSERT(close != std::string_view::npos);
    const std::string_view name = form.substr(open + 1, close - open - 1);
    if (name == "file") {
      // Calls that take no path but a descriptor in its place: futimens(3).
      const std::string file = context.file();
      text += file.empty() ? context.descriptor("dfd") : file;
    } else if (name == "file2") {
      text += context.file2();
    } else if (name.starts_with("fd:")) {
      text += context.descriptor(name.substr(3));
    } else {
      text += context.argument(name);
    }
    form.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace

std::span<const CallRule> call_rules() { return kRules; }

const CallRule* find_call_rule(std::string_view call) {
  const auto* found =
      std::lower_bound(std::begin(kRules), std::end(kRules), call,
                       [](const CallRule& row, std::string_view name) { return row.call < name; });
  return found != std::end(kRules) && found->call == call ? found : nullptr;
}

void apply_rule(const CallRule& rule, const CallContext& context) {
  if (!context.failure().empty() && !rule.also_failed) return;
  if (rule.tell != nullptr) return rule.tell(context);
  context.tell(rule.kind, filled_in(rule.form, context));
}

bool contains_flag(std::string_view flags, std::string_view flag) {
  for (std::size_t at = flags.find(flag); at != std::string_view::npos;
       at = flags.find(flag, at + 1)) {
    const std::size_t end = at + flag.size();
    if ((at == 0 || flags[at - 1] == '|') && (end == flags.size() || flags[end] == '|'))
      return true;
  }
  return false;
}

void tell_denied(std::string_view call, const CallContext& context) {
  std::string object(call);
  if (call == "open" || call == "openat2") object = "openat";
  const std::string file = context.file();
  if (!file.empty()) object.append(" ").append(file);
  context.tell(Kind::kDenied, std::move(object));
}

const Json* CallContext::value(std::string_view name) const {
  const auto arguments = record_.find("args");
  if (arguments == record_.end() || !arguments->is_object()) return nullptr;
  const auto found = arguments->find(std::string(name));
  return found == arguments->end() ? nullptr : &*found;
}

std::string CallContext::argument(std::string_view name) const {
  const Json* found = value(name);
  return found == nullptr ? std::string() : object_name(bytes_of(*found), process_.name);
}

bool CallContext::has_flag(std::string_view argument_name, std::string_view flag) const {
  const Json* found = value(argument_name);
  if (found == nullptr || !found->is_string()) return false;
  return contains_flag(found->get_ref<const std::string&>(), flag);
}

std::string CallContext::path(const char* key) const {
  const auto found = record_.find(key);
  return found == record_.end() ? std::string() : object_name(bytes_of(*found), process_.name);
}

std::string CallContext::descriptor(std::string_view name) const {
  const Json* found = value(name);
  return found == nullptr ? std::string() : descriptor_name(bytes_of(*found), process_.name);
}

std::string CallContext::failure() const {
  const auto found = record_.find("error");
  return found != record_.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace tc::behaviour
