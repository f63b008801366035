#include "trace/values.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "printed.h"

namespace tc::trace {
namespace {

using sys::Leaf;

struct World {
  explicit World(Profile chosen = {}) : profile(chosen) {}

  std::string tell(const sys::Value& value) {
    values.begin();
    return printed(values.tell(value, around(), record));
  }
  Surroundings around() {
    Surroundings around;
    around.thread = &thread;
    around.read_from = read_from;
    around.status_of = status_of;
    around.through = through;
    return around;
  }

  Profile profile;
  Lineage lineage;
  Names names{profile.names, lineage};
  Thread& thread = lineage.meet({.pid = 100, .tid = 100});
  std::set<std::string, std::less<>> environment{"LANG", "PATH"};
  Values values{profile, PortRange(), environment,
                lineage, names,       [](std::uint16_t port) { return port == 40000; }};
  event::Record record;
  Behind read_from = Behind::kOther;
  Behind status_of = Behind::kOther;
  const Description* through = nullptr;
};

sys::Value number(Leaf leaf, std::int64_t value, std::uint8_t size = 8) {
  sys::Value made;
  made.leaf = leaf;
  made.size = size;
  made.number = static_cast<std::uint64_t>(value);
  return made;
}
sys::Value text(Leaf leaf, std::string_view value) {
  sys::Value made;
  made.leaf = leaf;
  made.text = value;
  made.length = value.size();
  return made;
}
sys::Value object(std::span<const sys::Member> members) {
  sys::Value made;
  made.leaf = Leaf::kObject;
  made.members = members;
  return made;
}
sys::Value list(std::span<const sys::Value> items) {
  sys::Value made;
  made.leaf = Leaf::kList;
  made.items = items;
  made.length = items.size();
  return made;
}

TEST(Values, TellsPlainNumbersAsTheyAre) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kSigned, -5)), "-5");
  EXPECT_EQ(world.tell(number(Leaf::kUnsigned, 5)), "5");
  EXPECT_EQ(world.tell(number(Leaf::kWord, 255)), "0xff");
  EXPECT_EQ(world.tell(number(Leaf::kMode, 0644)), "0644");
  EXPECT_EQ(world.tell(number(Leaf::kUser, 1000)), "1000");
  EXPECT_EQ(world.tell(number(Leaf::kUser, 0xffffffff)), "-1");
  EXPECT_EQ(world.tell(number(Leaf::kDuration, 5000)), "5000");
  EXPECT_EQ(world.tell(text(Leaf::kSymbolic, "O_RDONLY")), "O_RDONLY");
}

TEST(Values, TellsTimesAsTimes) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kClock, 1700000000)), "time");
  const sys::Member stamp[] = {{"tv_sec", number(Leaf::kClock, 17)},
                               {"tv_nsec", number(Leaf::kClock, 4)}};
  EXPECT_EQ(world.tell(object(stamp)), "time");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(object(stamp)), "{tv_sec=17 tv_nsec=4}");
}

TEST(Values, KeepsOfTimeoutsOnlyWhetherTheyWait) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kTimeout, -1)), "-1");
  EXPECT_EQ(world.tell(number(Leaf::kTimeout, 0)), "0");
  EXPECT_EQ(world.tell(number(Leaf::kTimeout, 73)), "timeout");
  const sys::Member some[] = {{"tv_sec", number(Leaf::kTimeout, 0)},
                              {"tv_nsec", number(Leaf::kTimeout, 4)}};
  EXPECT_EQ(world.tell(object(some)), "timeout");
  const sys::Member none[] = {{"tv_sec", number(Leaf::kTimeout, 0)},
                              {"tv_nsec", number(Leaf::kTimeout, 0)}};
  EXPECT_EQ(world.tell(object(none)), "{tv_sec=0 tv_nsec=0}");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kTimeout, 73)), "73");
}

// A checksum of four bytes may look like text by chance: what went before decides.
TEST(Values, TellsTheLengthOnlyOnceBytesWentThroughThatAreNoText) {
  World world;
  const Description file;
  world.through = &file;
  EXPECT_EQ(world.tell(text(Leaf::kData, "hello")), "hello");
  EXPECT_EQ(world.tell(text(Leaf::kData, std::string_view("\x7d\xce\x67\xa9"))), "{length=4}");
  EXPECT_EQ(world.tell(text(Leaf::kData, "hello")), "{length=5}");
  world.through = nullptr;
  EXPECT_EQ(world.tell(text(Leaf::kData, "hello")), "hello");
}

