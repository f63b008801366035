#include "symbol/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/file.h"
#include "symbol/elf_header.h"

namespace tc::symbol {
namespace {

constexpr std::uint64_t kSectionBytesLimit = 64U << 20U;
constexpr std::uint64_t kNoteBytesLimit = 1U << 20U;
constexpr std::size_t kBuildIdLimit = 64;

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

// pread(2) until `into` is full, the file ends or fails; the number of bytes read.
std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> into) {
  constexpr auto kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  std::size_t done = 0;
  while (done < into.size() && offset <= kMaxOffset - done) {
    const ssize_t got =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex.push_back(kDigits[byte >> 4U]);
    hex.push_back(kDigits[byte & 15U]);
  }
  return hex;
}

// One open ELF file whose headers passed elf_header_fault().
class Reader {
 public:
  static Result<Reader> open(ElfHandle elf, const std::string& name) {
    Reader reader(std::move(elf), name);
    if (!reader.elf_ || elf_kind(reader.elf_.get()) != ELF_K_ELF) return reader.libelf_fault();
    TC_CHECK(reader.load_headers());
    return reader;
  }

  std::string build_id() const;
  std::vector<Segment> segments() const;
  bool has_symtab() const { return find_section(SHT_SYMTAB) != nullptr; }
  // Adds .symtab and .dynsym to `builder`.
  Result<void> add_symbols(TableBuilder& builder) const;
  // Tells `builder` where the executable sections (or without those, segments) end.
  void add_ranges(TableBuilder& builder) const;

 private:
  struct Section {
    Elf_Scn* handle;
    GElf_Shdr header;
  };

  Reader(ElfHandle elf, const std::string& name) : elf_(std::move(elf)), name_(name) {}

  template <class... Args>
  Error fail(fmt::format_string<Args...> format, Args&&... args) const {
    return Error(name_ + ": error: [elf] " + fmt::format(format, std::forward<Args>(args)...));
  }
  Error libelf_fault() const { return fail("{}", elf_errmsg(-1)); }

  Result<void> load_headers();
  const Section* find_section(std::uint32_t type) const;
  std::string build_id_of_note(Elf_Data* data) const;
  Result<Elf_Data*> section_data(const Section& section, const char* what) const;
  Result<void> add_table(const Section& table, TableBuilder& builder) const;
  bool is_function(const GElf_Sym& symbol) const;

  ElfHandle elf_;
  std::string name_;
  std::vector<Section> sections_;  // section N at N-1
  std::vector<GElf_Phdr> program_headers_;
};

Result<void> Reader::load_headers() {
  for (Elf_Scn* handle = elf_nextscn(elf_.get(), nullptr); handle != nullptr;
       handle = elf_nextscn(elf_.get(), handle)) {
    Section section{.handle = handle, .header = {}};
    if (gelf_getshdr(handle, &section.header) == nullptr) return libelf_fault();
    sections_.push_back(section);
  }
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) != 0) return libelf_fault();
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf_.get(), static_cast<int>(i), &header) == nullptr) return libelf_fault();
    program_headers_.push_back(header);
  }
  return {};
}

const Reader::Section* Reader::find_section(std::uint32_t type) const {
  const auto found =
      std::find_if(sections_.begin(), sections_.end(),
                   [type](const Section& section) { return section.header.sh_type == type; });
  return found == sections_.end() ? nullptr : &*found;
}

