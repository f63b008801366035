#include "symbol/elf.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/file.h"

// A function of known name, within .symtab of this very program.
extern "C" __attribute__((noinline, used)) int tc_elf_test_landmark(int value);
extern "C" int tc_elf_test_landmark(int value) {
  __asm__ volatile("" : "+r"(value));
  return value + 1;
}

namespace tc::symbol {
namespace {

using ImagePtr = std::shared_ptr<const Image>;

Result<ImagePtr> read_path(const std::string& path, const ElfOptions& options = {}) {
  TC_TRY(const UniqueFd fd, base::open_file(path, O_RDONLY));
  return read_elf(fd.get(), path, options);
}

Result<ImagePtr> read_bytes(const std::string& bytes) {
  return read_elf_memory(std::as_bytes(std::span(bytes)), "zoo");
}

std::string fault_of(const std::string& bytes) {
  const auto image = read_bytes(bytes);
  return image ? "no error" : image.error().text();
}

// A file that is sound, to be damaged: /bin/true.
std::string sound_elf() {
  auto bytes = base::read_file("/bin/true");
  return bytes ? std::move(*bytes) : std::string();
}

Elf64_Ehdr& header_of(std::string& bytes) { return *reinterpret_cast<Elf64_Ehdr*>(bytes.data()); }

Elf64_Shdr& section_of(std::string& bytes, std::uint32_t type) {
  const Elf64_Ehdr& header = header_of(bytes);
  auto* sections = reinterpret_cast<Elf64_Shdr*>(bytes.data() + header.e_shoff);
  return *std::find_if(sections, sections + header.e_shnum,
                       [type](const Elf64_Shdr& section) { return section.sh_type == type; });
}

std::string path_of(void* address) {
  Dl_info info{};
  return ::dladdr(address, &info) != 0 ? info.dli_fname : "";
}

std::uint64_t vaddr_of(void* address) {
  Dl_info info{};
  link_map* map = nullptr;
  ::dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
  return reinterpret_cast<std::uint64_t>(address) - map->l_addr;
}

TEST(Elf, FindsAFunctionOfThisProgram) {
  const auto image = read_path("/proc/self/exe");
  ASSERT_TRUE(image.ok()) << image.error().text();
  void* const landmark = reinterpret_cast<void*>(&tc_elf_test_landmark);
  const std::uint64_t vaddr = vaddr_of(landmark);
  const auto match = (*image)->symbols.lookup(vaddr);
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->name, "tc_elf_test_landmark");
  EXPECT_EQ(match->offset_in_symbol, 0U);
  const auto found = (*image)->symbols.find("tc_elf_test_land*");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].address, vaddr);
}

TEST(Elf, ReadsTheSystemsLibc) {
  const std::string path = path_of(reinterpret_cast<void*>(&::getenv));
  const auto image = read_path(path);
  ASSERT_TRUE(image.ok()) << image.error().text();
  EXPECT_GE((*image)->build_id.size(), 8U);
  EXPECT_GT((*image)->symbols.size(), 1000U);
  const auto match = (*image)->symbols.lookup(vaddr_of(reinterpret_cast<void*>(&::getenv)));
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->name, "getenv");
  const auto indirect = (*image)->symbols.find("strlen");
  ASSERT_FALSE(indirect.empty());
  EXPECT_TRUE(indirect[0].is_ifunc);
}

TEST(Elf, MemoryAndFileGiveTheSame) {
  const auto from_file = read_path("/bin/true");
  const auto from_memory = read_bytes(sound_elf());
  ASSERT_TRUE(from_file.ok() && from_memory.ok());
  EXPECT_EQ((*from_file)->build_id, (*from_memory)->build_id);
  EXPECT_EQ((*from_file)->symbols.size(), (*from_memory)->symbols.size());
  EXPECT_EQ((*from_file)->segments.size(), (*from_memory)->segments.size());
}

TEST(Elf, BuildIdAloneIsThatOfTheImage) {
  const auto fd = base::open_file("/bin/true", O_RDONLY);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(read_build_id(fd->get(), "true").value(), read_path("/bin/true").value()->build_id);
}

