// The oracle: a program that writes down every open, exec, connect, accept and TLS call it makes
// (guests/truth.c). The evidence must say the same: nothing missing, nothing invented.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <set>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Truth : public KernelTest {};

// What tc keeps of each TLS call's plaintext at the most (TC_SSL_DATA_MAX).
constexpr std::size_t kPlaintextKept = 32768;

// The keys that are compared: those the list has.
const std::map<std::string, std::set<std::string>>& compared_keys() {
  static const std::map<std::string, std::set<std::string>> kKeys = {
      {"file_access", {"event", "flags", "mode", "op", "path", "pid", "resolved", "ret", "tid"}},
      {"process_exec", {"argv", "event", "path", "pid", "resolved", "ret", "tid"}},
      {"network_op",
       {"event", "family", "fd", "local_address", "local_port", "op", "path", "pid",
        "remote_address", "remote_port", "ret", "source", "tid"}},
      {"ssl_op", {"bytes", "data", "event", "function", "library", "op", "pid", "ret", "tid"}}};
  return kKeys;
}

// A program cannot know all that the kernel knows about a call that failed: these keys the list
// leaves out, and evidence may have them.
std::set<std::string> uncertain_keys(const Json& record) {
  constexpr int kInProgress = -115;
  const int ret = record.at("ret");
  if (record.at("event") != "network_op" || ret >= 0 || ret == kInProgress) return {};
  if (record.at("op") == "connect") return {"local_address", "local_port"};
  return {"local_address", "local_port", "remote_address", "remote_port", "path"};
}

void cut_plaintext(Json& data) {
  if (data.is_string())
    data = data.get<std::string>().substr(0, kPlaintextKept);
  else
    data.at("hex") = data.at("hex").get<std::string>().substr(0, 2 * kPlaintextKept);
}

std::string comparable(const Json& record) {
  const std::set<std::string> uncertain = uncertain_keys(record);
  Json kept;
  for (const std::string& key : compared_keys().at(record.at("event")))
    if (record.contains(key) && !uncertain.contains(key)) kept[key] = record[key];
  if (kept.contains("data")) cut_plaintext(kept.at("data"));
  return kept.dump();
}

// What lies between the two marker opens.
std::multiset<std::string> between_markers(const Evidence& evidence) {
  std::multiset<std::string> lines;
  bool inside = false;
  for (const Json& record : evidence.records) {
    if (!compared_keys().contains(record.at("event"))) continue;
    const Json path = record.value("path", Json());
    if (path == "/tc-truth-begin" || path == "/tc-truth-end") {
      inside = path == "/tc-truth-begin";
    } else if (inside) {
      lines.insert(comparable(record));
    }
  }
  return lines;
}

std::multiset<std::string> listed(const std::string& text) {
  std::multiset<std::string> lines;
  for (const Json& line : parse_lines(text)) lines.insert(comparable(line));
  return lines;
}

std::string shown(const char* verdict, const std::multiset<std::string>& lines,
                  const std::multiset<std::string>& others) {
  std::vector<std::string> only_here;
  std::set_difference(lines.begin(), lines.end(), others.begin(), others.end(),
                      std::back_inserter(only_here));
  std::string text;
  for (const std::string& line : only_here)
    text.append(verdict).append(": ").append(line.substr(0, 600)).append("\n");
  return text;
}

void expect_evidence_equals_truth(std::vector<std::string> options) {
  options.insert(options.end(), {"--ssl-data", std::to_string(kPlaintextKept), "--", guest("truth"),
                                 "--ssl-data"});
  Observation observation(options);
  const Evidence evidence = observation.finish();
  EXPECT_EQ(observation.status(), 0) << observation.tc().error();
  EXPECT_EQ(evidence.end.at("lost"), 0);
  const std::multiset<std::string> seen = between_markers(evidence);
  const std::multiset<std::string> truth = listed(observation.tc().output());
  EXPECT_GT(truth.size(), 400U);
  EXPECT_TRUE(seen == truth) << shown("missing", truth, seen) << shown("invented", seen, truth);
}

// TC_STRESS=1: twenty times in a row.
TEST_F(Truth, EqualsTheEvidenceEveryTime) {
  const int runs = std::getenv("TC_STRESS") != nullptr ? 20 : 5;
  for (int run = 0; run < runs && !HasFailure(); ++run) {
    SCOPED_TRACE("run " + std::to_string(run));
    expect_evidence_equals_truth({});
  }
}

TEST_F(Truth, EqualsTheEvidenceOfTheRawHook) {
  expect_evidence_equals_truth({"--syscall-hook", "raw"});
}

TEST_F(Truth, EqualsTheEvidenceOfTheWholeHost) { expect_evidence_equals_truth({"--all"}); }

}  // namespace
}  // namespace tc::test
