// The file of a baseline: written sorted, read strictly.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "behaviour/baseline.h"
#include "behaviour/object_name.h"
#include "json/document.h"
#include "json/record_check.h"
#include "json/writer.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kBaselineSchema = 1;
constexpr std::size_t kFileLimit = std::size_t{64} << 20U;

std::string fact_line(const Fact& fact, const Baseline::Sight& sight) {
  json::ObjectWriter writer;
  writer.text("event", "fact");
  if (!sight.evidence.empty()) writer.bytes("evidence", sight.evidence);
  writer.text("kind", row_of(fact.kind).name);
  writer.bytes("object", fact.object);
  writer.text("risk", risk_name(fact.risk));
  if (!sight.always && sight.runs > 0) writer.unsigned_integer("runs", sight.runs);
  writer.text("seen", sight.always ? "always" : "sometimes");
  writer.bytes("subject", fact.subject);
  std::string line;
  writer.finish(line);
  return line;
}

class Parser {
 public:
  explicit Parser(const std::string& name) : name_(name) {}

  Result<Baseline> parse(std::string_view text) {
    if (text.empty()) return at(1, 1, "baseline", "the file is empty", kRecord);
    if (text.back() != '\n') {
      const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
      return at(lines + 1, 1 + text.size() - (text.rfind('\n') + 1), "end-of-line",
                "the last line has no LF: the file was cut", kRecord);
    }
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      ++number_;
      TC_CHECK(line(text.substr(0, end + 1)));
      text.remove_prefix(end + 1);
    }
    return std::move(baseline_);
  }

 private:
  static constexpr const char* kRecord = "tc baseline record FILE -- CMD… makes a new one";
  static constexpr const char* kSort = "sort all lines but the first with LC_ALL=C sort -u";

  Error at(std::uint64_t line, std::uint64_t column, std::string_view id, std::string_view text,
           std::string_view way_on) const {
    return error("{}:{}:{}: error: [{}] {}; {}", name_, line, column, id, text, way_on);
  }
  Error here(std::string_view id, std::string_view text, std::string_view way_on) const {
    return at(number_, 1, id, text, way_on);
  }

  // `line` with its line feed, which stops the check.
  Result<void> line(std::string_view line) {
    if (line.starts_with("<<<<<<<") || line.starts_with("=======") || line.starts_with(">>>>>>>")) {
      return here("merge", "a conflict that git left",
                  std::string("keep the lines of both sides and ") + kSort);
    }
    std::optional<Error> failure;
    json::RecordCheck check([&](std::size_t offset, const char* id, const std::string& text) {
      if (!failure)
        failure = at(number_, offset + 1, id, text, "the file is written by tc baseline only");
    });
    const char* const end = line.data() + line.size();
    check.check(line.data(), end - 1, end);
    if (failure) return *failure;
    const Json record = Json::parse(line, nullptr, false);
    if (record.is_discarded()) return here("syntax", "not a JSON object", kRecord);
    return number_ == 1 ? header(record) : fact(record, line);
  }

  Result<void> header(const Json& record) {
    if (text_of(record, "event") != "baseline")
      return here("baseline", "not a baseline: the first line has no event \"baseline\"", kRecord);
    const std::optional<std::uint64_t> schema = number_of(record, "schema");
    if (!schema || *schema == 0) return here("schema", "the baseline tells no schema", kRecord);
    if (*schema > kBaselineSchema) {
      return here("schema",
                  fmt::format("schema {}: written by a newer tc; this one knows schema {}", *schema,
                              kBaselineSchema),
                  "use a tc that is at least as new");
    }
    const std::optional<std::uint64_t> runs = number_of(record, "runs");
    if (!runs || *runs == 0) return here("runs", "the baseline tells of no runs", kRecord);
    baseline_.runs = *runs;
    baseline_.header.profile = text_of(record, "profile");
    baseline_.header.calls = text_of(record, "calls");
    const auto tells_calls = record.find("tells_calls");
    baseline_.tells_calls = tells_calls != record.end() && *tells_calls == true;
    if (const auto command = record.find("command"); command != record.end()) {
      if (!command->is_array()) return here("command", "the command is no list", kRecord);
      for (const Json& word : *command) baseline_.header.command.push_back(bytes_of(word));
    }
    return {};
  }

  Result<void> fact(const Json& record, std::string_view line) {
    if (text_of(record, "event") != "fact")
      return here("event", fmt::format("event \"{}\" has no place here", text_of(record, "event")),
                  "the file is written by tc baseline only");
    const KindRow* kind = find_kind(text_of(record, "kind"));
    if (kind == nullptr)
      return here("kind", fmt::format("no kind of effect \"{}\"", text_of(record, "kind")),
                  "use a tc that is at least as new");
    if (!record.contains("object") || !record.contains("subject"))
      return here("fact", "a fact has an object and a subject", kRecord);
    Fact fact = {.kind = kind->kind,
                 .object = bytes_of(record["object"]),
                 .subject = bytes_of(record["subject"])};
    const std::optional<Risk> risk = find_risk(text_of(record, "risk"));
    fact.risk = risk ? *risk : risk_of(fact.kind, fact.object);
    const std::string seen = text_of(record, "seen");
    if (seen != "always" && seen != "sometimes")
      return here("seen", "a fact is seen \"always\" or \"sometimes\"", kRecord);
    const Baseline::Sight sight = {
        .always = seen == "always",
        .runs = number_of(record, "runs").value_or(0),
        .evidence = record.contains("evidence") ? bytes_of(record["evidence"]) : std::string()};
    if (number_ > 2 && line <= previous_) {
      return here("order",
                  line == previous_ ? "the line stands here twice"
                                    : "the line sorts before the one above it",
                  kSort);
    }
    previous_ = line;
    fact.line = number_;
    fact.record = line.substr(0, line.size() - 1);
    if (!baseline_.facts.emplace(std::move(fact), sight).second)
      return here("fact", "the fact stands here twice", "keep the line that is right");
    return {};
  }

  static std::string text_of(const Json& record, const char* key) {
    const auto found = record.find(key);
    return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  static std::optional<std::uint64_t> number_of(const Json& record, const char* key) {
    const auto found = record.find(key);
    if (found == record.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
  }

  const std::string& name_;
  Baseline baseline_;
  std::uint64_t number_ = 0;
  std::string_view previous_;
};

}  // namespace

std::string write_baseline(const Baseline& baseline) {
  json::ObjectWriter writer;
  writer.text("event", "baseline");
  writer.unsigned_integer("schema", kBaselineSchema);
  writer.unsigned_integer("runs", baseline.runs);
  writer.bytes("profile", baseline.header.profile);
  writer.bytes("calls", baseline.header.calls);
  writer.byte_strings("command", baseline.header.command);
  if (baseline.tells_calls) writer.boolean("tells_calls", true);
  std::string text;
  writer.finish(text);
  text += '\n';
  std::vector<std::string> lines;
  lines.reserve(baseline.facts.size());
  for (const auto& [fact, sight] : baseline.facts) lines.push_back(fact_line(fact, sight));
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

Result<Baseline> parse_baseline(std::string_view text, const std::string& name) {
  return Parser(name).parse(text);
}

Result<Baseline> read_baseline(const std::string& path) {
  const Result<std::string> text = base::read_file(path, kFileLimit);
  if (!text) {
    return Error(text.error().text() + "; tc baseline record " + path + " -- CMD… makes it",
                 text.error().code());
  }
  return parse_baseline(*text, path);
}

}  // namespace tc::behaviour
