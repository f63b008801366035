#include "json/record_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "json/scan.h"
#include "json/text.h"

namespace tc::json {
namespace {

constexpr unsigned kRecordDepth = 64;

constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// The value of a hex digit of either case, or -1.
constexpr int hex_value(char byte) {
  if (is_digit(byte)) return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

// A key for the eyes: one that is no name could hold anything, and a terminal would obey it.
std::string shown(std::string_view key) {
  return is_key_name(key) && key.size() <= 64 ? fmt::format("\"{}\"", key) : "this key";
}

constexpr bool is_lower_hex(char byte) { return is_digit(byte) || (byte >= 'a' && byte <= 'f'); }

}  // namespace

// What the checks of one object have to remember from member to member.
struct RecordCheck::ObjectState {
  std::string_view last_key;
  std::uint64_t last_order = 0;
  std::size_t members = 0;
  bool on_shape = true;          // so far the keys are those of shape_
  const char* hex_at = nullptr;  // the value of a key "hex"
  Fact hex;
};

// There is none in a canonical record, so the loop stands elsewhere.
inline const char* RecordCheck::skip_space(const char* at) {
  return static_cast<unsigned char>(*at) > ' ' ? at : space(at);
}

inline void RecordCheck::note(std::uint64_t key_order) {
  switch (key_order) {
    case name_order("event"):
      facts_.event = last_;
      break;
    case name_order("schema"):
      facts_.schema = last_;
      break;
    case name_order("records"):
      facts_.records = last_;
      break;
    case name_order("lost"):
      facts_.lost = last_;
      break;
    case name_order("count"):
      facts_.count = last_;
      break;
    case name_order("sha256"):
      facts_.sha256 = last_;
      break;
    case name_order("time_ns"):
      facts_.time_ns = last_;
      break;
    default:
      break;
  }
}

const RecordFacts& RecordCheck::check(const char* begin, const char* end, const char* readable) {
  begin_ = begin;
  end_ = end;
  readable_ = readable;
  space_reported_ = false;
  facts_ = {};
  if (record(begin) == nullptr) {
    facts_ = {};
  } else {
    facts_.whole = true;
  }
  return facts_;
}

const char* RecordCheck::record(const char* at) {
  at = skip_space(at);
  if (*at != '{') return broken(at, "a record, an object in {…},");
  at = object(at + 1, 1);
  if (at == nullptr) return nullptr;
  if (at != end_) at = skip_space(at);
  return at == end_ ? at : broken(at, "the end of the line");
}

const char* RecordCheck::object(const char* at, unsigned depth) {
  if (depth > kRecordDepth) {
    find(at - 1, "syntax", fmt::format("nested deeper than {}", kRecordDepth));
    return nullptr;
  }
  ObjectState state;
  at = skip_space(at);
  if (*at == '}') return at + 1;
  while (true) {
    at = member(at, depth, state);
    if (at == nullptr) return nullptr;
    const char next = *at++;
    if (next == ',') continue;
    if (next == '}') break;
    return broken(at - 1, "',' or '}'");
  }
  if (state.hex_at != nullptr) check_hex(state);
  last_.kind = Fact::Kind::kOther;
  return at;
}

// The position behind `"key":` when the key is the one the line before had here, else nullptr.
inline const char* RecordCheck::known_key(const char* at, ObjectState& state) {
  if (!state.on_shape || state.members >= shape_size_ ||
      readable_ - at < static_cast<std::ptrdiff_t>(sizeof(KnownKey::text)))
    return nullptr;
  const KnownKey& known = shape_[state.members];
  const auto same = static_cast<unsigned>(
      _mm_movemask_epi8(_mm_cmpeq_epi8(load16(at), load16(known.text.data()))));
  if ((same & known.mask) != known.mask) return nullptr;
  if (known.size > 16 && std::memcmp(at + 16, &known.text[16], known.size - 16U) != 0)
    return nullptr;
  state.last_key = {at + 1, known.size - 3U};
  state.last_order = known.order;
  return at + known.size;
}

// Remembers the key [at, behind) as the one after those that agree with shape_.
void RecordCheck::learn_key(const char* at, const char* behind, ObjectState& state, bool is_clean) {
  if (!state.on_shape) return;
  shape_size_ = std::min(shape_size_, state.members);
  const auto size = static_cast<std::size_t>(behind - at);
  if (!is_clean || size != state.last_key.size() + 3 || size > sizeof(KnownKey::text) ||
      shape_size_ == shape_.size()) {
    state.on_shape = false;
    return;
  }
  KnownKey& known = shape_[shape_size_++];
  std::memcpy(known.text.data(), at, size);
  known.order = state.last_order;
  known.size = static_cast<std::uint8_t>(size);
  known.mask = size >= 16 ? 0xffffU : (1U << size) - 1;
}

// One key and its value, with the white space around them.
const char* RecordCheck::member(const char* at, unsigned depth, ObjectState& state) {
  const char* const known = depth == 1 ? known_key(at, state) : nullptr;
  if (known != nullptr) {
    at = skip_space(known);
  } else {
    at = skip_space(at);
    const char* const begin = at;
    const std::uint64_t findings = findings_;
    if (*at != '"') return broken(at, "a key in double quotes");
    at = key(at + 1, state);
    if (at == nullptr) return nullptr;
    at = skip_space(at);
    if (*at != ':') return broken(at, "':'");
    if (depth == 1) learn_key(begin, at + 1, state, findings == findings_);
    at = skip_space(at + 1);
  }
  const char* const value_at = at;
  at = value(at, depth);
  if (at == nullptr) return nullptr;
  last_.offset = static_cast<std::size_t>(value_at - begin_);
  ++state.members;
  if (depth == 1) note(state.last_order);
  if (state.last_order == name_order("hex")) {
    state.hex_at = value_at;
    state.hex = last_;
  }
  return skip_space(at);
}

const char* RecordCheck::array(const char* at, unsigned depth) {
  if (depth > kRecordDepth) {
    find(at - 1, "syntax", fmt::format("nested deeper than {}", kRecordDepth));
    return nullptr;
  }
  at = skip_space(at);
  if (*at == ']') {
    ++at;
  } else {
    while (true) {
      at = value(skip_space(at), depth);
      if (at == nullptr) return nullptr;
      at = skip_space(at);
      const char next = *at++;
      if (next == ',') continue;
      if (next == ']') break;
      return broken(at - 1, "',' or ']'");
    }
  }
  last_.kind = Fact::Kind::kOther;
  return at;
}

const char* RecordCheck::value(const char* at, unsigned depth) {
  if (*at == '"') return string(at + 1);
  if (is_digit(*at) || *at == '-') return number(at);
  if (*at == '{') return object(at + 1, depth + 1);
  if (*at == '[') return array(at + 1, depth + 1);
  return literal(at);
}

const char* RecordCheck::literal(const char* at) {
  last_.kind = Fact::Kind::kOther;
  const std::string_view rest(at, static_cast<std::size_t>(end_ - at));
  for (const std::string_view name : {"true", "false", "null"}) {
    if (!rest.starts_with(name)) continue;
    if (name == "null") find(at, "null", "null is not used: leave the key out");
    return at + name.size();
  }
  return broken(at, "a value");
}

const char* RecordCheck::number(const char* at) {
  const char* const begin = at;
  const bool negative = *at == '-';
  if (negative) ++at;
  if (!is_digit(*at)) return broken(at, "a digit");
  at = digits(at, negative);
  if (*at != '.' && *at != 'e' && *at != 'E') return at;
  find(begin, "number", "only integers: no fraction, no exponent");
  while (is_digit(*at) || *at == '.' || *at == 'e' || *at == 'E' || *at == '+' || *at == '-') ++at;
  last_.kind = Fact::Kind::kOther;
  return at;
}

// Checks what is certain to be an integer's digits, and leaves the value in last_.
const char* RecordCheck::digits(const char* at, bool negative) {
  const char* const first = at;
  std::uint64_t value = 0;
  bool too_large = false;
  for (; is_digit(*at); ++at) {
    const auto digit = static_cast<unsigned>(*at - '0');
    // Nineteen digits always fit.
    if (at - first < 19) {
      value = 10 * value + digit;
    } else {
      too_large |= __builtin_mul_overflow(value, 10U, &value);
      too_large |= __builtin_add_overflow(value, digit, &value);
    }
  }
  if (negative && value > std::uint64_t{1} << 63U) too_large = true;
  last_.kind = negative || too_large ? Fact::Kind::kOther : Fact::Kind::kUnsigned;
  last_.number = value;
  if (*first == '0' && at - first > 1) {
    find(first, "number", "a number has no leading zeros");
  } else if (negative && value == 0 && !too_large) {
    find(first - 1, "number", "zero has no sign");
  } else if (too_large) {
    find(negative ? first - 1 : first, "number", "does not fit 64 bits");
  }
  return at;
}

const char* RecordCheck::key(const char* at, ObjectState& state) {
  const char* end = at;
  std::uint64_t order = 0;
  unsigned mask = 0;
  if (readable_ - at >= 16 && (mask = not_name_mask(load16(at))) != 0) {
    end = at + std::countr_zero(mask);
    order = end > at ? name_order_by_load({at, static_cast<std::size_t>(end - at)}) : 0;
  }
  if (end == at || *end != '"' || *at < 'a') {
    // A long key, one near the end of what is readable, or a bad one.
    const char* const behind = string(at);
    if (behind == nullptr) return nullptr;
    end = behind - 1;
    const std::string_view name(at, static_cast<std::size_t>(end - at));
    if (!is_key_name(name)) find(at - 1, "key-name", "a key is [a-z][a-z0-9_]*");
    order = name_order(name);
  }
  const std::string_view name(at, static_cast<std::size_t>(end - at));
  // Names of up to eight bytes that differ are told apart by their order alone.
  if (order <= state.last_order) check_order(state, name, order);
  state.last_key = name;
  state.last_order = order;
  return end + 1;
}

void RecordCheck::check_order(const ObjectState& state, std::string_view name,
                              std::uint64_t order) {
  if (state.members == 0) return;
  if (order == state.last_order && name > state.last_key) return;
  if (name == state.last_key) {
    find(name.data() - 1, "duplicate-key", shown(name) + " is there twice");
  } else {
    find(name.data() - 1, "key-order",
         fmt::format("keys ascend, but {} stands behind {}", shown(name), shown(state.last_key)));
  }
}

const char* RecordCheck::string(const char* at) {
  const char* const special = find_special(at, readable_);
  const char* const end = *special == '"' ? special : hard_string(at, special);
  if (end == nullptr) return nullptr;
  last_.kind = Fact::Kind::kString;
  last_.string = {at, static_cast<std::size_t>(end - at)};
  return end + 1;
}

// The rest of a string from the first byte that is not plain. Returns the closing quote.
const char* RecordCheck::hard_string(const char* at, const char* special) {
  text_reported_ = false;
  // Text is judged in the pieces between escapes: an escaped control composes with nothing, but
  // the letter that spells it might.
  const char* piece = at;
  bool ascii = true;
  for (at = special;; at = find_special(at, readable_)) {
    if (at >= end_) return broken(end_, "the closing '\"' of a string");
    if (static_cast<signed char>(*at) < 0) {
      ascii = false;
      ++at;
      continue;
    }
    if (*at != '"' && *at != '\\') {
      find(at, "escape", fmt::format("the control character 0x{:02x} must be escaped", *at));
      ++at;
      continue;
    }
    if (!ascii) check_text({piece, static_cast<std::size_t>(at - piece)});
    if (*at == '"') return at;
    at = escape(at + 1);
    if (at == nullptr) return broken(end_, "the closing '\"' of a string");
    piece = at;
    ascii = true;
  }
}

const char* RecordCheck::escape(const char* at) {
  if (at >= end_) return nullptr;
  constexpr std::string_view kShort = "btnfr\"\\";
  if (*at == 'u') return unicode_escape(at + 1);
  if (kShort.find(*at) != std::string_view::npos) return at + 1;
  if (*at == '/') {
    find(at - 1, "escape", "'/' needs no escape");
    return at + 1;
  }
  find(at - 1, "escape", "an unknown escape");
  // What stands here is not part of the escape, and may be a control or the start of a sequence.
  return at;
}

const char* RecordCheck::unicode_escape(const char* at) {
  unsigned code = 0;
  bool lower = true;
  for (int i = 0; i < 4; ++i) {
    const int digit = at + i < end_ ? hex_value(at[i]) : -1;
    if (digit < 0) {
      find(at - 2, "escape", "\\u is followed by four hex digits");
      return at;
    }
    code = code << 4U | static_cast<unsigned>(digit);
    lower = lower && is_lower_hex(at[i]);
  }
  constexpr std::string_view kShort = "\b\t\n\f\r";
  if (code >= 0xd800 && code <= 0xdfff) {
    find(at - 2, "escape", "surrogates are not used: write the character itself");
  } else if (code >= 0x20) {
    find(at - 2, "escape", "this character needs no \\u escape");
  } else if (kShort.find(static_cast<char>(code)) != std::string_view::npos) {
    find(at - 2, "escape", "this control has a shorter escape");
  } else if (!lower) {
    find(at - 2, "escape", "hex digits are lower case");
  }
  return at + 4;
}

void RecordCheck::check_text(std::string_view piece) {
  const TextVerdict verdict = inspect_text(piece);
  if (verdict.flaw == TextFlaw::kNone || text_reported_) return;
  text_reported_ = true;
  const char* const at = piece.data() + verdict.offset;
  if (verdict.flaw == TextFlaw::kUtf8) {
    find(at, "utf8", "not UTF-8: such bytes are written {\"hex\":\"…\"}");
  } else {
    find(at, "nfc", "not in NFC: such bytes are written {\"hex\":\"…\"}");
  }
}

void RecordCheck::check_hex(const ObjectState& state) {
  const auto flaw = [&](const char* text) { find(state.hex_at, "hex", text); };
  if (state.members != 1) return flaw("an object with \"hex\" has no other key");
  if (state.hex.kind != Fact::Kind::kString) return flaw("the value of \"hex\" is a string");
  const std::string_view digits = state.hex.string;
  for (const char digit : digits) {
    if (!is_lower_hex(digit)) return flaw("hex is written in the digits 0-9 and a-f");
  }
  if (digits.size() % 2 != 0) return flaw("hex has two digits a byte");
  decoded_.clear();
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    decoded_.push_back(static_cast<char>(hex_value(digits[i]) << 4 | hex_value(digits[i + 1])));
  }
  if (is_nfc_utf8(decoded_)) flaw("these bytes are UTF-8 in NFC: write a plain string");
}

const char* RecordCheck::space(const char* at) {
  const char* const first = at;
  while (at < end_ && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
  if (at > first && !space_reported_) {
    space_reported_ = true;
    find(first, "whitespace", "no white space outside strings");
  }
  return at;
}

void RecordCheck::find(const char* at, const char* id, std::string text) {
  ++findings_;
  report_(static_cast<std::size_t>(at - begin_), id, std::move(text));
}

const char* RecordCheck::broken(const char* at, const char* expected) {
  const char* const what = at < end_ ? "is expected here" : "is missing: the line ends";
  find(at, "syntax", fmt::format("{} {}", expected, what));
  return nullptr;
}

}  // namespace tc::json
