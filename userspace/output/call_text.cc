#include "output/call_text.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "output/byte_list.h"
#include "output/colour.h"
#include "output/printable.h"

namespace tc::output {
namespace {

// Of thread names, so that the eye can follow one.
constexpr std::array<std::string_view, 6> kThreadColours = {"\x1b[36m", "\x1b[35m", "\x1b[34m",
                                                            "\x1b[33m", "\x1b[32m", "\x1b[96m"};
constexpr std::size_t kThreadColumn = 6;

std::string_view text_of(const event::Record& record, std::string_view key) {
  const event::Value* value = record.find(key);
  if (value == nullptr) return {};
  if (const auto* text = std::get_if<std::string_view>(value)) return *text;
  if (const auto* bytes = std::get_if<event::Bytes>(value)) return bytes->value;
  return {};
}

class CallText {
 public:
  CallText(std::string& out, bool colour) : out_(out), colour_(colour) {}

  void operator()(std::uint64_t value) { out_ += fmt::format("{}", value); }
  void operator()(std::int64_t value) { out_ += fmt::format("{}", value); }
  void operator()(event::Word value) { out_ += fmt::format("0x{:x}", value.value); }
  void operator()(std::string_view value) { append_bare(out_, value); }
  void operator()(event::Bytes value) {
    paint(kGreen);
    append_quoted(out_, value.value);
    paint(kPlain);
  }
  void operator()(event::ByteList value) {
    out_ += '[';
    bool first = true;
    for (const std::string_view element : split_byte_list(value)) {
      if (!std::exchange(first, false)) out_ += ", ";
      (*this)(event::Bytes{element});
    }
    out_ += ']';
  }
  void operator()(const event::Frame& value) { append_bare(out_, value.symbol); }
  void operator()(std::span<const event::Frame> value) {
    for (const event::Frame& frame : value) (*this)(frame);
  }
  void operator()(event::Object value) {
    const std::span<const event::Field> fields(value.fields, value.count);
    // A string or buffer of which not all is told.
    if (fields.size() == 2 && fields[0].key == "head") {
      std::visit(*this, fields[0].value);
      out_ += "…";
      return;
    }
    if (fields.size() == 1 && fields[0].key == "length") {
      out_ += '<';
      std::visit(*this, fields[0].value);
      out_ += " bytes>";
      return;
    }
    if (fields.size() == 1 && fields[0].key == "unreadable") {
      std::visit(*this, fields[0].value);
      out_ += " (unreadable)";
      return;
    }
    out_ += '{';
    arguments(value, true);
    out_ += '}';
  }
  void operator()(event::List value) {
    out_ += '[';
    for (std::size_t i = 0; i < value.count; ++i) {
      if (i > 0) out_ += ", ";
      std::visit(*this, value.items[i].value);
    }
    out_ += ']';
  }

  void arguments(event::Object value, bool named) {
    for (std::size_t i = 0; i < value.count; ++i) {
      if (i > 0) out_ += ", ";
      if (named) out_.append(value.fields[i].key).append("=");
      std::visit(*this, value.fields[i].value);
    }
  }
  void paint(std::string_view colour) {
    if (colour_) out_ += colour;
  }