std::string Reader::build_id_of_note(Elf_Data* data) const {
  if (data == nullptr || data->d_buf == nullptr) return {};
  GElf_Nhdr note;
  std::size_t name_at = 0;
  std::size_t content_at = 0;
  std::size_t at = 0;
  while ((at = gelf_getnote(data, at, &note, &name_at, &content_at)) > 0) {
    const auto* bytes = static_cast<const unsigned char*>(data->d_buf);
    const bool is_gnu = note.n_namesz == sizeof(ELF_NOTE_GNU) &&
                        std::memcmp(bytes + name_at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0;
    if (!is_gnu || note.n_type != NT_GNU_BUILD_ID) continue;
    if (note.n_descsz == 0 || note.n_descsz > kBuildIdLimit) return {};
    return to_hex({bytes + content_at, note.n_descsz});
  }
  return {};
}

std::string Reader::build_id() const {
  // Sections first: objcopy --only-keep-debug leaves stale program headers behind.
  for (const Section& section : sections_) {
    if (section.header.sh_type != SHT_NOTE || section.header.sh_size > kNoteBytesLimit) continue;
    std::string id = build_id_of_note(elf_getdata(section.handle, nullptr));
    if (!id.empty()) return id;
  }
  for (const GElf_Phdr& header : program_headers_) {
    if (header.p_type != PT_NOTE || header.p_filesz > kNoteBytesLimit) continue;
    const Elf_Type type = header.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
    std::string id = build_id_of_note(elf_getdata_rawchunk(
        elf_.get(), static_cast<std::int64_t>(header.p_offset), header.p_filesz, type));
    if (!id.empty()) return id;
  }
  return {};
}

std::vector<Segment> Reader::segments() const {
  std::vector<Segment> segments;
  for (const GElf_Phdr& header : program_headers_) {
    if (header.p_type != PT_LOAD) continue;
    segments.push_back({.file_offset = header.p_offset,
                        .vaddr = header.p_vaddr,
                        .file_size = header.p_filesz,
                        .mem_size = header.p_memsz,
                        .executable = (header.p_flags & PF_X) != 0});
  }
  return segments;
}

void Reader::add_ranges(TableBuilder& builder) const {
  if (sections_.empty()) {
    for (const Segment& segment : segments()) {
      if (segment.executable) builder.add_range(segment.vaddr, segment.vaddr + segment.mem_size);
    }
    return;
  }
  for (const Section& section : sections_) {
    if ((section.header.sh_flags & SHF_EXECINSTR) == 0) continue;
    builder.add_range(section.header.sh_addr, section.header.sh_addr + section.header.sh_size);
  }
}

Result<Elf_Data*> Reader::section_data(const Section& section, const char* what) const {
  if (section.header.sh_size > kSectionBytesLimit) {
    return fail("the {} has {} bytes, the limit is {}", what, section.header.sh_size,
                kSectionBytesLimit);
  }
  if ((section.header.sh_flags & SHF_COMPRESSED) != 0) return fail("the {} is compressed", what);
  Elf_Data* data = elf_getdata(section.handle, nullptr);
  if (data == nullptr) return fail("the {}: {}", what, elf_errmsg(-1));
  return data;
}

bool Reader::is_function(const GElf_Sym& symbol) const {
  const std::uint32_t index = symbol.st_shndx;
  if (index == SHN_UNDEF || index == SHN_COMMON) return false;
  const unsigned type = GELF_ST_TYPE(symbol.st_info);
  if (type == STT_FUNC || type == STT_GNU_IFUNC) return true;
  return type == STT_NOTYPE && index <= sections_.size() &&
         (sections_[index - 1].header.sh_flags & SHF_EXECINSTR) != 0;
}

Binding binding_of(const GElf_Sym& symbol) {
  switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_LOCAL:
      return Binding::kLocal;
    case STB_WEAK:
      return Binding::kWeak;
    default:  // also STB_GNU_UNIQUE
      return Binding::kGlobal;
  }
}

// Without "@VERSION" and "@@VERSION"; empty for what only assemblers and linkers care for: mapping
// symbols ("$x"), local labels and annobin's marks (".L1", ".annobin_…").
std::string_view plain_name(std::string_view name, const GElf_Sym& symbol) {
  if (!name.empty()) name = name.substr(0, name.find('@', 1));
  const bool is_mark = GELF_ST_TYPE(symbol.st_info) == STT_NOTYPE &&
                       (name.starts_with('$') || name.starts_with('.'));
  return is_mark ? std::string_view() : name;
}

Result<void> Reader::add_table(const Section& table, TableBuilder& builder) const {
  const std::size_t entry_size = gelf_fsize(elf_.get(), ELF_T_SYM, 1, EV_CURRENT);
  if (table.header.sh_entsize != entry_size) {
    return fail("symbols of {} bytes each, expected {}", table.header.sh_entsize, entry_size);
  }
  const std::uint64_t link = table.header.sh_link;
  if (link == 0 || link > sections_.size() || sections_[link - 1].header.sh_type != SHT_STRTAB) {
    return fail("the symbols' names are in section {}, which is no string table", link);
  }
  TC_TRY(Elf_Data * data, section_data(table, "symbol table"));
  TC_TRY(const Elf_Data* strings, section_data(sections_[link - 1], "string table"));
  const std::string_view names(static_cast<const char*>(strings->d_buf),
                               strings->d_buf == nullptr ? 0 : strings->d_size);
  const std::size_t count = data->d_buf == nullptr ? 0 : data->d_size / entry_size;
  for (std::size_t i = 1; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return libelf_fault();
    if (!is_function(symbol)) continue;
    const std::size_t end = names.find('\0', symbol.st_name);
    if (end == std::string_view::npos) {
      return fail("the name of symbol {} at {} exceeds its string table of {} bytes", i,
                  symbol.st_name, names.size());
    }
    const std::string_view name =
        plain_name(names.substr(symbol.st_name, end - symbol.st_name), symbol);
    if (name.empty()) continue;
    const bool is_ifunc = GELF_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC;
    if (!builder.add({.name = name,
                      .address = symbol.st_value,
                      .size = symbol.st_size,
                      .is_ifunc = is_ifunc},
                     binding_of(symbol))) {
      return fail("the symbols' names exceed 128 MiB");
    }
  }
  return {};
}

