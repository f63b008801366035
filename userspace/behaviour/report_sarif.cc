// A report as SARIF 2.1.0 (OASIS): a rule for each kind of effect, a result for each change. The
// names are the standard's, so this is the one JSON that is not canonical.
#include <nlohmann/json.hpp>
#include <set>

#include "behaviour/report_formats.h"

namespace tc::behaviour {
namespace {

using OrderedJson = nlohmann::ordered_json;

// GitHub shows no more of one run.
constexpr std::size_t kMostResults = 5000;

std::string rule_id(Kind kind) {
  std::string id(row_of(kind).name);
  for (char& byte : id)
    if (byte == ' ') byte = '-';
  return id;
}

const char* level_of(const Change& change) {
  if (!change.added) return "note";
  return change.fact.risk == Risk::kHigh     ? "error"
         : change.fact.risk == Risk::kMedium ? "warning"
                                             : "note";
}

OrderedJson rules_of(const Report& report) {
  std::set<Kind> kinds;
  for (const Change& change : report.changes) kinds.insert(change.fact.kind);
  OrderedJson rules = OrderedJson::array();
  for (const Kind kind : kinds) {
    const std::string name(row_of(kind).name);
    rules.push_back({{"id", rule_id(kind)},
                     {"shortDescription", {{"text", "An effect is new or gone: " + name}}},
                     {"properties", {{"group", std::string(row_of(kind).group)}}}});
  }
  return rules;
}

OrderedJson location_of(const Change& change) {
  OrderedJson place = {{"artifactLocation", {{"uri", printable(change.file)}}},
                       {"region", {{"startLine", change.fact.line}}}};
  if (!change.fact.record.empty())
    place["region"]["snippet"] = {{"text", printable(change.fact.record)}};
  return {{"physicalLocation", std::move(place)}};
}

OrderedJson result_of(const Change& change) {
  std::string text = change_text(change);
  if (!change.runs.empty()) text += ", " + change.runs;
  if (!change.folded.empty())
    text += ", with " + std::to_string(change.folded.size()) + " more effects by what it runs";
  OrderedJson result = {{"ruleId", rule_id(change.fact.kind)},
                        {"level", level_of(change)},
                        {"baselineState", change.added ? "new" : "absent"},
                        {"message", {{"text", text}}},
                        {"partialFingerprints", {{"fact/v1", fact_id(change.fact)}}}};
  if (change.fact.line != 0 && !change.file.empty())
    result["locations"] = OrderedJson::array({location_of(change)});
  return result;
}

}  // namespace

void append_report_sarif(const Report& report, const ReportOptions&, std::string& out) {
  OrderedJson results = OrderedJson::array();
  for (const Change& change : report.changes) {
    if (results.size() == kMostResults) break;
    results.push_back(result_of(change));
  }
  const OrderedJson driver = {
      {"name", "Testchamber"}, {"version", "0.1.0"}, {"rules", rules_of(report)}};
  const OrderedJson run = {{"tool", {{"driver", driver}}}, {"results", std::move(results)}};
  const OrderedJson document = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                                {"version", "2.1.0"},
                                {"runs", OrderedJson::array({run})}};
  out += document.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
  out += '\n';
}

}  // namespace tc::behaviour
