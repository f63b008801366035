#include "symbol/images.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "symbol/fixture.h"

namespace tc::symbol {
namespace {

constexpr std::size_t kFilesLimit = 16384;
constexpr std::size_t kBoundLimit = 65536;
constexpr std::uint64_t kVdsoLimit = 1U << 20U;

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

// A regular file, open for reading. A path in a container may name a FIFO or a device, whose mere
// opening blocks or acts: so the look comes first, through O_PATH.
Result<UniqueFd> open_regular(const std::string& path) {
  TC_TRY(const UniqueFd place, base::open_file(path, O_PATH));
  struct stat status;
  if (::fstat(place.get(), &status) != 0) return system_error(errno, "fstat " + path);
  if (!S_ISREG(status.st_mode)) return error("open {}: not a regular file", path);
  Result<UniqueFd> fd = base::open_file(fmt::format("/proc/self/fd/{}", place.get()), O_RDONLY);
  if (!fd) return fd.error().while_doing(path);
  return fd;
}

// How a file was found: through map_files it can only be the mapped one, or that of another
// mapping that took the place meanwhile.
enum class Way { kMapFiles, kPath };

bool is_mapped_file(int fd, const std::string& name, const proc::Mapping& mapping, Way way) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return false;
  const bool same_device =
      major(status.st_dev) == mapping.device_major && minor(status.st_dev) == mapping.device_minor;
  if (status.st_ino == mapping.inode && (same_device || way == Way::kMapFiles)) return true;
  if (!mapping.build_id.empty()) {
    const Result<std::string> build_id = read_build_id(fd, name);
    return build_id && *build_id == mapping.build_id;
  }
  return mapping.inode == 0 && !mapping.deleted;
}

}  // namespace

Result<std::shared_ptr<const Image>> Images::load(int fd, const std::string& name) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return system_error(errno, "fstat " + name);
  const FileIdentity identity = identity_of(status);
  if (const auto known = files_.find(identity); known != files_.end()) {
    if (!known->second.fault.empty()) return Error(known->second.fault);
    if (auto image = known->second.image.lock()) {
      touch(image);
      return image;
    }
  }
  if (files_.size() >= kFilesLimit) files_.clear();
  const Result<std::string> build_id = read_build_id(fd, name);
  const BuildKey key(build_id ? *build_id : std::string(), identity.size);
  std::shared_ptr<const Image> image = find_build(key);
  if (image == nullptr) {
    Result<std::shared_ptr<const Image>> read = read_elf(fd, name, options_.elf);
    if (!read) {
      files_[identity] = {.image = {}, .fault = read.error().text()};
      return read.error();
    }
    image = std::move(*read);
    keep(image, key);
  }
  files_[identity] = {.image = image, .fault = {}};
  return image;
}

Result<std::shared_ptr<const Image>> Images::load_memory(std::span<const std::byte> bytes,
                                                         const std::string& name) {
  TC_TRY(std::shared_ptr<const Image> image, read_elf_memory(bytes, name, options_.elf));
  const BuildKey key(image->build_id, bytes.size());
  if (auto shared = find_build(key)) return shared;
  keep(image, key);
  return image;
}

std::shared_ptr<const Image> Images::find_build(const BuildKey& key) {
  if (key.first.empty()) return nullptr;
  const auto found = builds_.find(key);
  if (found == builds_.end()) return nullptr;
  std::shared_ptr<const Image> image = found->second.lock();
  if (image != nullptr) touch(image);
  return image;
}

void Images::keep(const std::shared_ptr<const Image>& image, const BuildKey& key) {
  recent_.push_front(image);
  places_[image.get()] = recent_.begin();
  bytes_ += image->memory_bytes();
  if (!key.first.empty()) builds_[key] = image;
  evict();
}

// An image that was evicted while somebody held it comes back in.
void Images::touch(const std::shared_ptr<const Image>& image) {
  const auto place = places_.find(image.get());
  if (place != places_.end()) {
    recent_.splice(recent_.begin(), recent_, place->second);
    return;
  }
  keep(image, {});
}

void Images::evict() {
  bool evicted = false;
  while (bytes_ > options_.byte_limit && recent_.size() > 1) {
    bytes_ -= recent_.back()->memory_bytes();
    places_.erase(recent_.back().get());
    recent_.pop_back();
    evicted = true;
  }
  if (!evicted) return;
  std::erase_if(builds_, [](const auto& build) { return build.second.expired(); });
  std::erase_if(files_, [](const auto& file) {
    return file.second.fault.empty() && file.second.image.expired();
  });
}