Result<void> Reader::add_symbols(TableBuilder& builder) const {
  for (const std::uint32_t type : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
    if (const Section* table = find_section(type)) TC_CHECK(add_table(*table, builder));
  }
  return {};
}

Result<Reader> open_file_reader(int fd, const std::string& name) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return system_error(errno, "fstat " + name);
  const auto read = [fd](std::uint64_t offset, std::span<std::byte> into) {
    return read_at(fd, offset, into) == into.size();
  };
  if (const auto fault = elf_header_fault(read, static_cast<std::uint64_t>(status.st_size))) {
    return error("{}: error: [elf] {}", name, *fault);
  }
  elf_version(EV_CURRENT);
  return Reader::open(ElfHandle(elf_begin(fd, ELF_C_READ, nullptr)), name);
}

// Adds the symbols of the separate debug file, when there is one that belongs to `build_id`. Its
// faults are not the program's: they only leave it without these symbols.
void add_debug_symbols(const std::string& debug_root, const std::string& build_id,
                       TableBuilder& builder) {
  if (debug_root.empty() || build_id.size() < 4) return;
  const std::string path = fmt::format("{}/.build-id/{}/{}.debug", debug_root,
                                       build_id.substr(0, 2), build_id.substr(2));
  const auto fd = base::open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return;
  const Result<Reader> reader = open_file_reader(fd->get(), path);
  if (!reader || reader->build_id() != build_id) return;
  (void)reader->add_symbols(builder);
}

Result<std::shared_ptr<const Image>> read_image(const Reader& reader, const ElfOptions& options) {
  auto image = std::make_shared<Image>();
  image->build_id = reader.build_id();
  image->segments = reader.segments();
  TableBuilder builder;
  TC_CHECK(reader.add_symbols(builder));
  if (!reader.has_symtab()) add_debug_symbols(options.debug_root, image->build_id, builder);
  reader.add_ranges(builder);
  image->symbols = std::move(builder).build();
  return std::shared_ptr<const Image>(std::move(image));
}

}  // namespace

Result<std::shared_ptr<const Image>> read_elf(int fd, const std::string& name,
                                              const ElfOptions& options) {
  TC_TRY(const Reader reader, open_file_reader(fd, name));
  return read_image(reader, options);
}

Result<std::shared_ptr<const Image>> read_elf_memory(std::span<const std::byte> bytes,
                                                     const std::string& name,
                                                     const ElfOptions& options) {
  const auto read = [bytes](std::uint64_t offset, std::span<std::byte> into) {
    if (offset > bytes.size() || bytes.size() - offset < into.size()) return false;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  };
  if (const auto fault = elf_header_fault(read, bytes.size())) {
    return error("{}: error: [elf] {}", name, *fault);
  }
  elf_version(EV_CURRENT);
  // libelf's interface lacks the const; it writes only to what elf_update() is called for.
  auto* image = reinterpret_cast<char*>(const_cast<std::byte*>(bytes.data()));
  TC_TRY(const Reader reader, Reader::open(ElfHandle(elf_memory(image, bytes.size())), name));
  return read_image(reader, options);
}

Result<std::string> read_build_id(int fd, const std::string& name) {
  TC_TRY(const Reader reader, open_file_reader(fd, name));
  return reader.build_id();
}

Result<std::vector<std::uint8_t>> function_bytes(int fd, const Image& image, std::uint64_t vaddr,
                                                 std::size_t count) {
  const std::optional<std::uint64_t> offset = image.vaddr_to_file_offset(vaddr);
  if (!offset) return error("read code at {:#x}: no segment of the file has this address", vaddr);
  std::vector<std::uint8_t> bytes(count);
  bytes.resize(read_at(fd, *offset, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

}  // namespace tc::symbol
