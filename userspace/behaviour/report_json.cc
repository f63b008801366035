// A report as canonical JSON: a stream with a change a line, or one object.
#include <fmt/format.h>

#include "behaviour/report_formats.h"
#include "json/digest.h"
#include "json/writer.h"

namespace tc::behaviour {
namespace {

constexpr std::uint64_t kSchema = 1;

void add_fact(json::ObjectWriter& object, const Fact& fact) {
  object.text("id", fact_id(fact));
  object.text("kind", row_of(fact.kind).name);
  object.bytes("object", fact.object);
  object.bytes("program", fact.subject);
  object.text("risk", risk_name(fact.risk));
}

void add_change(json::ObjectWriter& object, const Change& change, bool counts) {
  add_fact(object, change.fact);
  object.text("change", change.added ? "new" : "gone");
  object.boolean("counts", counts);
  if (change.fact.line != 0) {
    if (!change.file.empty()) object.bytes("file", change.file);
    object.unsigned_integer("line", change.fact.line);
    object.bytes("record", change.fact.record);
  }
  if (!change.runs.empty()) object.text("runs", change.runs);
  if (!change.folded.empty()) object.objects("with", change.folded, add_fact);
}

void add_verdict(json::ObjectWriter& object, const Report& report) {
  object.boolean("same", report.same);
  object.unsigned_integer("changes", report.changes.size());
  if (!report.notes.empty()) object.byte_strings("notes", report.notes);
  if (!report.comparison) return;
  const Comparison& comparison = *report.comparison;
  const std::optional<Level> strongest = comparison.strongest();
  object.text("required", level_name(report.required));
  object.text("strongest", strongest ? level_name(*strongest) : "none");
  object.unsigned_integer("lines", comparison.lines);
  object.unsigned_integer("lines_differ", comparison.difference.lines);
  object.boolean("lines_exact", comparison.difference.exact);
  object.text("status_before", report.before_status);
  object.text("status_after", report.after_status);
  object.objects("threads", comparison.threads,
                 [](json::ObjectWriter& inner, const ThreadDifference& thread) {
                   inner.text("thread", thread.thread);
                   inner.unsigned_integer("lines_before", thread.before_lines);
                   inner.unsigned_integer("lines_after", thread.after_lines);
                   inner.unsigned_integer("lines_differ", thread.difference.lines);
                   if (thread.before_first != 0)
                     inner.unsigned_integer("first_before", thread.before_first);
                   if (thread.after_first != 0)
                     inner.unsigned_integer("first_after", thread.after_first);
                 });
  object.objects("calls", comparison.calls,
                 [](json::ObjectWriter& inner, const CallDifference& difference) {
                   inner.bytes("program", difference.program);
                   inner.byte_strings("new", difference.added);
                   inner.byte_strings("gone", difference.gone);
                 });
}

}  // namespace

void append_report_ndjson(const Report& report, const ReportOptions&, std::string& out) {
  json::ObjectWriter writer;
  std::string stream;
  std::uint64_t records = 0;
  const auto end_record = [&] {
    writer.finish(stream);
    stream += '\n';
    ++records;
  };
  writer.text("event", "stream_start");
  writer.unsigned_integer("schema", kSchema);
  writer.text("source", report.comparison ? "diff" : "baseline");
  writer.bytes("before", report.before);
  writer.bytes("after", report.after);
  end_record();
  records = 0;
  for (const Change& change : report.changes) {
    writer.text("event", "change");
    add_change(writer, change, true);
    end_record();
  }
  for (const Change& change : report.background) {
    writer.text("event", "change");
    add_change(writer, change, false);
    end_record();
  }
  writer.text("event", "verdict");
  add_verdict(writer, report);
  end_record();
  json::Sha256 digest;
  digest.update(stream);
  writer.text("event", "stream_end");
  writer.unsigned_integer("lost", 0);
  writer.unsigned_integer("records", records);
  writer.text("sha256", digest.hex());
  end_record();
  out += stream;
}

void append_report_json(const Report& report, const ReportOptions&, std::string& out) {
  json::ObjectWriter writer;
  writer.bytes("before", report.before);
  writer.bytes("after", report.after);
  writer.unsigned_integer("schema", kSchema);
  writer.objects("new_and_gone", report.changes, [](json::ObjectWriter& object, const Change& it) {
    add_change(object, it, true);
  });
  writer.objects("background", report.background, [](json::ObjectWriter& object, const Change& it) {
    add_change(object, it, false);
  });
  writer.object("verdict", [&](json::ObjectWriter& object) { add_verdict(object, report); });
  writer.finish(out);
  out += '\n';
}

}  // namespace tc::behaviour