TEST(Values, NumbersDevicesByAppearanceAndInodesNot) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kInode, 991)), "inode");
  EXPECT_EQ(world.tell(number(Leaf::kInode, 7)), "inode");
  EXPECT_EQ(world.tell(number(Leaf::kInode, 991)), "inode");
  EXPECT_EQ(world.tell(number(Leaf::kInode, 0)), "0");
  EXPECT_EQ(world.tell(number(Leaf::kDevice, 0x801)), "dev#1");
  EXPECT_EQ(world.tell(number(Leaf::kDevice, 0)), "0");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kInode, 991)), "991");
  EXPECT_EQ(raw.tell(number(Leaf::kDevice, 0x801)), "8:1");
}

TEST(Values, TellsPortsOfTheKernelsOwnChoiceAsSuch) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kPort, 443)), "443");
  EXPECT_EQ(world.tell(number(Leaf::kPort, 32768)), "ephemeral");
  EXPECT_EQ(world.tell(number(Leaf::kPort, 60999)), "ephemeral");
  EXPECT_EQ(world.tell(number(Leaf::kPort, 61000)), "61000");
  EXPECT_EQ(world.tell(number(Leaf::kPort, 40000)), "40000") << "a program has bound it";
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kPort, 50000)), "50000");
}

TEST(Values, TellsPidsByPath) {
  World world;
  EXPECT_EQ(world.tell(number(Leaf::kPid, 100)), "p1");
  EXPECT_EQ(world.tell(number(Leaf::kPid, -100)), "-p1");
  EXPECT_EQ(world.tell(number(Leaf::kPid, 0)), "0");
  EXPECT_EQ(world.tell(number(Leaf::kPid, -1)), "-1");
  EXPECT_EQ(world.tell(number(Leaf::kPid, 4444)), "outside#1");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kPid, -100)), "-100");
}

TEST(Values, TellsDescriptorsByWhatIsBehind) {
  World world;
  world.thread.descriptors->set(3, world.thread.descriptors->file("/f", "/f", {}), false);
  EXPECT_EQ(world.tell(number(Leaf::kFd, 3)), "/f");
  EXPECT_EQ(world.tell(number(Leaf::kFd, 7)), "fd:7");
  EXPECT_EQ(world.tell(number(Leaf::kFd, AT_FDCWD)), "AT_FDCWD");
  EXPECT_EQ(world.tell(number(Leaf::kFd, -1)), "-1");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kFd, 3)), "3");
}

TEST(Values, TellsAddressesByTheChosenTable) {
  World world;
  world.thread.memory->map(0x7f1000000000, 0x1000, "/lib/libc.so", "/lib/libc.so", false, {});
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 0)), "NULL");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 1)), "0x1");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, -1)), "0xffffffffffffffff");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 0x7f1000000020)), "libc.so+0x20");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 0x7f9900000000)), "addr#1");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 0x7f9900000008)), "addr#2");
  EXPECT_EQ(world.tell(number(Leaf::kAddress, 0x7f9900000000)), "addr#1");

  Profile sequential;
  sequential.addresses = AddressTable::kSequential;
  World other(sequential);
  other.thread.memory->map(0x7f1000000000, 0x1000, "/lib/libc.so", "/lib/libc.so", false, {});
  EXPECT_EQ(other.tell(number(Leaf::kAddress, 0x7f1000000020)), "addr#1");
  World raw(Profile::raw());
  EXPECT_EQ(raw.tell(number(Leaf::kAddress, 0x7f1000000020)), "0x7f1000000020");
  EXPECT_EQ(raw.tell(number(Leaf::kAddress, 0)), "NULL");
}

TEST(Values, TellsAWordThatIsAnAddressAsOne) {
  World world;
  world.thread.memory->map(0x7f1000000000, 0x1000, {}, {}, false, {});
  EXPECT_EQ(world.tell(number(Leaf::kWord, 0x7f1000000010)), "anon#1+0x10");
  EXPECT_EQ(world.tell(number(Leaf::kWord, 0x7f2000000010)), "0x7f2000000010");
  EXPECT_EQ(world.tell(number(Leaf::kWord, 0x10000010, 4)), "0x10000010");
}

