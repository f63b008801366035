// Which Image belongs to a mapping: opened from the live system and cached, or from fixtures.
// Decides what may be trusted to be the mapped file; what is in it is elf.h's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proc/maps.h"
#include "proc/source.h"
#include "symbol/elf.h"
#include "symbol/image.h"

namespace tc::symbol {

// What resolve() asks for images.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // The image behind `mapping` of process `pid`, or nullptr when there is none or it cannot be
  // had. Keep the pointer while names of its symbols are in use.
  virtual std::shared_ptr<const Image> image(std::uint32_t pid, const proc::Mapping& mapping) = 0;
};

// Tells one content of one file: changes when the file is replaced or written to.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;     // bytes
  std::int64_t mtime_ns = 0;  // since the epoch
  auto operator<=>(const FileIdentity&) const = default;
};

// Images of files by identity, each read once. Files with one build-id and size share an Image, so
// that a library in a hundred containers is kept once: a container that forges another's build-id
// and size can at worst misname functions. Failures are remembered too. For one thread at a time.
class Images {
 public:
  struct Options {
    std::size_t byte_limit = 256U << 20U;  // of images; the one used last stays in any case
    ElfOptions elf = {};
  };

  explicit Images(Options options) : options_(std::move(options)) {}

  // The image of the regular file open at `fd` (borrowed). `name` is for messages alone.
  Result<std::shared_ptr<const Image>> load(int fd, const std::string& name);

  // The image in `bytes` (the vDSO), shared and kept as those of files are.
  Result<std::shared_ptr<const Image>> load_memory(std::span<const std::byte> bytes,
                                                   const std::string& name);

  std::size_t bytes() const { return bytes_; }
  std::size_t count() const { return recent_.size(); }

 private:
  struct File {
    std::weak_ptr<const Image> image;
    std::string fault;  // why there is no image, when reading failed
  };
  using BuildKey = std::pair<std::string, std::uint64_t>;  // build-id, size of the file

  std::shared_ptr<const Image> find_build(const BuildKey& key);
  void keep(const std::shared_ptr<const Image>& image, const BuildKey& key);
  void touch(const std::shared_ptr<const Image>& image);
  void evict();

  Options options_;
  std::map<FileIdentity, File> files_;
  std::map<BuildKey, std::weak_ptr<const Image>> builds_;
  std::list<std::shared_ptr<const Image>> recent_;  // used last first
  std::unordered_map<const Image*, std::list<std::shared_ptr<const Image>>::iterator> places_;
  std::size_t bytes_ = 0;
};

// Images of running processes' mappings: from /proc/PID/map_files when that is permitted, through
// /proc/PID/root, or for a process that is gone under the plain path. A file counts as the mapped
// one when device and inode are those of the mapping (inode alone through map_files, since btrfs
// and overlayfs give mappings another device), or when the mapping brings a build-id and the file
// has the same; a mapping that knows neither is believed its path. Otherwise no image: a wrong
// name is worse than none.
class LiveImages final : public ImageSource {
 public:
  LiveImages(proc::LiveProc proc, Images::Options options)
      : proc_(std::move(proc)), images_(std::move(options)) {}

  std::shared_ptr<const Image> image(std::uint32_t pid, const proc::Mapping& mapping) override;

  // The file behind `mapping`, by the same rules, for reading code or attaching probes.
  Result<UniqueFd> open(std::uint32_t pid, const proc::Mapping& mapping) const;

  const Images& cache() const { return images_; }

 private:
  // A mapping of a process by what tells it cheaply; the rest is compared on a hit. A pid that is
  // reused brings other addresses, inodes or paths with it.
  struct BindingKey {
    std::uint32_t pid;
    std::uint64_t start;
    std::uint64_t inode;
    bool operator==(const BindingKey&) const = default;
  };
  struct BindingHash {
    std::size_t operator()(const BindingKey& key) const;
  };
  struct Bound {
    std::string path;
    std::string build_id;
    std::weak_ptr<const Image> image;
    bool is_absent;
  };

  std::shared_ptr<const Image> find(std::uint32_t pid, const proc::Mapping& mapping);
  std::shared_ptr<const Image> vdso(std::uint32_t pid, const proc::Mapping& mapping);

  proc::LiveProc proc_;
  Images images_;
  // Saves opening the file for every frame.
  std::unordered_map<BindingKey, Bound, BindingHash> bound_;
};

// Images of recorded processes, by the path of the mapping alone.
class FixtureImages final : public ImageSource {
 public:
  // Reads every *-symbols.json of `directory`. A malformed one, and two of one path, are errors.
  static Result<FixtureImages> load(const std::string& directory);

  std::shared_ptr<const Image> image(std::uint32_t pid, const proc::Mapping& mapping) override;

 private:
  std::map<std::string, std::shared_ptr<const Image>, std::less<>> by_path_;
};

}  // namespace tc::symbol