std::size_t LiveImages::BindingHash::operator()(const BindingKey& key) const {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio: spreads pages
  return static_cast<std::size_t>(
      (((key.start >> 12U) * kOdd + key.inode) * kOdd + key.pid) * kOdd >> 16U);
}

std::shared_ptr<const Image> LiveImages::image(std::uint32_t pid, const proc::Mapping& mapping) {
  const BindingKey key{.pid = pid, .start = mapping.start, .inode = mapping.inode};
  const auto known = bound_.find(key);
  if (known != bound_.end() && known->second.path == mapping.path &&
      known->second.build_id == mapping.build_id) {
    if (known->second.is_absent) return nullptr;
    if (auto image = known->second.image.lock()) return image;
  }
  std::shared_ptr<const Image> image = find(pid, mapping);
  if (bound_.size() >= kBoundLimit) bound_.clear();
  bound_.insert_or_assign(key, Bound{.path = mapping.path,
                                     .build_id = mapping.build_id,
                                     .image = image,
                                     .is_absent = image == nullptr});
  return image;
}

std::shared_ptr<const Image> LiveImages::find(std::uint32_t pid, const proc::Mapping& mapping) {
  if (mapping.kind() == proc::MappingKind::kVdso) return vdso(pid, mapping);
  const Result<UniqueFd> fd = open(pid, mapping);
  if (!fd) return nullptr;
  const auto image = images_.load(fd->get(), mapping.path);
  return image ? *image : nullptr;
}

Result<UniqueFd> LiveImages::open(std::uint32_t pid, const proc::Mapping& mapping) const {
  const proc::MappingKind kind = mapping.kind();
  if (kind != proc::MappingKind::kFile && kind != proc::MappingKind::kMemfd) {
    return error("open the file mapped at {:#x} of process {}: there is none", mapping.start, pid);
  }
  struct Candidate {
    std::string path;
    Way way;
  };
  std::vector<Candidate> candidates = {
      {proc_.mapped_file(pid, mapping.start, mapping.end), Way::kMapFiles}};
  // Under the name of a deleted file there is another one by now, or none.
  if (!mapping.deleted && kind == proc::MappingKind::kFile) {
    candidates.push_back({proc_.file_in_root(pid, mapping.path), Way::kPath});
    candidates.push_back({mapping.path, Way::kPath});
  }
  bool is_other = false;
  for (const auto& [path, way] : candidates) {
    Result<UniqueFd> fd = open_regular(path);
    if (!fd) continue;
    if (is_mapped_file(fd->get(), path, mapping, way)) return fd;
    is_other = true;
  }
  return error("open {} of process {}: {}", mapping.path, pid,
               is_other ? "the file has been replaced since it was mapped"
                        : "neither through the process nor under its path");
}

std::shared_ptr<const Image> LiveImages::vdso(std::uint32_t pid, const proc::Mapping& mapping) {
  const auto fd = base::open_file(proc_.memory(pid), O_RDONLY);
  if (!fd || mapping.end - mapping.start > kVdsoLimit) return nullptr;
  std::vector<std::byte> bytes(mapping.end - mapping.start);
  const ssize_t got =
      ::pread(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(mapping.start));
  if (got <= 0) return nullptr;
  bytes.resize(static_cast<std::size_t>(got));
  const auto image = images_.load_memory(bytes, mapping.path);
  return image ? *image : nullptr;
}

Result<FixtureImages> FixtureImages::load(const std::string& directory) {
  std::error_code fault;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator entry(directory, fault), end; !fault && entry != end;
       entry.increment(fault)) {
    std::string path = entry->path().string();
    if (path.ends_with("-symbols.json")) files.push_back(std::move(path));
  }
  if (fault) return system_error(fault.value(), "read the directory " + directory);
  std::sort(files.begin(), files.end());
  FixtureImages images;
  for (const std::string& file : files) {
    TC_TRY(const std::string text, base::read_file(file));
    TC_TRY(ImageFixture fixture, parse_image_fixture(text, file));
    if (!images.by_path_.emplace(fixture.path, std::move(fixture.image)).second) {
      return error("{}: error: [symbols] /path: another file has the symbols of {} already", file,
                   fixture.path);
    }
  }
  return images;
}

std::shared_ptr<const Image> FixtureImages::image(std::uint32_t /*pid*/,
                                                  const proc::Mapping& mapping) {
  const auto found = by_path_.find(mapping.path);
  return found == by_path_.end() ? nullptr : found->second;
}

}  // namespace tc::symbol
