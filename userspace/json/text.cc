#include "json/text.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/result.h"
#include "json/scan.h"

namespace tc::json {
namespace {

constexpr auto kNfc = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

// No code point below this one is a mark or composes with what stands before it.
constexpr char32_t kFirstMark = 0x300;

// A run without such a code point is normalised in pieces of about this many bytes.
constexpr std::ptrdiff_t kPieceBytes = 256;

struct Decoded {
  char32_t code_point = 0;
  std::size_t size = 0;  // 0: not UTF-8
};

constexpr char32_t byte_at(const char* at) { return static_cast<unsigned char>(*at); }

// One sequence of two to four bytes, by table 3-7 of the Unicode standard.
Decoded decode(const char* at, const char* end) {
  const char32_t lead = byte_at(at);
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || static_cast<std::size_t>(end - at) < size) return {};
  char32_t code_point = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const char32_t next = byte_at(at + i);
    if ((next & 0xc0U) != 0x80) return {};
    code_point = code_point << 6U | (next & 0x3fU);
  }
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  const bool overlong = (size == 3 && code_point < 0x800) || (size == 4 && code_point < 0x10000);
  if (surrogate || overlong || code_point > 0x10ffff) return {};
  return {code_point, size};
}

// Whether NFC leaves `piece`, valid UTF-8, as it is.
bool is_composed(const char* begin, const char* end) {
  std::array<utf8proc_int32_t, 1024> few;
  std::vector<utf8proc_int32_t> many;
  const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(begin);
  utf8proc_int32_t* points = few.data();
  utf8proc_ssize_t count = utf8proc_decompose(bytes, end - begin, points, few.size(), kNfc);
  if (count > static_cast<utf8proc_ssize_t>(few.size())) {
    many.resize(static_cast<std::size_t>(count));
    points = many.data();
    count = utf8proc_decompose(bytes, end - begin, points, count, kNfc);
  }
  TC_ASSERT(count >= 0);
  count = utf8proc_normalize_utf32(points, count, kNfc);
  const utf8proc_int32_t* const points_end = points + count;
  for (const char* at = begin; at < end; ++points) {
    const Decoded next = byte_at(at) < 0x80 ? Decoded{byte_at(at), 1} : decode(at, end);
    if (points == points_end || next.code_point != static_cast<char32_t>(*points)) return false;
    at += next.size;
  }
  return points == points_end;
}

// Judges the run of non-ASCII bytes at `at` and moves `at` behind it. The ASCII byte before the
// run, if any, belongs to it: a mark may compose with it.
TextVerdict inspect_run(const char* begin, const char*& at, const char* end) {
  const auto flaw_at = [begin](TextFlaw flaw, const char* where) {
    return TextVerdict{flaw, static_cast<std::size_t>(where - begin)};
  };
  const char* piece = at > begin ? at - 1 : at;
  bool suspicious = false;
  int last_class = 0;
  while (at < end && byte_at(at) >= 0x80) {
    const Decoded next = decode(at, end);
    if (next.size == 0) return flaw_at(TextFlaw::kUtf8, at);
    if (next.code_point < kFirstMark) {
      if (suspicious && !is_composed(piece, at)) return flaw_at(TextFlaw::kNfc, piece);
      piece = at;
      suspicious = false;
      last_class = 0;
    } else {
      const auto point = static_cast<utf8proc_int32_t>(next.code_point);
      const int mark_class = utf8proc_get_property(point)->combining_class;
      // Marks out of order are settled here: the sort in utf8proc is quadratic.
      if (mark_class != 0 && mark_class < last_class) return flaw_at(TextFlaw::kNfc, at);
      if (mark_class == 0 && at - piece >= kPieceBytes) {
        // A starter composes with the starter before it or never, so a cut that leaves it in
        // both pieces loses nothing.
        if (!is_composed(piece, at + next.size)) return flaw_at(TextFlaw::kNfc, piece);
        piece = at;
      }
      suspicious = true;
      last_class = mark_class;
    }
    at += next.size;
  }
  if (suspicious && !is_composed(piece, at)) return flaw_at(TextFlaw::kNfc, piece);
  return {};
}

const char* skip_ascii(const char* at, const char* end) {
  while (end - at >= 16 && _mm_movemask_epi8(load16(at)) == 0) at += 16;
  while (at < end && byte_at(at) < 0x80) ++at;
  return at;
}

// What follows the backslash in the escape of each byte; 0: the byte stands for itself.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (std::size_t control = 0; control < 0x20; ++control) escapes[control] = 'u';
  escapes['\b'] = 'b';
  escapes['\t'] = 't';
  escapes['\n'] = 'n';
  escapes['\f'] = 'f';
  escapes['\r'] = 'r';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

constexpr std::string_view kHexDigits = "0123456789abcdef";

char* copy(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// The two hex digits of one byte.
char* render_digits(char* to, char byte) {
  to[0] = kHexDigits[static_cast<unsigned char>(byte) >> 4U];
  to[1] = kHexDigits[static_cast<unsigned char>(byte) & 15U];
  return to + 2;
}

char* render_hex(char* to, std::string_view bytes) {
  to = copy(to, R"({"hex":")");
  for (const char byte : bytes) to = render_digits(to, byte);
  return copy(to, "\"}");
}

char* render_plain(char* to, std::string_view text) {
  *to = '"';
  to = copy(to + 1, text);
  *to = '"';
  return to + 1;
}

char* render_escaped(char* to, std::string_view utf8) {
  *to++ = '"';
  for (const char byte : utf8) {
    const char escape = kEscapes[static_cast<unsigned char>(byte)];
    if (escape == 0) {
      *to++ = byte;
      continue;
    }
    *to++ = '\\';
    *to++ = escape;
    if (escape == 'u') to = render_digits(copy(to, "00"), byte);
  }
  *to++ = '"';
  return to;
}

// Runs one of the render functions at the end of a string.
void append_with(char* (*render)(char*, std::string_view), std::string& out,
                 std::string_view text) {
  const std::size_t before = out.size();
  out.resize(before + rendered_room(text.size()));
  out.resize(static_cast<std::size_t>(render(out.data() + before, text) - out.data()));
}

}  // namespace

TextVerdict inspect_text(std::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* at = skip_ascii(begin, end);
  while (at < end) {
    const TextVerdict verdict = inspect_run(begin, at, end);
    if (verdict.flaw != TextFlaw::kNone) return verdict;
    at = skip_ascii(at, end);
  }
  return {};
}

char* render_string(char* to, std::string_view utf8) {
  return all_plain(utf8) ? render_plain(to, utf8) : render_escaped(to, utf8);
}

char* render_bytes(char* to, std::string_view bytes) {
  if (all_plain(bytes)) return render_plain(to, bytes);
  return is_nfc_utf8(bytes) ? render_escaped(to, bytes) : render_hex(to, bytes);
}

void append_string(std::string& out, std::string_view utf8) {
  append_with(render_string, out, utf8);
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_with(render_bytes, out, bytes);
}

}  // namespace tc::json
