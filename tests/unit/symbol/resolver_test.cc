#include "symbol/resolver.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"

namespace tc::symbol {
namespace {

// One image for every mapping of "/lib/a.so": f at vaddr [0x2000, 0x2100), g right behind it; the
// file's bytes from 0x1000 on are mapped at vaddr 0x2000.
class OneImage final : public ImageSource {
 public:
  OneImage() {
    TableBuilder builder;
    EXPECT_TRUE(builder.add({.name = "f", .address = 0x2000, .size = 0x100}, Binding::kGlobal));
    EXPECT_TRUE(builder.add({.name = "g", .address = 0x2100, .size = 0x100}, Binding::kGlobal));
    image_.build_id = "abcd";
    image_.segments = {{.file_offset = 0x1000,
                        .vaddr = 0x2000,
                        .file_size = 0x1000,
                        .mem_size = 0x1000,
                        .executable = true}};
    image_.symbols = std::move(builder).build();
  }

  std::shared_ptr<const Image> image(std::uint32_t /*pid*/, const proc::Mapping& mapping) override {
    if (mapping.path != "/lib/a.so") return nullptr;
    return std::make_shared<const Image>(image_);
  }

 private:
  Image image_;
};

AddressSpace space_of(std::string path) {
  return AddressSpace({{.start = 0x7f0000,
                        .end = 0x7f1000,
                        .offset = 0x1000,
                        .inode = 5,
                        .path = std::move(path)}});
}

TEST(Resolver, NamesModuleOffsetAndSymbol) {
  OneImage images;
  const Frame frame = resolve(space_of("/lib/a.so"), 1, 0x7f0010, images, AddressKind::kExact);
  EXPECT_TRUE(frame.in_module && frame.has_symbol);
  EXPECT_EQ(frame.address, 0x7f0010U);
  EXPECT_EQ(frame.module, "/lib/a.so");
  EXPECT_EQ(frame.build_id, "abcd");
  EXPECT_EQ(frame.offset, 0x2010U);
  EXPECT_EQ(frame.symbol, "f");
  EXPECT_EQ(frame.symbol_offset, 0x10U);
}

TEST(Resolver, LooksReturnAddressesUpOneByteEarlier) {
  OneImage images;
  const Frame exact = resolve(space_of("/lib/a.so"), 1, 0x7f0100, images, AddressKind::kExact);
  EXPECT_EQ(exact.symbol, "g");
  const Frame back = resolve(space_of("/lib/a.so"), 1, 0x7f0100, images, AddressKind::kReturn);
  EXPECT_EQ(back.symbol, "f");
  EXPECT_EQ(back.symbol_offset, 0x100U);
  EXPECT_EQ(back.offset, 0x2100U);
  EXPECT_EQ(back.address, 0x7f0100U);
}

TEST(Resolver, FindsAReturnAddressBehindTheMapping) {
  OneImage images;
  const Frame frame = resolve(space_of("/lib/a.so"), 1, 0x7f1000, images, AddressKind::kReturn);
  EXPECT_TRUE(frame.in_module);
  EXPECT_EQ(frame.offset, 0x3000U);
}

TEST(Resolver, KeepsOnlyTheAddressOutsideEveryMapping) {
  OneImage images;
  for (const std::uint64_t address : {std::uint64_t{0}, std::uint64_t{0x1234}, ~std::uint64_t{0}}) {
    const Frame frame = resolve(space_of("/lib/a.so"), 1, address, images, AddressKind::kReturn);
    EXPECT_EQ(frame.address, address);
    EXPECT_FALSE(frame.in_module || frame.has_symbol);
    EXPECT_EQ(frame.module, "");
  }
}

TEST(Resolver, GivesAnonymousMemoryNoModule) {
  OneImage images;
  EXPECT_FALSE(resolve(space_of("[heap]"), 1, 0x7f0010, images, AddressKind::kExact).in_module);
  EXPECT_FALSE(resolve(space_of("//anon"), 1, 0x7f0010, images, AddressKind::kExact).in_module);
}

TEST(Resolver, KeepsTheModuleWhoseImageIsNotToBeHad) {
  OneImage images;
  const Frame file = resolve(space_of("/lib/b.so"), 1, 0x7f0010, images, AddressKind::kExact);
  EXPECT_TRUE(file.in_module);
  EXPECT_FALSE(file.has_symbol);
  EXPECT_EQ(file.offset, 0x1010U);
  EXPECT_EQ(resolve(space_of("[vdso]"), 1, 0x7f0010, images, AddressKind::kExact).module, "[vdso]");
}

TEST(Resolver, NamesAFunctionOfALiveProcess) {
  const auto text = base::read_file("/proc/self/maps");
  ASSERT_TRUE(text.ok());
  auto mappings = proc::parse_maps(*text, "maps");
  ASSERT_TRUE(mappings.ok());
  const AddressSpace space(std::move(*mappings));
  LiveImages images(proc::LiveProc(), {});
  const Frame frame =
      resolve(space, static_cast<std::uint32_t>(::getpid()),
              reinterpret_cast<std::uint64_t>(&::getenv) + 1, images, AddressKind::kReturn);
  EXPECT_EQ(frame.symbol, "getenv");
  EXPECT_EQ(frame.symbol_offset, 1U);
  EXPECT_FALSE(frame.build_id.empty());
}

}  // namespace
}  // namespace tc::symbol