TEST(Elf, TurnsOffsetsIntoVaddrsAndBack) {
  const Image image{.build_id = "",
                    .segments = {{.file_offset = 0,
                                  .vaddr = 0x400000,
                                  .file_size = 0x1000,
                                  .mem_size = 0x1000,
                                  .executable = false},
                                 {.file_offset = 0x1000,
                                  .vaddr = 0x402000,
                                  .file_size = 0x500,
                                  .mem_size = 0x900,
                                  .executable = true}},
                    .symbols = {}};
  EXPECT_EQ(image.file_offset_to_vaddr(0x10), 0x400010U);
  EXPECT_EQ(image.file_offset_to_vaddr(0x14ff), 0x4024ffU);
  EXPECT_EQ(image.file_offset_to_vaddr(0x1500), std::nullopt);
  EXPECT_EQ(image.vaddr_to_file_offset(0x402010), 0x1010U);
  EXPECT_EQ(image.vaddr_to_file_offset(0x402600), std::nullopt);
}

TEST(Elf, ReadsTheFirstBytesOfAFunction) {
  const auto fd = base::open_file("/proc/self/exe", O_RDONLY);
  ASSERT_TRUE(fd.ok());
  const auto image = read_elf(fd->get(), "self");
  ASSERT_TRUE(image.ok());
  void* const landmark = reinterpret_cast<void*>(&tc_elf_test_landmark);
  const auto bytes = function_bytes(fd->get(), **image, vaddr_of(landmark), 4);
  ASSERT_TRUE(bytes.ok()) << bytes.error().text();
  ASSERT_EQ(bytes->size(), 4U);
  EXPECT_EQ(std::memcmp(bytes->data(), landmark, 4), 0);
  EXPECT_FALSE(function_bytes(fd->get(), **image, ~0ULL - 4, 4).ok());
}

TEST(Elf, TakesSeparateDebugSymbolsOfTheSameBuildOnly) {
  const auto plain = read_path("/bin/true");
  const auto self = base::read_file("/proc/self/exe");
  ASSERT_TRUE(plain.ok() && self.ok());
  const std::string& id = (*plain)->build_id;
  if (id.size() < 4) GTEST_SKIP() << "/bin/true has no build-id";
  const std::string root = testing::TempDir() + "debug_root";
  const std::string directory = root + "/.build-id/" + id.substr(0, 2);
  std::filesystem::create_directories(directory);
  // A debug file of another build, under the right name.
  std::ofstream(directory + "/" + id.substr(2) + ".debug", std::ios::binary) << *self;
  const auto image = read_path("/bin/true", {.debug_root = root});
  ASSERT_TRUE(image.ok());
  EXPECT_EQ((*image)->symbols.size(), (*plain)->symbols.size());
  std::filesystem::remove_all(root);
}

TEST(Elf, FindsLibcsLocalFunctionsInItsDebugFile) {
  const std::string path = path_of(reinterpret_cast<void*>(&::getenv));
  const auto plain = read_path(path);
  const auto full = read_path(path, {.debug_root = "/usr/lib/debug"});
  ASSERT_TRUE(plain.ok() && full.ok());
  const std::string& id = (*plain)->build_id;
  if (!std::filesystem::exists("/usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) +
                               ".debug")) {
    GTEST_SKIP() << "libc6-dbg is not installed";
  }
  EXPECT_GT((*full)->symbols.size(), (*plain)->symbols.size());
  EXPECT_FALSE((*full)->symbols.find("ptmalloc_init*").empty());
}

TEST(Elf, RefusesWhatIsNoElf) {
  EXPECT_EQ(fault_of(""), "zoo: error: [elf] not an ELF file");
  EXPECT_EQ(fault_of("#!/bin/sh\necho"), "zoo: error: [elf] not an ELF file");
  EXPECT_EQ(fault_of(sound_elf().substr(0, 40)), "zoo: error: [elf] the ELF header is cut off");
  EXPECT_FALSE(read_path("/proc/self/maps").ok());
}

TEST(Elf, NamesTheHeaderFieldAtFault) {
  std::string bytes = sound_elf();
  bytes[EI_CLASS] = 7;
  EXPECT_EQ(fault_of(bytes), "zoo: error: [elf] unknown ELF class 7");
  bytes = sound_elf();
  bytes[EI_DATA] = 0;
  EXPECT_EQ(fault_of(bytes), "zoo: error: [elf] unknown byte order 0");
  bytes = sound_elf();
  header_of(bytes).e_type = ET_CORE;
  EXPECT_EQ(fault_of(bytes),
            "zoo: error: [elf] ELF type 4 is neither a program nor a shared library");
  bytes = sound_elf();
  header_of(bytes).e_shentsize = 1;
  EXPECT_EQ(fault_of(bytes), "zoo: error: [elf] section headers of 1 bytes each, expected 64");
}

