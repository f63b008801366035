// Names of numbers: errno, signals, flags and enumerations.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/result.h"
#include "sys/constants.h"
#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

constexpr std::uint32_t kErrnoMax = 4095;

// "E1" … "E4095", for numbers without a name.
struct ErrnoText {
  char text[6];
  std::uint8_t length;
};
constexpr std::array<ErrnoText, kErrnoMax + 1> errno_texts() {
  std::array<ErrnoText, kErrnoMax + 1> texts{};
  for (std::uint32_t code = 0; code <= kErrnoMax; ++code) {
    ErrnoText& to = texts[code];
    to.text[to.length++] = 'E';
    for (std::uint32_t unit = 1000; unit != 0; unit /= 10)
      if (code >= unit || unit == 1)
        to.text[to.length++] = static_cast<char>('0' + code / unit % 10);
  }
  return texts;
}
constexpr std::array<ErrnoText, kErrnoMax + 1> kErrnoTexts = errno_texts();

constexpr std::uint32_t kErrnoNamed = 600;
constexpr std::array<std::string_view, kErrnoNamed> errno_names() {
  std::array<std::string_view, kErrnoNamed> names{};
  for (const NamedNumber& row : errno_codes::kValues)
    if (names[row.value].empty()) names[row.value] = row.name;
  return names;
}
constexpr std::array<std::string_view, kErrnoNamed> kErrnoNames = errno_names();

constexpr std::uint32_t kSignals = 65;
constexpr char kRealtimeTexts[] =
    "SIGRT_0 SIGRT_1 SIGRT_2 SIGRT_3 SIGRT_4 SIGRT_5 SIGRT_6 SIGRT_7 SIGRT_8 SIGRT_9 SIGRT_10"
    " SIGRT_11 SIGRT_12 SIGRT_13 SIGRT_14 SIGRT_15 SIGRT_16 SIGRT_17 SIGRT_18 SIGRT_19 SIGRT_20"
    " SIGRT_21 SIGRT_22 SIGRT_23 SIGRT_24 SIGRT_25 SIGRT_26 SIGRT_27 SIGRT_28 SIGRT_29 SIGRT_30"
    " SIGRT_31 SIGRT_32 ";
constexpr std::uint32_t kRealtimeFirst = 32;
constexpr std::array<std::string_view, kSignals> signal_names() {
  std::array<std::string_view, kSignals> names{};
  std::string_view texts = kRealtimeTexts;
  for (std::uint32_t number = kRealtimeFirst; number < kSignals; ++number) {
    const std::size_t end = texts.find(' ');
    names[number] = texts.substr(0, end);
    texts.remove_prefix(end + 1);
  }
  for (const NamedNumber& row : signal_numbers::kValues)
    if (row.value < kSignals && (row.value >= kRealtimeFirst || names[row.value].empty()))
      names[row.value] = row.name;
  return names;
}
constexpr std::array<std::string_view, kSignals> kSignalNames = signal_names();

std::uint64_t width_mask(unsigned size) {
  return size >= 8 ? UINT64_MAX : (std::uint64_t{1} << (size * 8)) - 1;
}

// Hands over the parts of a flags text. `number` is where the hexadecimal rest is written.
struct HexText {
  std::array<char, 18> bytes{'0', 'x'};
  std::string_view write(std::uint64_t number) {
    const auto end = std::to_chars(bytes.data() + 2, bytes.data() + bytes.size(), number, 16);
    return {bytes.data(), static_cast<std::size_t>(end.ptr - bytes.data())};
  }
};

template <class Take>
void each_flag(const Names& names, std::uint64_t value, HexText& rest, Take&& take) {
  const std::uint64_t base = value & names.base_mask;
  std::uint64_t left = value & ~names.base_mask;
  bool any = false;
  bool base_known = false;
  for (const NamedNumber& row : names.values) {
    const bool of_base = names.base_mask != 0 && (row.value & ~names.base_mask) == 0;
    if (of_base) {
      if (base_known || row.value != base) continue;
      base_known = true;
    } else {
      if (row.value == 0 || (left & row.value) != row.value) continue;
      left &= ~row.value;
    }
    take(row.name);
    any = true;
  }
  if (!base_known) left |= base;
  if (left != 0) return take(rest.write(left));
  if (any) return;
  for (const NamedNumber& row : names.values)
    if (row.value == 0) return take(row.name);
  take("0");
}

