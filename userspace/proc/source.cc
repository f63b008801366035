#include "proc/source.h"

#include <cerrno>

#include "base/file.h"

namespace tc::proc {

std::string LiveProc::entry(std::uint32_t pid, const char* file) const {
  return fmt::format("{}/{}/{}", root_, pid, file);
}

Result<std::string> LiveProc::maps(std::uint32_t pid) const {
  return base::read_file(entry(pid, "maps"));
}

std::string LiveProc::maps_file(std::uint32_t pid) const { return entry(pid, "maps"); }

Result<std::string> LiveProc::cgroup(std::uint32_t pid) const {
  return base::read_file(entry(pid, "cgroup"));
}

Result<std::string> LiveProc::exe(std::uint32_t pid) const {
  return base::read_link(entry(pid, "exe"));
}

std::string LiveProc::file_in_root(std::uint32_t pid, const std::string& path) const {
  return entry(pid, "root") + path;
}

std::string LiveProc::mapped_file(std::uint32_t pid, std::uint64_t start, std::uint64_t end) const {
  return fmt::format("{}/{}/map_files/{:x}-{:x}", root_, pid, start, end);
}

std::string LiveProc::memory(std::uint32_t pid) const { return entry(pid, "mem"); }

std::string FixtureProc::entry(std::uint32_t pid, const char* what) const {
  return fmt::format("{}/{}-{}.txt", directory_, pid, what);
}

std::string FixtureProc::maps_file(std::uint32_t pid) const { return entry(pid, "maps"); }

Result<std::string> FixtureProc::maps(std::uint32_t pid) const {
  Result<std::string> text = base::read_file(maps_file(pid));
  if (!text && text.error().code() != ENOENT) return Error(text.error().text());
  return text;
}

Result<std::string> FixtureProc::cgroup(std::uint32_t pid) const {
  return base::read_file(entry(pid, "cgroup"));
}

Result<std::string> FixtureProc::exe(std::uint32_t pid) const {
  TC_TRY(std::string target, base::read_file(entry(pid, "exe")));
  if (target.ends_with('\n')) target.pop_back();
  return target;
}

std::string FixtureProc::file_in_root(std::uint32_t /*pid*/, const std::string& path) const {
  return path;
}

}  // namespace tc::proc