TEST(Elf, RefusesTablesBeyondTheFile) {
  std::string bytes = sound_elf();
  header_of(bytes).e_shnum = 0xfeff;
  EXPECT_NE(fault_of(bytes).find("65279 section headers at offset"), std::string::npos);
  bytes = sound_elf();
  header_of(bytes).e_phoff = ~0ULL - 8;
  EXPECT_NE(fault_of(bytes).find("program headers at offset"), std::string::npos);
  bytes = sound_elf();
  header_of(bytes).e_shoff = bytes.size() - 8;
  EXPECT_NE(fault_of(bytes).find("exceed the file"), std::string::npos);
}

TEST(Elf, RefusesAbsurdCountsOfTheFirstSectionHeader) {
  std::string bytes = sound_elf();
  header_of(bytes).e_shnum = 0;
  reinterpret_cast<Elf64_Shdr*>(bytes.data() + header_of(bytes).e_shoff)->sh_size = 1ULL << 40U;
  EXPECT_EQ(fault_of(bytes),
            "zoo: error: [elf] 1099511627776 section headers, the limit is 262144");
}

TEST(Elf, RefusesSymbolSectionsThatLie) {
  std::string bytes = sound_elf();
  section_of(bytes, SHT_DYNSYM).sh_size = 1ULL << 40U;
  EXPECT_EQ(fault_of(bytes),
            "zoo: error: [elf] the symbol table has 1099511627776 bytes, the limit is 67108864");
  bytes = sound_elf();
  section_of(bytes, SHT_DYNSYM).sh_offset = 1ULL << 40U;
  EXPECT_NE(fault_of(bytes).find("the symbol table: "), std::string::npos);
  bytes = sound_elf();
  section_of(bytes, SHT_DYNSYM).sh_link = 0xffff;
  EXPECT_EQ(fault_of(bytes),
            "zoo: error: [elf] the symbols' names are in section 65535, which is "
            "no string table");
  bytes = sound_elf();
  section_of(bytes, SHT_DYNSYM).sh_entsize = 0;
  EXPECT_EQ(fault_of(bytes), "zoo: error: [elf] symbols of 0 bytes each, expected 24");
}

// One defined function without a name that ends: made from the first dynamic symbol.
TEST(Elf, RefusesNamesBeyondTheStringTable) {
  std::string bytes = sound_elf();
  const Elf64_Shdr& table = section_of(bytes, SHT_DYNSYM);
  Elf64_Sym& symbol = reinterpret_cast<Elf64_Sym*>(bytes.data() + table.sh_offset)[1];
  symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbol.st_shndx = 1;
  symbol.st_name = 0xfffffff0;
  EXPECT_NE(fault_of(bytes).find("the name of symbol 1 at 4294967280 exceeds"), std::string::npos);
}

TEST(Elf, NeverCrashesOnRandomDamage) {
  std::mt19937 random(11);
  const std::string sound = sound_elf();
  ASSERT_FALSE(sound.empty());
  std::string headers = sound;
  const std::uint64_t sections_at = header_of(headers).e_shoff;
  const std::uint64_t sections_size = std::uint64_t{header_of(headers).e_shnum} * 64;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = sound;
    for (unsigned hits = 1 + random() % 4; hits > 0; --hits) {
      // The headers are small and decide most: aim at them.
      const std::uint64_t at = round % 3 == 0   ? random() % 0x400
                               : round % 3 == 1 ? sections_at + random() % sections_size
                                                : random() % bytes.size();
      bytes[at] = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    const auto image = read_bytes(bytes);
    if (image) {
      (void)(*image)->symbols.lookup(0x2000);
    } else {
      EXPECT_TRUE(image.error().text().starts_with("zoo: error: [elf] "));
    }
  }
}

TEST(Elf, AFileThatShrinksIsAnErrorAtMost) {
  const std::string path = testing::TempDir() + "shrinking.elf";
  const std::string bytes = sound_elf();
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, size);
    (void)read_path(path);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tc::symbol
