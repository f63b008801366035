// Calls of functions the user names: counted exactly, named rightly, also when the process that
// made them is gone.
#include <chrono>
#include <map>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Symbol : public KernelTest {};

constexpr int kFunctions = 1000;

// A running program that calls each of the library's functions once when it is told to.
class CallServer {
 public:
  CallServer() : process_({guest("call_loop"), "serve"}) { process_.await_output_line("ready"); }
  void call_all() {
    process_.write("\n");
    process_.await_output_line("calls 1000");
  }
  void end() {
    process_.close_input();
    process_.wait();
  }
  Process& process() { return process_; }

 private:
  Process process_;
};

std::string build_id_of(const std::string& file) {
  const Ended notes = run({"readelf", "-n", file});
  const std::string label = "Build ID: ";
  const std::size_t begin = notes.output.find(label);
  if (begin == std::string::npos) return "";
  const std::size_t end = notes.output.find('\n', begin);
  return notes.output.substr(begin + label.size(), end - begin - label.size());
}

TEST_F(Symbol, CountsEveryCallExactly) {
  CallServer server;
  Observation observation(attached_to(
      server.process(), {"--events", "symbol_call", "--symbol", "libprobe_target.so*:fn_*"}));
  for (int i = 0; i < 3; ++i) server.call_all();
  server.end();
  const Evidence evidence = observation.finish();

  std::map<std::string, int> calls;
  for (const Json& record : evidence.records) ++calls[record.at("symbol")];
  EXPECT_EQ(evidence.end.at("lost"), 0);
  EXPECT_EQ(calls.size(), kFunctions);
  for (const auto& [symbol, count] : calls) EXPECT_EQ(count, 3) << symbol;
}

// Before the command maps it: a library beside the program, which no cache of the loader names.
TEST_F(Symbol, CountsTheCallsOfACommandIntoALibraryOfItsOwn) {
  const Evidence evidence =
      observe_command({"--events", "symbol_call", "--symbol", "libprobe_target.so*:fn_*"},
                      {guest("call_loop"), "all"});
  EXPECT_EQ(evidence.records.size(), kFunctions);
}

TEST_F(Symbol, NamesFunctionModuleBuildIdAndCaller) {
  CallServer server;
  Observation observation(
      attached_to(server.process(), {"--symbol", "libprobe_target.so*:fn_0042"}));
  server.call_all();
  server.end();
  const Json call = observation.finish().only({{"event", "symbol_call"}});

  EXPECT_EQ(call.at("symbol"), "fn_0042");
  EXPECT_EQ(call.at("module"), guest("libprobe_target.so"));
  EXPECT_EQ(call.at("build_id"), build_id_of(guest("libprobe_target.so")));
  EXPECT_EQ(call.at("pid"), server.process().pid());
  EXPECT_EQ(call.at("comm"), "call_loop");
  EXPECT_EQ(call.at("caller").at("module"), guest("call_loop"));
  EXPECT_EQ(call.at("caller").at("build_id"), build_id_of(guest("call_loop")));
  EXPECT_THAT(call.at("caller").value("symbol", ""), testing::AnyOf("call_all", "serve", "main"));
}

TEST_F(Symbol, ShowsOnlyTheObservedProcess) {
  CallServer observed;
  CallServer bystander;
  Observation observation(attached_to(
      observed.process(), {"--events", "symbol_call", "--symbol", "libprobe_target.so*:fn_000*"}));
  bystander.call_all();
  observed.call_all();
  observed.end();
  const Evidence evidence = observation.finish();
  EXPECT_EQ(evidence.records.size(), 10U);
  EXPECT_EQ(evidence.count({{"pid", observed.process().pid()}}), 10U);
}

TEST_F(Symbol, EndsWithinASecondWithAThousandProbes) {
  using Clock = std::chrono::steady_clock;
  Clock::duration best = Clock::duration::max();
  for (int attempt = 0; attempt < 3; ++attempt) {
    CallServer server;
    Observation observation(
        attached_to(server.process(), {"--symbol", "libprobe_target.so*:fn_*"}));
    server.call_all();
    const Clock::time_point told = Clock::now();
    const Evidence evidence = observation.stop();
    best = std::min(best, Clock::now() - told);
    EXPECT_EQ(evidence.count({{"event", "symbol_call"}}), kFunctions);
  }
  EXPECT_LT(best, std::chrono::seconds(1))
      << std::chrono::duration_cast<std::chrono::milliseconds>(best).count() << " ms";
}

// Most of these are gone before tc reads what they did.
constexpr int kShortLives = 300;

std::size_t named_callers(const Evidence& evidence, const Json& pattern, const std::string& end) {
  std::size_t count = 0;
  for (const Json& record : evidence.matching(pattern))
    if (record.contains("caller") && record.at("caller").value("module", "").ends_with(end))
      ++count;
  return count;
}

TEST_F(Symbol, NamesTheCallerInProcessesThatAreGone) {
  const Evidence evidence =
      observe_command({"--events", "symbol_call", "--symbol", "libc.so.6:setlocale"},
                      {"sh", "-c", "i=0; while [ $i -lt 300 ]; do /bin/true x; i=$((i+1)); done"});
  const Json calls = {{"event", "symbol_call"}, {"comm", "true"}};
  EXPECT_GE(evidence.count(calls), kShortLives);
  EXPECT_GE(named_callers(evidence, calls, "/true"), evidence.count(calls) * 99 / 100);
}

TEST_F(Symbol, NamesTheCallerOfNetworkCallsInProcessesThatAreGone) {
  const Evidence evidence = observe_command(
      {"--events", "network_op"},
      {"sh", "-c",
       "i=0; while [ $i -lt 300 ]; do bash -c ': < /dev/tcp/127.0.0.1/1' 2> /dev/null; "
       "i=$((i+1)); done"});
  const Json calls = {{"event", "network_op"}, {"comm", "bash"}, {"remote_port", 1}};
  EXPECT_EQ(evidence.count(calls), kShortLives);
  EXPECT_GE(named_callers(evidence, calls, "/bash"), kShortLives * 99U / 100U);
}

TEST_F(Symbol, TellsAPatternThatMatchesNothing) {
  CallServer server;
  Observation observation(
      attached_to(server.process(), {"--symbol", "libprobe_target.so*:no_such_*"}));
  server.end();
  observation.finish();
  EXPECT_THAT(observation.tc().error(),
              testing::HasSubstr("no function matched libprobe_target.so*:no_such_*"));
}

}  // namespace
}  // namespace tc::test
