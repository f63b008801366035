// Byte strings as JSON: which may be plain strings, and how they are spelled. Bytes are never
// normalised or replaced: what is not UTF-8 in NFC is written in hex instead.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tc::json {

enum class TextFlaw { kNone, kUtf8, kNfc };

struct TextVerdict {
  TextFlaw flaw = TextFlaw::kNone;
  std::size_t offset = 0;  // of the bytes to blame
};

// The first thing that keeps `bytes` from being strict UTF-8 (no surrogates, no overlong forms,
// nothing above U+10FFFF) in NFC. Linear in time, whatever the bytes.
TextVerdict inspect_text(std::string_view bytes);

// Whether `bytes` may be written as a plain string.
inline bool is_nfc_utf8(std::string_view bytes) {
  return inspect_text(bytes).flaw == TextFlaw::kNone;
}

// Appends `utf8` in quotes with the escapes of RFC 8785: \b \t \n \f \r \" \\, \u00xx for the
// other controls, nothing else. The caller answers for the UTF-8.
void append_string(std::string& out, std::string_view utf8);

// Appends any bytes: as a plain string exactly when they are UTF-8 in NFC, else {"hex":"c3a9…"}.
void append_bytes(std::string& out, std::string_view bytes);

// The two for a caller with a buffer of its own, as ObjectWriter: they write at `to`, which has
// room for rendered_room(size) bytes, and return the end of what they wrote.
char* render_string(char* to, std::string_view utf8);
char* render_bytes(char* to, std::string_view bytes);
constexpr std::size_t rendered_room(std::size_t size) { return 6 * size + 16; }

}  // namespace tc::json
