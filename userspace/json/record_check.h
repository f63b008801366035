// RecordCheck: one line against the rules of a canonical record. Knows nothing of the lines
// around it; the stream's rules are in validator.h, its only user.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tc::json {

// The value of one top-level key, as far as the stream's rules ask for it.
struct Fact {
  enum class Kind { kAbsent, kString, kUnsigned, kOther };
  Kind kind = Kind::kAbsent;
  std::size_t offset = 0;    // of the value in the line
  std::string_view string;   // of a kString: the raw bytes between the quotes, in the line
  std::uint64_t number = 0;  // of a kUnsigned

  bool is(std::string_view text) const { return kind == Kind::kString && string == text; }
  bool is(std::uint64_t value) const { return kind == Kind::kUnsigned && number == value; }
};

struct RecordFacts {
  bool whole = false;  // the syntax holds to the end of the line, whatever else was found
  Fact event;
  Fact schema;
  Fact records;
  Fact lost;
  Fact count;
  Fact sha256;
  Fact time_ns;
};

class RecordCheck {
 public:
  // Is told each finding: the offset in the line, the rule's id, what is wrong.
  using Report = std::function<void(std::size_t offset, const char* id, std::string text)>;

  explicit RecordCheck(Report report) : report_(std::move(report)) {}

  // Checks [begin, end). A byte below 0x20 must stand at `end`, as a line feed does, and bytes up
  // to `readable` are looked at, though not judged. What breaks the syntax ends the check of the
  // line; any other finding does not. The facts live until the next call.
  const RecordFacts& check(const char* begin, const char* end, const char* readable);

 private:
  struct ObjectState;

  // These take the first byte of what they check; those below, up to unicode_escape(), the byte
  // behind the one that opens it. All return the position behind its last byte, or nullptr when
  // the syntax is broken, which is then reported.
  const char* record(const char* at);
  const char* value(const char* at, unsigned depth);
  const char* literal(const char* at);
  const char* number(const char* at);
  const char* digits(const char* at, bool negative);
  const char* member(const char* at, unsigned depth, ObjectState& state);

  const char* object(const char* at, unsigned depth);
  const char* array(const char* at, unsigned depth);
  const char* key(const char* at, ObjectState& state);
  const char* string(const char* at);
  const char* hard_string(const char* at, const char* special);
  const char* escape(const char* at);
  const char* unicode_escape(const char* at);

  const char* known_key(const char* at, ObjectState& state);
  void learn_key(const char* at, const char* behind, ObjectState& state, bool is_clean);
  void check_text(std::string_view piece);
  void check_order(const ObjectState& state, std::string_view name, std::uint64_t order);
  void check_hex(const ObjectState& state);
  void note(std::uint64_t key_order);
  // White space is skipped where it may stand in JSON, and reported.
  const char* skip_space(const char* at);
  const char* space(const char* at);
  void find(const char* at, const char* id, std::string text);
  const char* broken(const char* at, const char* expected);

  // A top-level key of the line before, with its quotes and colon, that was without finding.
  struct KnownKey {
    std::array<char, 32> text;
    std::uint64_t order;
    unsigned mask;  // of the bytes of `text` that count, of the first sixteen
    std::uint8_t size;
  };

  Report report_;
  // Lines of one event have the same keys in the same order. A key that stands where the line
  // before had it needs no second judgement: one comparison settles name, order and colon.
  std::array<KnownKey, 32> shape_;
  std::size_t shape_size_ = 0;
  std::uint64_t findings_ = 0;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  const char* readable_ = nullptr;
  bool space_reported_ = false;
  bool text_reported_ = false;  // of the string being checked
  Fact last_;                   // the value checked last, if it was a scalar
  RecordFacts facts_;
  std::string decoded_;  // of the hex object being checked
};

}  // namespace tc::json