TEST(Values, TellsBytesAndHowManyWereCut) {
  World world;
  EXPECT_EQ(world.tell(text(Leaf::kData, "hello")), "hello");
  sys::Value cut = text(Leaf::kData, "hel");
  cut.truncated = true;
  cut.length = 4000;
  EXPECT_EQ(world.tell(cut), "{head=hel length=4000}");
  sys::Value bad = number(Leaf::kData, 0x10);
  bad.unreadable = true;
  EXPECT_EQ(world.tell(bad), "{unreadable=0x10}");
}

TEST(Values, TellsContentsThatDifferByWhatTheyAre) {
  World world;
  EXPECT_EQ(world.tell(text(Leaf::kRandom, "\x01\x02")), "random");
  EXPECT_EQ(world.tell(number(Leaf::kVolatile, 12)), "volatile");
  world.read_from = Behind::kState;
  EXPECT_EQ(world.tell(text(Leaf::kData, "MemFree")), "volatile");
  world.read_from = Behind::kRandom;
  EXPECT_EQ(world.tell(text(Leaf::kData, "abc")), "random");
  World raw(Profile::raw());
  raw.read_from = Behind::kState;
  EXPECT_EQ(raw.tell(text(Leaf::kData, "MemFree")), "MemFree");
  EXPECT_EQ(raw.tell(text(Leaf::kRandom, "ab")), "ab");
  EXPECT_EQ(raw.tell(number(Leaf::kVolatile, 12)), "12");
}

TEST(Values, TellsOfStateFilesNeitherSizeNorLinks) {
  World world;
  const sys::Member members[] = {{"st_mode", number(Leaf::kMode, 0100444)},
                                 {"st_nlink", number(Leaf::kUnsigned, 9)},
                                 {"st_size", number(Leaf::kSigned, 4)}};
  EXPECT_EQ(world.tell(object(members)), "{st_mode=0100444 st_nlink=9 st_size=4}");
  world.status_of = Behind::kState;
  EXPECT_EQ(world.tell(object(members)), "{st_mode=0100444 st_nlink=volatile st_size=volatile}");
}

TEST(Values, NestsObjectsAndLists) {
  World world;
  const sys::Value ports[] = {number(Leaf::kPort, 80), number(Leaf::kPort, 50000)};
  const sys::Member inner[] = {{"ports", list(ports)}, {"n", number(Leaf::kSigned, 2)}};
  const sys::Member outer[] = {{"a", object(inner)}, {"b", number(Leaf::kSigned, 3)}};
  EXPECT_EQ(world.tell(object(outer)), "{a={ports=[80 ephemeral] n=2} b=3}");
  sys::Value cut = list(ports);
  cut.truncated = true;
  cut.length = 9;
  EXPECT_EQ(world.tell(cut), "{head=[80 ephemeral] length=9}");
}

TEST(Values, SortsTheEntriesOfADirectoryByName) {
  World world;
  const sys::Member b[] = {{"d_ino", number(Leaf::kInode, 5)}, {"d_name", text(Leaf::kPath, "b")}};
  const sys::Member a[] = {{"d_ino", number(Leaf::kInode, 9)}, {"d_name", text(Leaf::kPath, "a")}};
  const sys::Value both[] = {object(b), object(a)};
  EXPECT_EQ(printed(world.values.entries(list(both), world.around(), world.record)),
            "[{d_ino=inode d_name=a} {d_ino=inode d_name=b}]");
  world.read_from = Behind::kState;
  EXPECT_EQ(printed(world.values.entries(list(both), world.around(), world.record)), "volatile");
  World raw(Profile::raw());
  EXPECT_EQ(printed(raw.values.entries(list(both), raw.around(), raw.record)),
            "[{d_ino=5 d_name=b} {d_ino=9 d_name=a}]");
}

TEST(Values, TellsOnlyTheVariablesAskedFor) {
  World world;
  const sys::Value all[] = {text(Leaf::kText, "SECRET=x"), text(Leaf::kText, "PATH=/bin"),
                            text(Leaf::kText, "LANGUAGE=y"), text(Leaf::kText, "LANG=C")};
  EXPECT_EQ(printed(world.values.environment(list(all), world.around(), world.record)),
            "[LANG=C PATH=/bin]");
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(printed(world.values.variables("SECRET=x\0PATH=/bin\0LANG=C\0"sv, world.thread,
                                           world.record)),
            "LANG=C|PATH=/bin|");
}

}  // namespace
}  // namespace tc::trace
