// Looking at bytes sixteen at a time: where a JSON string stops being plain, where a key ends.
// SSE2 only, which every x86-64 has. The inner loops of writer and validator; not an interface
// for other modules.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tc::json {

// A plain byte stands for itself in a JSON string: ASCII, no control, neither '"' nor '\\'.
constexpr bool is_plain(char byte) {
  return static_cast<signed char>(byte) >= 0x20 && byte != '"' && byte != '\\';
}

// Bit N is set when byte N is not plain.
inline unsigned special_mask(__m128i bytes) {
  // The signed comparison takes controls and everything from 0x80 up in one step.
  const __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(
      _mm_movemask_epi8(_mm_or_si128(outside, _mm_or_si128(quote, backslash))));
}

// Bit N is set when byte N cannot stand in a key: not in [a-z0-9_].
inline unsigned not_name_mask(__m128i bytes) {
  const __m128i letter = _mm_sub_epi8(bytes, _mm_set1_epi8('a'));
  const __m128i digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
  const __m128i is_line = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_'));
  const __m128i name = _mm_or_si128(is_line, _mm_or_si128(is_letter, is_digit));
  return 0xffffU & ~static_cast<unsigned>(_mm_movemask_epi8(name));
}

inline __m128i load16(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// The first byte from `at` on that is not plain. One must exist before `readable`, the end of
// what may be read.
inline const char* find_special(const char* at, const char* readable) {
  while (readable - at >= 16) {
    if (const unsigned mask = special_mask(load16(at))) return at + std::countr_zero(mask);
    at += 16;
  }
  while (is_plain(*at)) ++at;
  return at;
}

// Whether every byte is plain.
inline bool all_plain(std::string_view text) {
  const char* const data = text.data();
  const std::size_t size = text.size();
  if (size >= 16) {
    unsigned mask = special_mask(load16(data + size - 16));
    for (std::size_t i = 0; i + 16 <= size; i += 16) mask |= special_mask(load16(data + i));
    return mask == 0;
  }
  if (size >= 8) {
    // Two loads that overlap cover 8 to 15 bytes without a loop.
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::memcpy(&first, data, 8);
    std::memcpy(&last, data + size - 8, 8);
    return special_mask(_mm_set_epi64x(last, first)) == 0;
  }
  bool plain = true;
  for (const char byte : text) plain &= is_plain(byte);
  return plain;
}

// The first eight bytes as a number that orders as the bytes do; shorter names end in zeros.
constexpr std::uint64_t name_order(std::string_view name) {
  std::uint64_t order = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    order = order << 8U | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  }
  return order;
}

// The same, for a name of at least one byte with eight bytes readable from its start.
inline std::uint64_t name_order_by_load(std::string_view name) {
  std::uint64_t order = 0;
  std::memcpy(&order, name.data(), 8);
  order = __builtin_bswap64(order);
  const std::size_t missing = name.size() < 8 ? 8 * (8 - name.size()) : 0;
  return order >> missing << missing;
}

// Whether `name` may be a key: [a-z][a-z0-9_]*.
constexpr bool is_key_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  for (const char byte : name) {
    if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_')) {
      return false;
    }
  }
  return true;
}

}  // namespace tc::json
