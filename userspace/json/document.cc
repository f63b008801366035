#include "json/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace tc::json {
namespace {

using Json = nlohmann::json;

// Deep enough for any document of ours, and shallow enough for whoever walks it by recursion.
constexpr int kMaxDepth = 256;

struct Flaw {
  std::size_t offset;
  std::string text;
};

Error error_at(std::string_view text, const std::string& name, const Flaw& flaw) {
  const std::string_view before = text.substr(0, std::min(flaw.offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  // npos + 1 is 0: on the first line, columns count from the beginning.
  const std::size_t column = 1 + before.size() - (before.rfind('\n') + 1);
  return error("{}:{}:{}: error: [syntax] {}", name, line, column, flaw.text);
}

// Reads the text for nlohmann's parser and tells how far that has come.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    *reached_ = std::max(*reached_, at_);
    return *this;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Follows the parser to find what it takes but this program does not.
class Watch {
 public:
  explicit Watch(std::string_view text) : text_(text), reached_(text.data()) {}

  Cursor begin() { return {text_.data(), &reached_}; }
  Cursor end() { return {text_.data() + text_.size(), &reached_}; }
  const std::optional<Flaw>& flaw() const { return flaw_; }

  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) check_depth(depth);
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !flaw_) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        flaw_ =
            Flaw{key_offset(), fmt::format("the key {} is in this object twice", parsed.dump())};
      }
    }
    return true;
  }

  // Of the byte that was read last.
  std::size_t last_offset() const {
    return reached_ == text_.data() ? 0 : static_cast<std::size_t>(reached_ - text_.data()) - 1;
  }

 private:
  // The outermost array or object opens at depth 0.
  void check_depth(int depth) {
    if (depth >= kMaxDepth && !flaw_) {
      flaw_ = Flaw{last_offset(), fmt::format("nested deeper than {}", kMaxDepth)};
    }
  }

  // Of the opening quote of the key whose closing quote was read last.
  std::size_t key_offset() const {
    std::size_t quote = last_offset();
    while (true) {
      quote = text_.rfind('"', quote - 1);
      std::size_t backslashes = 0;
      while (backslashes < quote && text_[quote - backslashes - 1] == '\\') ++backslashes;
      if (backslashes % 2 == 0) return quote;
    }
  }

  std::string_view text_;
  const char* reached_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::optional<Flaw> flaw_;
};

// From "[json.exception.…] parse error at line 1, column 2: syntax error while parsing value -
// unexpected ']'; …" what stands behind the position, which nlohmann counts its own way.
std::string in_plain_words(std::string_view what) {
  constexpr std::string_view kHead = "syntax error ";
  const std::size_t head = what.find(kHead);
  if (head != std::string_view::npos) return std::string(what.substr(head + kHead.size()));
  const std::size_t bracket = what.find("] ");
  return std::string(bracket == std::string_view::npos ? what : what.substr(bracket + 2));
}

}  // namespace

Result<nlohmann::json> parse_document(std::string_view text, const std::string& name) {
  if (text.starts_with("\xef\xbb\xbf")) {
    return error_at(text, name, {0, "the file starts with a byte order mark: save it without"});
  }
  Watch watch(text);
  try {
    Json document = Json::parse(watch.begin(), watch.end(), std::ref(watch));
    if (watch.flaw()) return error_at(text, name, *watch.flaw());
    return document;
  } catch (const Json::parse_error& failure) {
    if (watch.flaw()) return error_at(text, name, *watch.flaw());
    const std::size_t offset = failure.byte > 0 ? failure.byte - 1 : 0;
    return error_at(text, name, {offset, in_plain_words(failure.what())});
  } catch (const Json::exception& failure) {
    return error_at(text, name, {watch.last_offset(), in_plain_words(failure.what())});
  }
}

}  // namespace tc::json