 private:
  std::string& out_;
  bool colour_;
};

void append_thread(const event::Record& record, CallText& text, std::string& out) {
  const std::string_view thread = text_of(record, "thread");
  std::size_t hash = 0;
  for (const char c : thread) hash = hash * 31 + static_cast<unsigned char>(c);
  text.paint(kThreadColours[hash % kThreadColours.size()]);
  out += thread;
  if (const event::Value* tid = record.find("tid")) {
    out += '[';
    std::visit(text, *tid);
    out += ']';
  }
  text.paint(kPlain);
  out.append(thread.size() < kThreadColumn ? kThreadColumn - thread.size() : 0, ' ');
  out += ' ';
  const event::Value* time = record.find("time_ns");
  const auto* ns = time == nullptr ? nullptr : std::get_if<std::uint64_t>(time);
  if (ns == nullptr) return;
  text.paint(kDim);
  out += fmt::format("{}.{:06} ", *ns / 1'000'000'000, *ns % 1'000'000'000 / 1000);
  text.paint(kPlain);
}

void append_end(const event::Record& record, CallText& text, std::string& out) {
  if (const std::string_view failure = text_of(record, "error"); !failure.empty()) {
    text.paint(kRed);
    out.append(" = -1 ").append(failure);
    text.paint(kPlain);
  } else if (const event::Value* ret = record.find("ret")) {
    out += " = ";
    std::visit(text, *ret);
  } else {
    out += " = ?";
  }
  if (const std::string_view state = text_of(record, "state"); !state.empty()) {
    text.paint(kRed);
    out.append(" <").append(state).append(">");
    text.paint(kPlain);
  }
}

void append_syscall(const event::Record& record, CallText& text, std::string& out) {
  if (const std::string_view abi = text_of(record, "abi"); !abi.empty())
    out.append(abi).append(":");
  text.paint(kBold);
  out += text_of(record, "call");
  text.paint(kPlain);
  out += '(';
  const event::Value* args = record.find("args");
  if (const auto* object = args == nullptr ? nullptr : std::get_if<event::Object>(args))
    text.arguments(*object, false);
  out += ')';
  append_end(record, text, out);
}

void append_exec(const event::Record& record, CallText& text, std::string& out) {
  text.paint(kBold);
  out += text_of(record, "call");
  text.paint(kPlain);
  out += '(';
  text(event::Bytes{text_of(record, "path")});
  out += ", ";
  if (const event::Value* argv = record.find("argv")) std::visit(text, *argv);
  if (const event::Value* environment = record.find("environment")) {
    out += ", ";
    std::visit(text, *environment);
  }
  out += ") = 0";
}

// --- SIGCHLD {code=CLD_EXITED, sender=p1.1} ---
void append_signal(const event::Record& record, CallText& text, std::string& out) {
  text.paint(kYellow);
  out.append("--- ").append(text_of(record, "signal")).append(" {");
  bool first = true;
  for (const std::string_view key : {"code", "sender", "fault"}) {
    const event::Value* value = record.find(key);
    if (value == nullptr) continue;
    if (!std::exchange(first, false)) out += ", ";
    out.append(key).append("=");
    std::visit(text, *value);
  }
  out += "} ---";
  text.paint(kPlain);
}

void append_exit(const event::Record& record, CallText& text, std::string& out) {
  const std::string_view signal = text_of(record, "signal");
  text.paint(signal.empty() ? kDim : kRed);
  out += signal.empty() ? "+++ exited with " : "+++ killed by ";
  out += signal;
  if (const event::Value* code = record.find("exit_code")) std::visit(text, *code);
  out += " +++";
  text.paint(kPlain);
}

void append_fork(const event::Record& record, CallText& text, std::string& out) {
  text.paint(kDim);
  out.append("+++ made ").append(text_of(record, "child")).append(" +++");
  text.paint(kPlain);
}

void append_repeat(const event::Record& record, CallText& text, std::string& out) {
  text.paint(kDim);
  out += "... the last ";
  if (const event::Value* lines = record.find("records")) std::visit(text, *lines);
  out += " repeat";
  text.paint(kPlain);
}

void append_idle(const event::Record& record, CallText& text, std::string& out) {
  text.paint(kDim);
  out += "... when idle, the next ";
  if (const event::Value* lines = record.find("records")) std::visit(text, *lines);
  text.paint(kPlain);
}

struct Row {
  std::string_view event;
  void (*append)(const event::Record&, CallText&, std::string&);
};
constexpr std::array kRows = {
    Row{"syscall", append_syscall},   Row{"signal", append_signal},
    Row{"process_exec", append_exec}, Row{"process_exit", append_exit},
    Row{"process_fork", append_fork}, Row{"idle", append_idle},
    Row{"repeat", append_repeat},
};

}  // namespace

bool append_call_text(const event::Record& record, bool colour, std::string& out) {
  if (record.find("thread") == nullptr) return false;
  for (const Row& row : kRows) {
    if (row.event != record.event()) continue;
    CallText text(out, colour);
    append_thread(record, text, out);
    row.append(record, text, out);
    return true;
  }
  return false;
}

}  // namespace tc::output
