#include "trace/place.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/file.h"
#include "base/number.h"
#include "symbol/elf.h"
#include "symbol/loader_cache.h"

namespace tc::trace {
namespace {

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Result<std::string> absolute(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) return system_error(errno, "open " + path);
  return std::string(real.get());
}

Result<std::string> find_module(const std::string& module, const std::string& program) {
  if (module.find('/') != std::string::npos) return absolute(module);
  if (module.empty() || module == file_name(program)) return absolute(program);
  const Result<std::string> cache = base::read_file("/etc/ld.so.cache");
  if (cache) {
    for (const std::string& path : symbol::loader_cache_paths(*cache))
      if (file_name(path) == module) return absolute(path);
  }
  return error(
      "module {}: neither the program {} nor a library of /etc/ld.so.cache; name it by its "
      "path",
      module, program);
}

struct Module {
  std::string path;
  UniqueFd file;
  std::shared_ptr<const symbol::Image> image;
};

Result<Module> open_module(const std::string& path) {
  TC_TRY(UniqueFd file, base::open_file(path, O_RDONLY));
  TC_TRY(std::shared_ptr<const symbol::Image> image,
         symbol::read_elf(file.get(), path, {.debug_root = "/usr/lib/debug"}));
  return Module{path, std::move(file), std::move(image)};
}

// The address of main: what the entry code of gcc's and clang's crt1.o loads into the first
// argument of __libc_start_main, `lea main(%rip),%rdi` or `mov $main,%rdi`.
std::optional<std::uint64_t> main_by_entry_code(const Module& module) {
  Elf64_Ehdr header{};
  if (::pread(module.file.get(), &header, sizeof(header), 0) != sizeof(header)) return std::nullopt;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) return std::nullopt;
  constexpr std::size_t kEntryBytes = 64;
  const auto code =
      symbol::function_bytes(module.file.get(), *module.image, header.e_entry, kEntryBytes);
  if (!code) return std::nullopt;
  constexpr std::size_t kInstructionBytes = 7;
  for (std::size_t at = 0; at + kInstructionBytes <= code->size(); ++at) {
    const std::uint8_t* const bytes = code->data() + at;
    const bool lea = bytes[0] == 0x48 && bytes[1] == 0x8d && bytes[2] == 0x3d;
    const bool mov = bytes[0] == 0x48 && bytes[1] == 0xc7 && bytes[2] == 0xc7;
    if (!lea && !mov) continue;
    std::int32_t operand = 0;
    std::memcpy(&operand, bytes + 3, sizeof(operand));
    const std::uint64_t base = lea ? header.e_entry + at + kInstructionBytes : 0;
    return base + static_cast<std::uint64_t>(static_cast<std::int64_t>(operand));
  }
  return std::nullopt;
}

Result<std::uint64_t> find_symbol(const Module& module, const std::string& name) {
  for (const symbol::Definition& definition : module.image->symbols.find(name))
    if (!definition.is_ifunc) return definition.address;
  if (name == "main") {
    if (const auto address = main_by_entry_code(module)) return *address;
  }
  return error("{}: no function {}; name a place as MODULE+0xOFFSET", module.path, name);
}

}  // namespace

Result<Place> find_place(const std::string& text, const std::string& program) {
  const std::size_t colon = text.rfind(':');
  const std::size_t plus = text.rfind("+0x");
  std::string module_name;
  if (plus != std::string::npos)
    module_name = text.substr(0, plus);
  else if (colon != std::string::npos)
    module_name = text.substr(0, colon);
  TC_TRY(const std::string path, find_module(module_name, program));
  TC_TRY(const Module module, open_module(path));
  std::uint64_t address = 0;
  if (plus != std::string::npos) {
    const auto offset = base::parse_unsigned(std::string_view(text).substr(plus + 3), 16);
    if (!offset)
      return error("place {}: expected MODULE+0xOFFSET, the offset in hexadecimal", text);
    address = *offset;
  } else {
    TC_TRY(address,
           find_symbol(module, colon == std::string::npos ? text : text.substr(colon + 1)));
  }
  const auto offset = module.image->vaddr_to_file_offset(address);
  if (!offset) return error("place {}: address 0x{:x} is not in the file {}", text, address, path);
  return Place{path, *offset};
}

}  // namespace tc::trace
