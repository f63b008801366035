#include "trace/lineage.h"

#include <fmt/format.h>
#include <sched.h>

namespace tc::trace {
namespace {

std::uint64_t key_of(std::uint32_t space, std::uint32_t pid) {
  return std::uint64_t{space} << 32U | pid;
}

// "p1.2" of "p1.2/1/3": a thread's process.
std::string_view process_part(std::string_view name) {
  const std::size_t child = name.find_last_of('.');
  const std::size_t thread = name.find('/', child == std::string_view::npos ? 0 : child);
  return name.substr(0, thread);
}

}  // namespace

Thread* Lineage::find(std::uint32_t tid) {
  if (last_found_ != nullptr && last_found_->task.tid == tid) return last_found_;
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return nullptr;
  return last_found_ = found->second.get();
}

std::string_view Lineage::name(std::uint32_t number) const {
  return number < names_.size() ? std::string_view(names_[number]) : std::string_view();
}

Thread& Lineage::add(guest::Task task, std::string name) {
  forget(task.tid);
  auto thread = std::make_unique<Thread>();
  thread->number = thread_count();
  thread->task = task;
  names_.push_back(std::move(name));
  Thread& added = *thread;
  threads_[task.tid] = std::move(thread);
  return added;
}

void Lineage::forget(std::uint32_t tid) {
  if (last_found_ != nullptr && last_found_->task.tid == tid) last_found_ = nullptr;
  threads_.erase(tid);
}

// A number that another process has got since, unseen, is not this one's any more.
void Lineage::forget_of(const Process& process, std::uint32_t tid) {
  const auto found = threads_.find(tid);
  if (found != threads_.end() && found->second->process == &process) forget(tid);
}

void Lineage::number(std::uint32_t space, std::uint32_t pid, std::uint32_t thread) {
  if (pid != 0) numbers_[key_of(space, pid)] = thread;
}

Process& Lineage::add_process(Thread& first, std::uint32_t space) {
  auto process = std::make_unique<Process>();
  process->pid = first.task.pid;
  process->leader = first.number;
  process->space = space;
  process->tids = {first.task.tid};
  first.process = process.get();
  processes_[first.task.pid] = std::move(process);
  return *first.process;
}

void Lineage::drop_process(std::uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  for (const std::uint32_t tid : found->second->tids) forget_of(*found->second, tid);
  processes_.erase(found);
}

Thread& Lineage::meet(guest::Task task) {
  if (Thread* known = find(task.tid); known != nullptr && known->task.pid == task.pid)
    return *known;
  if (task.tid != task.pid) {
    Thread& first = meet({.pid = task.pid, .tid = task.pid});
    Thread& thread = add(task, fmt::format("{}/{}", name(first.number), ++first.threads_made));
    thread.process = first.process;
    thread.line = first.line.of_thread(first.threads_made);
    thread.descriptors = first.descriptors;
    thread.directory = first.directory;
    thread.memory = first.memory;
    thread.space_of_children = first.space_of_children;
    thread.process->tids.push_back(task.tid);
    number(thread.process->space, task.tid, thread.number);
    return thread;
  }
  drop_process(task.pid);
  Thread& thread = add(task, fmt::format("p{}", ++roots_));
  add_process(thread, 0).fresh = true;
  thread.descriptors = std::make_shared<DescriptorTable>();
  thread.directory = std::make_shared<WorkingDirectory>();
  thread.memory = std::make_shared<AddressSpace>();
  number(0, task.tid, thread.number);
  return thread;
}

void Lineage::place(Thread& first, std::uint32_t own_number) {
  new_space(first);
  first.process->space = first.space_of_children;
  number(first.process->space, own_number, first.number);
}

Thread& Lineage::create(Thread& creator, const guest::Created& event) {
  if (event.child.tid == creator.task.tid) return creator;  // no event that the kernel makes
  const bool same_process = event.child.pid == creator.task.pid;
  if (!same_process) drop_process(event.child.pid);
  const std::uint32_t ordinal = same_process ? ++creator.threads_made : ++creator.children_made;
  Thread& child = add(event.child, fmt::format("{}{}{}", names_[creator.number],
                                               same_process ? '/' : '.', ordinal));
  const auto shared = [&](auto object, std::uint64_t flag) {
    using Object = typename decltype(object)::element_type;
    return (event.clone_flags & flag) != 0 ? object : std::make_shared<Object>(*object);
  };
  child.descriptors = shared(creator.descriptors, CLONE_FILES);
  if (child.descriptors != creator.descriptors) child.descriptors->forked();
  child.directory = shared(creator.directory, CLONE_FS);
  child.memory = shared(creator.memory, CLONE_VM);
  child.space_of_children = creator.space_of_children;
  if (same_process) {
    child.process = creator.process;
    child.process->tids.push_back(event.child.tid);
    child.line = creator.line.of_thread(ordinal);
  } else {
    if ((event.clone_flags & CLONE_NEWPID) != 0) child.space_of_children = ++spaces_;
    child.line = creator.line;
    add_process(child, child.space_of_children);
  }
  number(0, event.child.tid, child.number);
  if (child.process->space != 0) number(child.process->space, event.ns_tid, child.number);
  return child;
}

Thread& Lineage::exec(Thread& caller) {
  Process& process = *caller.process;
  Thread* first = find(process.pid);
  if (first == nullptr || first->process != &process) first = &caller;
  first->descriptors = std::make_shared<DescriptorTable>(*caller.descriptors);
  first->directory = caller.directory;
  first->space_of_children = caller.space_of_children;
  first->calls_since_random = caller.calls_since_random;
  first->memory = std::make_shared<AddressSpace>();
  for (const std::uint32_t tid : process.tids)
    if (tid != first->task.tid) forget_of(process, tid);
  process.tids = {first->task.tid};
  return *first;
}

void Lineage::end(Thread& thread, bool last) {
  Process& process = *thread.process;
  if (!last) {
    if (thread.number == process.leader) return;
    std::erase(process.tids, thread.task.tid);
    forget(thread.task.tid);
    return;
  }
  drop_process(process.pid);
}

std::optional<std::uint32_t> Lineage::thread_of(const Thread& viewer, std::uint32_t pid) const {
  const auto found = numbers_.find(key_of(viewer.process->space, pid));
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::string_view Lineage::pid_name(Thread& viewer, std::uint32_t pid) {
  if (const auto thread = thread_of(viewer, pid)) return names_[*thread];
  if (viewer.process->space == 0 && ancestors_.contains(pid)) return "parent";
  return viewer.line.name(Appearance::kOutside, pid);
}

bool Lineage::descends(const Thread& viewer, std::uint32_t elder) const {
  const std::string_view from = process_part(names_[elder]);
  const std::string_view name = names_[viewer.number];
  return name.starts_with(from) &&
         (name.size() == from.size() || name[from.size()] == '.' || name[from.size()] == '/');
}

}  // namespace tc::trace
