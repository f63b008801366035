#include "ptrace/tasks.h"

#include <algorithm>
#include <utility>

namespace tc::ptrace {

Thread* Tasks::find(pid_t tid) const {
  const auto found = threads_.find(tid);
  return found == threads_.end() ? nullptr : found->second.get();
}

Thread& Tasks::add(guest::Task task) {
  std::weak_ptr<Process>& known = processes_[task.pid];
  std::shared_ptr<Process> process = known.lock();
  if (!process) {
    process = std::make_shared<Process>();
    process->pid = task.pid;
    known = process;
  }
  ++process->living;
  auto thread = std::make_unique<Thread>();
  thread->task = task;
  thread->process = std::move(process);
  std::unique_ptr<Thread>& place = threads_[static_cast<pid_t>(task.tid)];
  place = std::move(thread);
  return *place;
}

void Tasks::remove(pid_t tid) {
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return;
  const std::shared_ptr<Process> process = found->second->process;
  threads_.erase(found);
  if (process.use_count() == 1) processes_.erase(process->pid);
}

Thread* Tasks::become_leader(pid_t former, std::uint32_t pid) {
  const auto tid = static_cast<pid_t>(pid);
  if (former != tid) {
    auto node = threads_.extract(former);
    if (node.empty()) return find(tid);
    threads_.erase(tid);
    node.key() = tid;
    node.mapped()->task.tid = pid;
    threads_.insert(std::move(node));
  }
  return find(tid);
}

std::vector<Thread*> Tasks::all() const {
  std::vector<Thread*> threads;
  threads.reserve(threads_.size());
  for (const auto& [tid, thread] : threads_) threads.push_back(thread.get());
  std::sort(threads.begin(), threads.end(), [](const Thread* left, const Thread* right) {
    return left->task.tid < right->task.tid;
  });
  return threads;
}

std::vector<Thread*> Tasks::threads_of(std::uint32_t pid) const {
  std::vector<Thread*> threads = all();
  std::erase_if(threads, [pid](const Thread* thread) { return thread->task.pid != pid; });
  return threads;
}

}  // namespace tc::ptrace