std::string_view one_name(const Names& names, std::uint64_t value, unsigned size) {
  for (const NamedNumber& row : names.values)
    if (((row.value ^ value) & width_mask(size)) == 0) return row.name;
  return {};
}

// Numbers that look like commands are easier to find in a header as hexadecimal ones.
bool reads_as_decimal(std::int64_t number) { return number > -4096 && number < 4096; }

}  // namespace

std::string_view Arena::text(std::string_view text) {
  const std::span<char> to = array<char>(text.size());
  std::ranges::copy(text, to.begin());
  return {to.data(), to.size()};
}

std::string_view Arena::decimal(std::int64_t number) {
  char buffer[20];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number);
  return text({buffer, static_cast<std::size_t>(end.ptr - buffer)});
}

std::string_view Arena::hexadecimal(std::uint64_t number) { return text(HexText().write(number)); }

std::string_view errno_name(std::uint32_t code) {
  TC_ASSERT(code <= kErrnoMax);
  if (code < kErrnoNamed && !kErrnoNames[code].empty()) return kErrnoNames[code];
  return {kErrnoTexts[code].text, kErrnoTexts[code].length};
}

std::string_view signal_name(std::uint64_t number) {
  return number < kSignals ? kSignalNames[number] : std::string_view();
}

std::string flags_text(const Names& names, std::uint64_t value) {
  std::pmr::monotonic_buffer_resource memory;
  Arena arena(memory);
  return std::string(names_text(names, value, 8, arena));
}

std::string_view names_text(const Names& names, std::uint64_t value, unsigned size, Arena& arena) {
  if (!names.flags) {
    const std::string_view name = one_name(names, value, size);
    if (!name.empty()) return name;
    const auto number = static_cast<std::int64_t>(value);
    return reads_as_decimal(number) ? arena.decimal(number)
                                    : arena.hexadecimal(value & width_mask(size));
  }
  value &= width_mask(size);
  HexText rest;
  std::string_view only;
  std::size_t count = 0;
  std::size_t length = 0;
  each_flag(names, value, rest, [&](std::string_view part) {
    only = part;
    length += part.size() + 1;
    ++count;
  });
  // The hexadecimal rest lies on the stack; names live for ever.
  if (count == 1) return only.data() == rest.bytes.data() ? arena.text(only) : only;
  const std::span<char> to = arena.array<char>(length);
  std::size_t at = 0;
  each_flag(names, value, rest, [&](std::string_view part) {
    at += part.copy(&to[at], part.size());
    to[at++] = '|';
  });
  return {to.data(), length - 1};
}

std::string_view signal_text(std::uint64_t number, Arena& arena) {
  const std::string_view name = signal_name(number);
  return name.empty() ? arena.decimal(static_cast<std::int64_t>(number)) : name;
}

std::string_view signal_set_text(std::uint64_t set, Arena& arena) {
  const bool inverted = std::popcount(set) > 32;
  if (inverted) set = ~set;
  std::size_t length = inverted ? 3 : 2;
  for (unsigned bit = 0; bit < 64; ++bit)
    if ((set >> bit & 1U) != 0) length += kSignalNames[bit + 1].size() + 1;
  const std::span<char> to = arena.array<char>(length);
  std::size_t at = 0;
  if (inverted) to[at++] = '~';
  to[at++] = '[';
  const std::size_t first = at;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((set >> bit & 1U) == 0) continue;
    if (at != first) to[at++] = ' ';
    at += kSignalNames[bit + 1].copy(&to[at], kSignalNames[bit + 1].size());
  }
  to[at++] = ']';
  return {to.data(), at};
}

}  // namespace tc::sys
