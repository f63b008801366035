#include "behaviour/log.h"

#include <fmt/format.h>

#include <optional>

#include "base/input.h"
#include "base/number.h"
#include "behaviour/thread_name.h"
#include "json/document.h"
#include "json/validator.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

constexpr const char* kRecordAgain = "record it again: tc trace -o FILE -- CMD…";

std::string way_on(const std::string& id) {
  if (id == "schema") return "; compare with a tc that is at least as new";
  if (id == "truncated" || id == "count" || id == "sha256" || id == "after-end" || id == "lost")
    return fmt::format("; the log was cut or changed: {}", kRecordAgain);
  return "; tc validate FILE lists all that is wrong";
}

std::string string_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class Reader {
 public:
  Reader(std::string name, const std::function<void(const LogLine&)>& take)
      : name_(std::move(name)), take_(take), validator_([this](const json::Finding& finding) {
          fail(finding.line, finding.column, finding.id, finding.text + way_on(finding.id));
        }) {}

  void feed(std::string_view piece) {
    if (failure_) return;
    validator_.feed(piece);
    digest_.update(piece);
    // Only lines that the validator has seen whole are looked at.
    while (!failure_) {
      const std::size_t end = piece.find('\n');
      if (end == std::string_view::npos) break;
      if (kept_.empty()) {
        line(piece.substr(0, end));
      } else {
        kept_ += piece.substr(0, end);
        line(kept_);
        kept_.clear();
      }
      piece.remove_prefix(end + 1);
    }
    kept_ += piece;
  }

  Result<LogSummary> finish() {
    if (!failure_) {
      const json::Summary summary = validator_.finish();
      summary_.records = summary.records;
      summary_.lost = summary.lost;
      summary_.digest = digest_.hex();
    }
    if (failure_) return *failure_;
    return std::move(summary_);
  }

 private:
  void fail(std::uint64_t line, std::uint64_t column, const std::string& id,
            const std::string& text) {
    if (!failure_) failure_ = error("{}:{}:{}: error: [{}] {}", name_, line, column, id, text);
  }

  void line(std::string_view text) {
    ++number_;
    const std::string_view event = quick_string(text, "event");
    if (number_ == 1) return start(text);
    if (event == "stream_end") return;
    const std::string_view thread = quick_string(text, "thread");
    if (ordered_) check_order(thread);
    if (!failure_) take_({number_, text, event, thread});
  }

  void start(std::string_view text) {
    const Result<Json> parsed = json::parse_document(text, name_);
    if (!parsed) {
      failure_ = parsed.error();
      return;
    }
    const std::string source = string_at(*parsed, "source");
    if (source != "trace" && source != "sandbox") {
      return fail(
          1, 1, "source",
          fmt::format("{}, not a log of system calls; {}",
                      source.empty() ? "a stream of unknown source" : "evidence of tc " + source,
                      kRecordAgain));
    }
    LogHeader& header = summary_.header;
    header.profile = string_at(*parsed, "profile");
    header.calls = string_at(*parsed, "calls");
    header.order = string_at(*parsed, "order");
    if (const auto command = parsed->find("command"); command != parsed->end())
      for (const Json& word : *command) header.command.push_back(bytes_of(word));
    ordered_ = header.order == "tree";
  }

  void check_order(std::string_view thread) {
    if (thread == thread_ || thread.empty()) return;
    if (!thread_.empty() && !before_in_tree(thread_, thread)) {
      fail(number_, 1, "order",
           fmt::format("{} stands behind {}, but stream_start says order tree; {}", thread, thread_,
                       kRecordAgain));
    }
    thread_ = thread;
  }

  std::string name_;
  const std::function<void(const LogLine&)>& take_;
  json::StreamValidator validator_;
  json::Sha256 digest_;
  LogSummary summary_;
  std::optional<Error> failure_;
  std::string kept_;
  std::uint64_t number_ = 0;
  bool ordered_ = false;
  std::string thread_;
};

Error incomparable(const char* what, const std::string& before, const std::string& before_name,
                   const std::string& after, const std::string& after_name) {
  return error(
      "{} and {} cannot be compared: their {} differ\n  {}: {}\n  {}: {}\n"
      "record both with the same options of tc trace",
      before_name, after_name, what, before_name, before.empty() ? "(not told)" : before,
      after_name, after.empty() ? "(not told)" : after);
}

}  // namespace

Result<LogSummary> read_log(const std::string& path,
                            const std::function<void(const LogLine&)>& take) {
  Reader reader(path == "-" ? "standard input" : path, take);
  TC_CHECK(base::for_each_piece(path, [&](std::string_view piece) { reader.feed(piece); }));
  return reader.finish();
}

std::string_view quick_string(std::string_view record, std::string_view key) {
  // Quotes within strings are escaped, so this text can only be a key; the record's own keys come
  // last of their name, since `args` and its like sort before all that is asked for here.
  std::string wanted = "\"";
  wanted.append(key).append("\":\"");
  for (std::size_t at = record.rfind(wanted); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : record.rfind(wanted, at - 1)) {
    if (at == 0 || (record[at - 1] != '{' && record[at - 1] != ',')) continue;
    const std::size_t begin = at + wanted.size();
    return record.substr(begin, record.find('"', begin) - begin);
  }
  return {};
}

std::string bytes_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (const auto head = value.find("head"); head != value.end()) return bytes_of(*head) + "…";
  const auto hex = value.find("hex");
  if (hex == value.end() || !hex->is_string())
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string digits = hex->get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = base::parse_unsigned<unsigned>(std::string_view(digits).substr(i, 2), 16);
    bytes += static_cast<char>(byte.value_or('?'));
  }
  return bytes;
}

Result<void> check_comparable(const LogHeader& before, const std::string& before_name,
                              const LogHeader& after, const std::string& after_name) {
  if (before.profile != after.profile)
    return incomparable("normalisation profiles", before.profile, before_name, after.profile,
                        after_name);
  if (before.calls != after.calls)
    return incomparable("selections of calls", before.calls, before_name, after.calls, after_name);
  return {};
}

}  // namespace tc::behaviour
