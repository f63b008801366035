#include "observe/probe_setter.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>

#include "base/file.h"
#include "symbol/glob.h"
#include "symbol/loader_cache.h"
#include "symbol/probe_site.h"
#include "tc/event.h"

namespace tc::observe {
namespace {

using NamedFunction = std::pair<const char*, std::uint64_t>;

constexpr std::array kNetworkFunctions = {
    NamedFunction{"connect", TC_NETWORK_connect},
    NamedFunction{"accept", TC_NETWORK_accept},
    NamedFunction{"accept4", TC_NETWORK_accept},
};
// With the position of the argument argv.
constexpr std::array kExecFunctions = {
    NamedFunction{"execve", 1},
    NamedFunction{"execveat", 2},
};
#define TC_FUNCTION_ROW(number, name) NamedFunction{#name, number},
constexpr std::array kSslFunctions = {TC_SSL_FUNCTIONS(TC_FUNCTION_ROW)};

constexpr std::size_t kFirstBytes = 8;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// glibc, its old versioned name, and musl, whose loader is its libc.
bool is_libc(std::string_view name) {
  return name.starts_with("libc.so") || name.starts_with("libc-2.") || name.starts_with("ld-musl-");
}
bool is_tls_library(std::string_view name) {
  return name.starts_with("libssl.so") || name.starts_with("libssl-") ||
         name.starts_with("libgnutls.so");
}
// Programs may have a TLS library linked in, as node has.
bool is_library(std::string_view name) { return name.find(".so") != std::string_view::npos; }

// Where a program keeps libraries of its own.
std::vector<std::string> library_directories(const std::string& program) {
  std::vector<std::string> directories;
  if (!program.empty()) {
    std::error_code failure;
    const std::filesystem::path folder = std::filesystem::canonical(program, failure).parent_path();
    if (!failure) {
      directories.push_back(folder.string());
      directories.push_back((folder.parent_path() / "lib").string());
    }
  }
  const char* variable = std::getenv("LD_LIBRARY_PATH");
  std::istringstream path(variable == nullptr ? "" : variable);
  for (std::string directory; std::getline(path, directory, ':');)
    if (!directory.empty()) directories.push_back(directory);
  return directories;
}

bool matches_module(const SymbolPattern& pattern, const std::string& path) {
  const bool by_path = pattern.module.find('/') != std::string::npos;
  return symbol::glob_matches(pattern.module, by_path ? std::string_view(path) : base_name(path));
}

}  // namespace

ProbeSetter::ProbeSetter(const ObserveOptions& options, probe::Observer& observer,
                         enrich::ProbedFunctions& probed, ReportFn report)
    : options_(options),
      observer_(observer),
      probed_(probed),
      report_(std::move(report)),
      wants_network_(options.events.contains(TC_EVENT_network_op)),
      wants_exec_(options.events.contains(TC_EVENT_process_exec)),
      wants_ssl_(options.events.contains(TC_EVENT_ssl_op)),
      images_(proc::LiveProc(), symbol::Images::Options{}) {}

bool ProbeSetter::is_interesting(const std::string& path) const {
  const std::string_view name = base_name(path);
  if ((wants_network_ || wants_exec_) && is_libc(name)) return true;
  if (wants_ssl_ && (is_tls_library(name) || !is_library(name))) return true;
  return std::any_of(options_.symbols.begin(), options_.symbols.end(),
                     [&](const SymbolPattern& pattern) { return matches_module(pattern, path); });
}

void ProbeSetter::consider(std::uint32_t pid, const proc::Mapping& mapping) {
  if (!mapping.executable || !mapping.is_file_backed()) return;
  const std::uint64_t device = std::uint64_t{mapping.device_major} << 32U | mapping.device_minor;
  if (!mapped_seen_.emplace(device, mapping.inode).second) return;
  if (!is_interesting(mapping.path)) return;
  const Result<UniqueFd> file = images_.open(pid, mapping);
  if (file) inspect(file->get(), mapping.path);
}

void ProbeSetter::consider_process(std::uint32_t pid) {
  const Result<std::string> text = proc_.maps(pid);
  if (!text) return;
  const auto mappings = proc::parse_maps(*text, fmt::format("/proc/{}/maps", pid));
  if (!mappings) return report_(mappings.error().text());
  for (const proc::Mapping& mapping : *mappings) consider(pid, mapping);
}

void ProbeSetter::consider_file(const std::string& path) {
  if (!is_interesting(path)) return;
  const Result<UniqueFd> file = base::open_file(path, O_RDONLY);
  if (file) inspect(file->get(), path);
}

void ProbeSetter::consider_system_libraries() {
  const Result<std::string> cache = base::read_file("/etc/ld.so.cache");
  if (!cache) return;
  for (const std::string& path : symbol::loader_cache_paths(*cache)) consider_file(path);
}

void ProbeSetter::consider_named_files(const std::string& program) {
  if (options_.symbols.empty()) return;
  for (const SymbolPattern& pattern : options_.symbols) {
    glob_t matches{};
    if (pattern.module.starts_with('/') && glob(pattern.module.c_str(), 0, nullptr, &matches) == 0)
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) consider_file(matches.gl_pathv[i]);
    globfree(&matches);
  }
  for (const std::string& directory : library_directories(program)) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(directory, failure))
      if (entry.is_regular_file(failure)) consider_file(entry.path().string());
  }
}

