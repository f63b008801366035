#include "event/names.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <signal.h>

#include <cstring>

namespace tc::event {
namespace {

TEST(OpenFlags, AreThoseOfTheSystemsHeaders) {
  EXPECT_EQ(open_flags_value("O_RDWR|O_CREAT|O_EXCL|O_TRUNC"),
            static_cast<std::uint64_t>(O_RDWR | O_CREAT | O_EXCL | O_TRUNC));
  EXPECT_EQ(open_flags_value("O_RDONLY|O_TMPFILE"), static_cast<std::uint64_t>(O_TMPFILE));
  EXPECT_EQ(open_flags_value("O_RDONLY|O_SYNC"), static_cast<std::uint64_t>(O_SYNC));
  EXPECT_EQ(open_flags_text(O_WRONLY | O_APPEND | O_NOFOLLOW | O_PATH | O_DIRECTORY | O_NOATIME),
            "O_WRONLY|O_APPEND|O_DIRECTORY|O_NOFOLLOW|O_NOATIME|O_PATH");
  EXPECT_EQ(open_flags_text(O_DSYNC), "O_RDONLY|O_DSYNC");
}

TEST(OpenFlags, SurviveTheWayThroughText) {
  for (unsigned bit = 0; bit < 40; ++bit) {
    const std::uint64_t flags = (std::uint64_t{1} << bit) | O_CLOEXEC;
    EXPECT_EQ(open_flags_value(open_flags_text(flags)), flags) << bit;
  }
}

TEST(Signals, AreThoseOfTheSystem) {
  for (int number = 1; number < 32; ++number) {
    const char* name = sigabbrev_np(number);
    ASSERT_NE(name, nullptr);
    // POLL and IO are two names of one signal.
    const std::string expected = std::string("SIG") + (number == SIGIO ? "IO" : name);
    EXPECT_EQ(signal_text(static_cast<std::uint32_t>(number)), expected);
  }
  EXPECT_EQ(signal_value("SIGRT2"), 34U);
}

TEST(TcpStates, AreThoseOfTheSystemsHeaders) {
  EXPECT_EQ(value_of(names_of(tc_tcp_state_name{}), "ESTABLISHED"), TCP_ESTABLISHED);
  EXPECT_EQ(value_of(names_of(tc_tcp_state_name{}), "TIME_WAIT"), TCP_TIME_WAIT);
  EXPECT_EQ(value_of(names_of(tc_tcp_state_name{}), "LISTEN"), TCP_LISTEN);
  EXPECT_EQ(value_of(names_of(tc_tcp_state_name{}), "CLOSING"), TCP_CLOSING);
}

TEST(Addresses, SurviveTheWayThroughText) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
                           "2001:db8:1:2:3:4:5:6"}) {
    const auto address = address_value(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address_text(*address), text);
  }
}

}  // namespace
}  // namespace tc::event
