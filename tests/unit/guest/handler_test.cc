#include "guest/handler.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "guest/handlers.h"
#include "support/fake_guest.h"

namespace tc::guest {
namespace {

using sys::call::getpid;
using sys::call::getrandom;
using sys::call::uname;
using test::FakeGuest;

constexpr std::uint64_t kName = 0x1000;

Handler pass(uname call, Guest& guest) { co_return co_await guest.inject(call); }

Handler rename_host(uname call, Guest& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  Result<sys::abi::utsname> name = guest.read(call.name);
  if (!name) co_return -EFAULT;
  std::strcpy(name->nodename.bytes, "testchamber");
  co_return guest.write(call.name, *name) ? 0 : -EFAULT;
}

Handler answer_zeroes(getrandom call, Guest& guest) {
  const std::vector<std::byte> zeroes(call.len.value);
  if (!guest.write_memory(call.ubuf.address, zeroes)) co_return -EFAULT;
  co_return static_cast<std::int64_t>(call.len.value);
}

Handler sum_of_two(getpid call, Guest& guest) {
  const std::int64_t first = co_await guest.inject(call);
  const std::int64_t second = co_await guest.inject(sys::call::close{.fd = {7}});
  co_return first + second;
}

TEST(Handler, GivesTheCallToTheKernelAndItsResultToTheGuest) {
  FakeGuest guest;
  guest.expect(-EFAULT);
  EXPECT_EQ(guest.run(pass({.name = {kName}}, guest)), -EFAULT);
  ASSERT_EQ(guest.injected().size(), 1U);
  EXPECT_EQ(guest.injected()[0].number, 63U);
  EXPECT_EQ(guest.injected()[0].arguments[0], kName);
}

TEST(Handler, RewritesWhatTheKernelAnswered) {
  FakeGuest guest;
  guest.map(kName, sizeof(sys::abi::utsname));
  guest.expect([&](const RawCall& call) {
    sys::abi::utsname name{};
    std::strcpy(name.sysname.bytes, "Linux");
    std::strcpy(name.nodename.bytes, "somewhere");
    EXPECT_TRUE(guest.write_memory(call.arguments[0], std::as_bytes(std::span(&name, 1))).ok());
    return 0;
  });
  EXPECT_EQ(guest.run(rename_host({.name = {kName}}, guest)), 0);
  const auto name = guest.read(sys::RemotePointer<sys::abi::utsname>{kName});
  ASSERT_TRUE(name.ok());
  EXPECT_STREQ(name->nodename.bytes, "testchamber");
  EXPECT_STREQ(name->sysname.bytes, "Linux");
}

TEST(Handler, AnswersWithoutTheKernel) {
  FakeGuest guest;
  guest.map(0x2000, 16);
  EXPECT_EQ(guest.run(answer_zeroes({.ubuf = {0x2000}, .len = {16}, .flags = {}}, guest)), 16);
  EXPECT_TRUE(guest.injected().empty());
}

TEST(Handler, TellsTheGuestOfItsBadPointer) {
  FakeGuest guest;
  guest.map(0x2000, 8);
  EXPECT_EQ(guest.run(answer_zeroes({.ubuf = {0x2000}, .len = {16}, .flags = {}}, guest)), -EFAULT);
}

TEST(Handler, InjectsOtherCallsInOrder) {
  FakeGuest guest;
  guest.expect(40);
  guest.expect(2);
  EXPECT_EQ(guest.run(sum_of_two({}, guest)), 42);
  ASSERT_EQ(guest.injected().size(), 2U);
  EXPECT_EQ(guest.injected()[0].number, sys::Call<getpid>::kNumber);
  EXPECT_EQ(guest.injected()[1].number, sys::Call<sys::call::close>::kNumber);
  EXPECT_EQ(guest.injected()[1].arguments[0], 7U);
}

TEST(Handler, MayBeGivenUpBeforeItsEnd) {
  FakeGuest guest;
  Handler handler = sum_of_two({}, guest);
  handler.start();
  EXPECT_FALSE(handler.done());  // its frame is freed here, which a sanitizer holds us to
}

TEST(Handlers, PassesThroughWhatHasNone) {
  FakeGuest guest;
  Handlers handlers;
  handlers.on<uname>(pass);
  EXPECT_FALSE(handlers.handle(sys::Call<getpid>::kNumber, {}, guest).has_value());
  EXPECT_TRUE(handlers.handle(sys::Call<uname>::kNumber, {}, guest).has_value());
}

TEST(Handlers, MakesTheTypedCallOfTheRegisters) {
  FakeGuest guest;
  guest.map(0x3000, 4);
  Handlers handlers;
  handlers.on<getrandom>(answer_zeroes);
  auto handler = handlers.handle(sys::Call<getrandom>::kNumber, {0x3000, 4, 0}, guest);
  ASSERT_TRUE(handler.has_value());
  EXPECT_EQ(guest.run(*std::move(handler)), 4);
}

TEST(Handlers, TellsWhichCallsMustStop) {
  Handlers handlers;
  handlers.on<uname>(pass);
  EXPECT_TRUE(handlers.calls().contains(sys::Call<uname>::kNumber));
  EXPECT_FALSE(handlers.calls().contains(sys::Call<getpid>::kNumber));
}

}  // namespace
}  // namespace tc::guest
