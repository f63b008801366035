#include "sandbox/outcome_wire.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace tc::sandbox {
namespace {

// Numbers as eight bytes of this machine; strings and lists behind their length.
class OutcomeWriter {
 public:
  void put(std::uint64_t number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void put(std::string_view text) {
    put(text.size());
    bytes_.append(text);
  }
  void put(const std::vector<std::string>& texts) {
    put(texts.size());
    for (const std::string& text : texts) put(text);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class OutcomeReader {
 public:
  explicit OutcomeReader(std::string_view bytes) : rest_(bytes) {}

  void get(std::uint64_t& number) {
    const std::string_view bytes = piece(sizeof(number));
    if (whole_) std::memcpy(&number, bytes.data(), sizeof(number));
  }
  void get(std::string& text) { text = piece(length()); }
  void get(std::vector<std::string>& texts) {
    for (std::uint64_t left = length(); left > 0 && whole_; --left) get(texts.emplace_back());
  }
  std::uint64_t length() {
    std::uint64_t number = 0;
    get(number);
    return number;
  }
  bool whole() const { return whole_; }
  bool ended() const { return whole_ && rest_.empty(); }

 private:
  std::string_view piece(std::uint64_t size) {
    whole_ = whole_ && size <= rest_.size();
    if (!whole_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool whole_ = true;
};

// Each number of the statistics once, for both directions.
template <class Statistics, class Visit>
void for_each_number(Statistics& statistics, const Visit& visit) {
  visit(statistics.stops);
  visit(statistics.determinised);
  visit(statistics.passed);
  visit(statistics.refused);
  visit(statistics.tsc_traps);
  visit(statistics.cpuid_traps);
  visit(statistics.signals);
  visit(statistics.switches);
  visit(statistics.tasks);
  visit(statistics.spins);
}

enum class Told : std::uint64_t { kOutcome, kError };

void put_outcome(OutcomeWriter& writer, const Outcome& outcome) {
  writer.put(static_cast<std::uint64_t>(outcome.kind));
  writer.put(static_cast<std::uint64_t>(outcome.status));
  writer.put(outcome.report);
  writer.put(outcome.notes);
  writer.put(outcome.weaker);
  const Statistics& statistics = outcome.statistics;
  for_each_number(statistics, [&](std::uint64_t number) { writer.put(number); });
  writer.put(static_cast<std::uint64_t>(statistics.virtual_ns));
  writer.put(statistics.calls.size());
  for (const auto& [name, count] : statistics.calls) {
    writer.put(name);
    writer.put(count);
  }
}

void get_outcome(OutcomeReader& reader, Outcome& outcome) {
  outcome.kind = static_cast<Outcome::Kind>(reader.length());
  outcome.status = static_cast<int>(reader.length());
  reader.get(outcome.report);
  reader.get(outcome.notes);
  reader.get(outcome.weaker);
  Statistics& statistics = outcome.statistics;
  for_each_number(statistics, [&](std::uint64_t& number) { reader.get(number); });
  statistics.virtual_ns = static_cast<std::int64_t>(reader.length());
  for (std::uint64_t left = reader.length(); left > 0 && reader.whole(); --left) {
    std::string name;
    reader.get(name);
    reader.get(statistics.calls[name]);
  }
}

}  // namespace

std::string pack_outcome(const Result<Outcome>& outcome) {
  OutcomeWriter writer;
  writer.put(static_cast<std::uint64_t>(outcome ? Told::kOutcome : Told::kError));
  if (outcome) {
    put_outcome(writer, *outcome);
  } else {
    writer.put(static_cast<std::uint64_t>(outcome.error().code()));
    writer.put(outcome.error().text());
  }
  return writer.take();
}

Result<Outcome> unpack_outcome(std::string_view bytes) {
  OutcomeReader reader(bytes);
  if (reader.length() == static_cast<std::uint64_t>(Told::kError)) {
    const int code = static_cast<int>(reader.length());
    std::string text;
    reader.get(text);
    if (reader.ended()) return Error(std::move(text), code);
  } else {
    Outcome outcome;
    get_outcome(reader, outcome);
    if (reader.ended()) return outcome;
  }
  return Error("the keeper ended before it had told how the run ended");
}

}  // namespace tc::sandbox
