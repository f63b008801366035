#include "output/printable.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

#include "json/text.h"

namespace tc::output {
namespace {

bool is_bare(char byte) { return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\'; }

bool is_visible(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:  // controls
    case UTF8PROC_CATEGORY_CF:  // formats: direction marks, joiners
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
      return false;
    default:
      return true;
  }
}

// The characters of `bytes`, the invisible ones escaped, and those of `special` behind a backslash.
void append_characters(std::string& out, std::string_view bytes, std::string_view special) {
  while (!bytes.empty()) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t used =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                         static_cast<utf8proc_ssize_t>(bytes.size()), &code_point);
    const std::size_t size = used > 0 ? static_cast<std::size_t>(used) : 1;
    const std::string_view character = bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (used <= 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(character.front()));
    else if (size == 1 && special.find(character.front()) != std::string_view::npos)
      out.append("\\").append(character);
    else if (character == "\n")
      out += "\\n";
    else if (character == "\t")
      out += "\\t";
    else if (code_point == 0)
      out += "\\0";
    else if (is_visible(code_point))
      out += character;
    else
      out += fmt::format("\\u{{{:x}}}", code_point);
  }
}

}  // namespace

void append_quoted(std::string& out, std::string_view bytes) {
  out += '"';
  append_characters(out, bytes, "\"\\");
  out += '"';
}

void append_bare(std::string& out, std::string_view bytes) { append_characters(out, bytes, ""); }

void append_printable(std::string& out, std::string_view bytes) {
  if (!bytes.empty() && std::all_of(bytes.begin(), bytes.end(), is_bare)) {
    out += bytes;
    return;
  }
  if (!json::is_nfc_utf8(bytes)) {
    json::append_bytes(out, bytes);
    return;
  }
  append_quoted(out, bytes);
}

}  // namespace tc::output
