#include "output/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "output/byte_list.h"
#include "output/call_text.h"
#include "output/colour.h"
#include "output/printable.h"

namespace tc::output {
namespace {

// The keys that stand bare and in this order at the start of an event's line; `ret` is written
// "= ret" after them. What is in no list follows as key=value.
struct Layout {
  std::string_view event;
  std::array<std::string_view, 6> leading;
};
constexpr std::array kLayouts = {
    Layout{"file_access", {"op", "path", "flags", "mode"}},
    Layout{"process_exec", {"path", "argv"}},
    Layout{"process_fork", {"child_pid"}},
    Layout{
        "tcp_state",
        {"old_state", "new_state", "local_address", "local_port", "remote_address", "remote_port"}},
    Layout{"network_op", {"op", "path", "remote_address", "remote_port"}},
    Layout{"ssl_op", {"function", "bytes"}},
    Layout{"symbol_call", {"symbol", "module"}},
    Layout{"lost", {"count", "lost_event", "reason"}},
};
constexpr std::array<std::string_view, 4> kPrefixKeys = {"time_ns", "comm", "pid", "ret"};
// The same on every line of a process: worth a column in JSON, noise to a reader.
constexpr std::array<std::string_view, 8> kQuietKeys = {"tid",  "ppid",   "uid",    "exe",
                                                        "unit", "net_ns", "cgroup", "pod_uid"};

void append_frame(std::string& out, const event::Frame& frame) {
  if (!frame.symbol.empty()) {
    append_printable(out, frame.symbol);
    out += '@';
  }
  if (frame.in_module) {
    append_printable(out, frame.module.substr(frame.module.rfind('/') + 1));
    if (frame.symbol.empty()) out += fmt::format("+0x{:x}", frame.offset);
  } else {
    out += fmt::format("0x{:x}", frame.address);
  }
}

struct ValueText {
  std::string& out;

  void operator()(std::uint64_t value) const { out += fmt::format("{}", value); }
  void operator()(std::int64_t value) const { out += fmt::format("{}", value); }
  void operator()(event::Word value) const { out += fmt::format("0x{:x}", value.value); }
  void operator()(std::string_view value) const { append_printable(out, value); }
  void operator()(event::Bytes value) const { append_printable(out, value.value); }
  void operator()(event::ByteList value) const {
    out += '[';
    bool first = true;
    for (const std::string_view element : split_byte_list(value)) {
      if (!first) out += ' ';
      first = false;
      append_printable(out, element);
    }
    out += ']';
  }
  void operator()(const event::Frame& value) const { append_frame(out, value); }
  void operator()(std::span<const event::Frame> value) const {
    for (const event::Frame& frame : value) {
      out += &frame == value.data() ? "" : " < ";
      append_frame(out, frame);
    }
  }
  void operator()(event::Object value) const {
    out += '{';
    for (std::size_t i = 0; i < value.count; ++i) {
      out.append(i == 0 ? "" : " ").append(value.fields[i].key).append("=");
      std::visit(*this, value.fields[i].value);
    }
    out += '}';
  }
  void operator()(event::List value) const {
    out += '[';
    for (std::size_t i = 0; i < value.count; ++i) {
      if (i > 0) out += ' ';
      std::visit(*this, value.items[i].value);
    }
    out += ']';
  }
};

// Are both byte strings, and the same?
bool same_bytes(const event::Value* left, const event::Value* right) {
  const auto* a = left == nullptr ? nullptr : std::get_if<event::Bytes>(left);
  const auto* b = right == nullptr ? nullptr : std::get_if<event::Bytes>(right);
  return a != nullptr && b != nullptr && a->value == b->value;
}

class Text final : public Format {
 public:
  explicit Text(bool colour) : colour_(colour) {}

  void append(const event::Record& record, std::string& out) override {
    if (append_call_text(record, colour_, out)) {
      out += '\n';
      return;
    }
    append_prefix(record, out);
    const Layout* layout = std::find_if(kLayouts.begin(), kLayouts.end(), [&](const Layout& row) {
      return row.event == record.event();
    });
    static constexpr Layout kNoLayout = {};
    if (layout == kLayouts.end()) layout = &kNoLayout;
    for (const std::string_view key : layout->leading) {
      const event::Value* value = key.empty() ? nullptr : record.find(key);
      if (value == nullptr) continue;
      out += ' ';
      std::visit(ValueText{out}, *value);
    }
    if (const event::Value* ret = record.find("ret")) append_result(*ret, out);
    append_rest(record, *layout, out);
    out += '\n';
  }
  bool has_frame() const override { return false; }

 private:
  void paint(std::string_view colour, std::string& out) const {
    if (colour_) out += colour;
  }

  void append_prefix(const event::Record& record, std::string& out) const {
    if (const auto* time = find_unsigned(record, "time_ns")) {
      constexpr std::uint64_t kSecond = 1'000'000'000;
      paint(kDim, out);
      out += fmt::format("{}.{:06} ", *time / kSecond, *time % kSecond / 1000);
      paint(kPlain, out);
    }
    if (const auto* pid = find_unsigned(record, "pid")) {
      paint(kCyan, out);
      if (const event::Value* comm = record.find("comm")) std::visit(ValueText{out}, *comm);
      out += fmt::format("[{}] ", *pid);
      paint(kPlain, out);
    }
    paint(record.event() == "lost" ? kRed : kBold, out);
    out += record.event();
    paint(kPlain, out);
  }

  void append_result(const event::Value& ret, std::string& out) const {
    const auto* number = std::get_if<std::int64_t>(&ret);
    const bool failed = number != nullptr && *number < 0;
    if (failed) paint(kRed, out);
    out += " = ";
    std::visit(ValueText{out}, ret);
    if (failed) paint(kPlain, out);
  }

  void append_rest(const event::Record& record, const Layout& layout, std::string& out) const {
    paint(kDim, out);
    for (const event::Field& field : record.fields()) {
      const auto listed = [&](const auto& keys) {
        return std::find(keys.begin(), keys.end(), field.key) != keys.end();
      };
      if (listed(layout.leading) || listed(kPrefixKeys) || listed(kQuietKeys)) continue;
      if (field.key == "resolved" && same_bytes(&field.value, record.find("path"))) continue;
      out.append(" ").append(field.key).append("=");
      std::visit(ValueText{out}, field.value);
    }
    paint(kPlain, out);
  }

  static const std::uint64_t* find_unsigned(const event::Record& record, std::string_view key) {
    const event::Value* value = record.find(key);
    return value == nullptr ? nullptr : std::get_if<std::uint64_t>(value);
  }

  bool colour_;
};

}  // namespace

std::unique_ptr<Format> make_text(const FormatOptions& options) {
  return std::make_unique<Text>(options.colour);
}

}  // namespace tc::output
