// Books about every record: what was received and what was told as lost is what was produced,
// exactly, for each type of event.
#include <cstdint>
#include <map>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Loss : public KernelTest {};

constexpr std::uint64_t kOpensEach = 500'000;
constexpr const char* kFile = "/tc-open-loop";
// What the loader opens to start open_loop: its cache and libc.
constexpr std::uint64_t kLoaderOpens = 2;

struct Tally {
  std::map<std::string, std::uint64_t> received;  // by event
  std::map<std::string, std::uint64_t> lost;      // by event
  std::size_t lost_records = 0;
  std::uint64_t received_behind_first_loss = 0;
  Json end;
};

// The value of a key whose value is a plain string; a whole JSON reader is slow for a million.
std::string_view text_of(std::string_view line, std::string_view key) {
  const std::string quoted = "\"" + std::string(key) + "\":\"";
  const std::size_t at = line.find(quoted);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + quoted.size());
  return line.substr(0, line.find('"'));
}

Tally tally(const std::string& path) {
  Tally result;
  for_each_line(path, [&](std::string_view line) {
    const std::string event(text_of(line, "event"));
    if (event == "stream_end") result.end = Json::parse(line);
    if (event == "lost") {
      const Json record = Json::parse(line);
      result.lost[record.at("lost_event")] += record.at("count").get<std::uint64_t>();
      ++result.lost_records;
    }
    ++result.received[event];
    if (event == "file_access" && result.lost_records > 0) ++result.received_behind_first_loss;
  });
  return result;
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t total = 0;
  for (const auto& [event, count] : counts) total += count;
  return total;
}

std::vector<std::string> two_writers(std::vector<std::string> options) {
  options.insert(options.end(), {"--", guest("open_loop"), std::to_string(kOpensEach), kFile, "2"});
  return options;
}

TEST_F(Loss, IsNoneOfAMillionOpensAtTheDefaultBuffer) {
  Observation observation(two_writers({"--events", "file_access,process_fork,process_exit"}));
  EXPECT_EQ(observation.tc().wait(std::chrono::seconds(120)), 0);
  const Tally counts = tally(observation.path());
  EXPECT_EQ(counts.received.at("file_access"), 2 * kOpensEach + kLoaderOpens);
  EXPECT_EQ(counts.received.at("process_fork"), 2U);
  EXPECT_EQ(counts.received.at("process_exit"), 3U);
  EXPECT_EQ(sum(counts.lost), 0U);
  EXPECT_EQ(counts.end.at("lost"), 0);
}

// A shell that runs open_loop for each line it reads: so that a test decides when.
Process start_writer() {
  return Process({"sh", "-c",
                  "read go; " + guest("open_loop") + " " + std::to_string(kOpensEach) + " " +
                      kFile + " 2; read go; " + guest("open_loop") + " 1000 " + kFile});
}

TEST_F(Loss, IsCountedExactlyAndStandsWhereItHappened) {
  Process writer = start_writer();
  Observation observation(
      attached_to(writer, {"--buffer", "64K", "--events", "file_access,process_exit"}));
  observation.tc().send(SIGSTOP);
  writer.write("go\n");
  writer.next_line();
  observation.tc().send(SIGCONT);
  writer.write("go\n");
  EXPECT_EQ(writer.wait(), 0);
  observation.finish();

  const Tally counts = tally(observation.path());
  const auto lost_of = [&](const std::string& event) {
    return counts.lost.contains(event) ? counts.lost.at(event) : 0;
  };
  EXPECT_EQ(counts.received.at("file_access") + lost_of("file_access"),
            2 * kOpensEach + kLoaderOpens + 1000 + kLoaderOpens);
  EXPECT_EQ(counts.received.at("process_exit") + lost_of("process_exit"), 5U);
  EXPECT_GT(counts.lost_records, 0U);
  EXPECT_GT(counts.received_behind_first_loss, 0U);
  EXPECT_EQ(counts.end.at("lost"), sum(counts.lost));
  const Ended validated = run({TC_PROGRAM, "validate", observation.path()});
  EXPECT_EQ(validated.status, 0) << validated.output << validated.error;
}

}  // namespace
}  // namespace tc::test
