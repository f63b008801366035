// Lineage: who is who. Every thread has a creation path, "p1.2/1", that does not depend on the
// numbers the kernel happens to give; and its own view of descriptors, directory and memory, shared
// with others or not as clone(2) was asked.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "guest/events.h"
#include "trace/addresses.h"
#include "trace/descriptors.h"
#include "trace/line.h"

namespace tc::trace {

struct WorkingDirectory {
  std::string path;  // absolute and lexical; empty when not known
};

struct Process;

struct Thread {
  std::uint32_t number = 0;  // from 0, in order of creation
  guest::Task task;
  Process* process = nullptr;
  Line line;
  std::shared_ptr<DescriptorTable> descriptors;
  std::shared_ptr<WorkingDirectory> directory;
  std::shared_ptr<AddressSpace> memory;
  std::uint32_t threads_made = 0;
  std::uint32_t children_made = 0;
  std::uint32_t space_of_children = 0;      // pid namespace; see Lineage
  std::uint32_t calls_since_random = 1000;  // since getrandom(2)
};

struct Process {
  std::uint32_t pid = 0;
  std::uint32_t leader = 0;  // the number of its first thread
  // Its pid namespace, numbered as they come; 0 is the one that events are told in.
  std::uint32_t space = 0;
  bool fresh = false;  // met, and nothing is known to have happened in it yet
  std::vector<std::uint32_t> tids;
};

class Lineage {
 public:
  // Null when not known.
  Thread* find(std::uint32_t tid);
  // A task that nobody was seen to create: the first thread of a process "p1", or one more thread
  // "p1/1" of its process. One that is known is returned as it is.
  Thread& meet(guest::Task task);
  // The process that was just met lives in a pid namespace in which it has this number, and its
  // children live there, too.
  void place(Thread& first, std::uint32_t own_number);
  Thread& create(Thread& creator, const guest::Created& event);
  // A thread of the process has executed a program: from here on it is the process's first, and
  // the only one.
  Thread& exec(Thread& caller);
  // The thread is gone; the first stays known until the process is gone.
  void end(Thread& thread, bool last);

  // A process outside that one of the met descends from, or tc itself.
  void add_ancestor(std::uint32_t pid) { ancestors_.insert(pid); }
  // From here on the thread's children live in a pid namespace of their own.
  void new_space(Thread& creator) { creator.space_of_children = ++spaces_; }

  std::uint32_t thread_count() const { return static_cast<std::uint32_t>(names_.size()); }
  std::string_view name(std::uint32_t number) const;

  // The thread whose number is `pid` in the eyes of `viewer`; also one that is gone.
  std::optional<std::uint32_t> thread_of(const Thread& viewer, std::uint32_t pid) const;
  // How `viewer` is told `pid`: "p1.2", "parent", "outside#1". Lives until the line changes.
  std::string_view pid_name(Thread& viewer, std::uint32_t pid);
  // Is the thread numbered `elder` of the viewer's process, or of one it descends from?
  bool descends(const Thread& viewer, std::uint32_t elder) const;

 private:
  Thread& add(guest::Task task, std::string name);
  void forget(std::uint32_t tid);
  void forget_of(const Process& process, std::uint32_t tid);
  Process& add_process(Thread& first, std::uint32_t space);
  void drop_process(std::uint32_t pid);
  void number(std::uint32_t space, std::uint32_t pid, std::uint32_t thread);

  std::unordered_map<std::uint32_t, std::unique_ptr<Thread>> threads_;     // by tid
  std::unordered_map<std::uint32_t, std::unique_ptr<Process>> processes_;  // by pid
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // (space, pid) → thread
  std::unordered_set<std::uint32_t> ancestors_;
  std::deque<std::string> names_;
  Thread* last_found_ = nullptr;
  std::uint32_t roots_ = 0;
  std::uint32_t spaces_ = 0;
};

}  // namespace tc::trace