void ProbeSetter::inspect(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (!files_seen_.emplace(info.st_dev, info.st_ino).second) return;
  const auto image = symbol::read_elf(fd, path);
  if (!image) {
    // A script, or a file for another machine, is no failure unless the user named it.
    if (std::any_of(options_.symbols.begin(), options_.symbols.end(),
                    [&](const SymbolPattern& pattern) { return matches_module(pattern, path); }))
      report_(image.error().text());
    return;
  }
  const File file{fd, path, **image};
  if (wants_network_ && is_libc(base_name(path))) probe_network(file);
  if (wants_exec_ && is_libc(base_name(path)))
    attach(file, probe::UprobeProgram::kExecEntry, named_sites(file, kExecFunctions));
  if (wants_ssl_) probe_ssl(file);
  if (!options_.symbols.empty()) probe_symbols(file);
}

std::vector<probe::UprobeSite> ProbeSetter::named_sites(
    const File& file, std::span<const NamedFunction> functions) const {
  std::vector<probe::UprobeSite> sites;
  std::set<std::uint64_t> taken;
  for (const auto& [name, cookie] : functions) {
    for (const symbol::Definition& definition : file.image.symbols.find(name)) {
      const auto offset = file.image.vaddr_to_file_offset(definition.address);
      if (offset && taken.insert(*offset).second) sites.push_back({*offset, cookie});
    }
  }
  return sites;
}

void ProbeSetter::probe_network(const File& file) {
  attach(file, probe::UprobeProgram::kLibcNetworkCall, named_sites(file, kNetworkFunctions));
}

void ProbeSetter::probe_ssl(const File& file) {
  const std::vector<probe::UprobeSite> sites = named_sites(file, kSslFunctions);
  // The return first: an entry whose return is not seen yet would stay on the thread's books.
  attach(file, probe::UprobeProgram::kSslReturn, sites);
  attach(file, probe::UprobeProgram::kSslEntry, sites);
}

void ProbeSetter::probe_symbols(const File& file) {
  // By address: of several names that match, the first in the alphabet.
  std::map<std::uint64_t, symbol::Definition> functions;
  for (std::size_t i = 0; i < options_.symbols.size(); ++i) {
    if (!matches_module(options_.symbols[i], file.path)) continue;
    for (const symbol::Definition& definition :
         file.image.symbols.find(options_.symbols[i].function)) {
      // An IFUNC's address is that of its resolver, which runs once; the function has none.
      if (definition.is_ifunc) continue;
      functions.emplace(definition.address, definition);
      matched_.insert(i);
    }
  }
  std::vector<probe::UprobeSite> sites;
  for (const auto& [vaddr, definition] : functions) {
    const auto offset = file.image.vaddr_to_file_offset(vaddr);
    if (!offset) continue;
    const auto first = symbol::function_bytes(file.fd, file.image, vaddr, kFirstBytes);
    const std::uint64_t distance = first ? symbol::probe_offset(*first) : 0;
    const std::uint64_t id = probed_.add({.module = file.path,
                                          .build_id = file.image.build_id,
                                          .symbol = std::string(definition.name),
                                          .vaddr = vaddr});
    sites.push_back({*offset + distance, id << 8U | distance});
  }
  functions_probed_ += sites.size();
  attach(file, probe::UprobeProgram::kSymbolCall, sites);
}

void ProbeSetter::attach(const File& file, probe::UprobeProgram program,
                         std::span<const probe::UprobeSite> sites) {
  if (sites.empty()) return;
  const Result<void> attached = observer_.attach_uprobes(program, file.fd, sites);
  if (attached) return;
  // One place the kernel will not have (data taken for code, say) fails the whole link: find it.
  if (sites.size() > 1) {
    attach(file, program, sites.first(sites.size() / 2));
    attach(file, program, sites.subspan(sites.size() / 2));
    return;
  }
  report_(fmt::format("{}+0x{:x}: {}", file.path, sites.front().offset, attached.error().text()));
}

std::vector<SymbolPattern> ProbeSetter::unmatched() const {
  std::vector<SymbolPattern> patterns;
  for (std::size_t i = 0; i < options_.symbols.size(); ++i)
    if (!matched_.contains(i)) patterns.push_back(options_.symbols[i]);
  return patterns;
}

}  // namespace tc::observe
