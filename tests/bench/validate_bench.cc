// How fast canonical NDJSON is written and judged. Figures for a person to read, never a test.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>

#include "json/digest.h"
#include "json/validator.h"
#include "json/writer.h"

namespace {

using tc::json::ObjectWriter;
using tc::json::Sha256;
using tc::json::StreamValidator;
using tc::json::Summary;

// A file_access record as the observer writes it, about 250 bytes. The common keys come first,
// then those of the event, as they do in event/.
void write_record(ObjectWriter& writer, std::uint64_t number) {
  writer.bytes("comm", "postgres");
  writer.text("event", "file_access");
  writer.unsigned_integer("pid", 41'300 + number % 90);
  writer.unsigned_integer("ppid", 41'000);
  writer.unsigned_integer("tid", 41'300 + number % 90);
  writer.unsigned_integer("time_ns", 8'127'612'345'678 + 1'311 * number);
  writer.unsigned_integer("uid", 999);
  writer.text("cgroup", "/system.slice/docker-4c1f.scope");
  writer.text("container_id", "4c1f0a8be21d");
  writer.text("exe", "/usr/lib/postgresql/15/bin/postgres");
  writer.word("flags", 0x80042);
  writer.text("op", "open");
  writer.bytes("path", "/var/lib/postgresql/15/main/base/16384/2619");
  writer.signed_integer("ret", 17);
}

// The same with the keys already in order, as a caller may arrange it.
void write_sorted_record(ObjectWriter& writer, std::uint64_t number) {
  writer.text("cgroup", "/system.slice/docker-4c1f.scope");
  writer.bytes("comm", "postgres");
  writer.text("container_id", "4c1f0a8be21d");
  writer.text("event", "file_access");
  writer.text("exe", "/usr/lib/postgresql/15/bin/postgres");
  writer.word("flags", 0x80042);
  writer.text("op", "open");
  writer.bytes("path", "/var/lib/postgresql/15/main/base/16384/2619");
  writer.unsigned_integer("pid", 41'300 + number % 90);
  writer.unsigned_integer("ppid", 41'000);
  writer.signed_integer("ret", 17);
  writer.unsigned_integer("tid", 41'300 + number % 90);
  writer.unsigned_integer("time_ns", 8'127'612'345'678 + 1'311 * number);
  writer.unsigned_integer("uid", 999);
}

std::string make_stream(std::size_t size) {
  std::string stream;
  stream.reserve(size + 4096);
  ObjectWriter writer;
  writer.text("event", "stream_start");
  writer.unsigned_integer("schema", 1);
  writer.finish(stream);
  stream += '\n';
  std::uint64_t records = 0;
  for (; stream.size() < size; ++records) {
    write_record(writer, records);
    writer.finish(stream);
    stream += '\n';
  }
  Sha256 sha;
  sha.update(stream);
  writer.text("event", "stream_end");
  writer.unsigned_integer("lost", 0);
  writer.unsigned_integer("records", records);
  writer.text("sha256", sha.hex());
  writer.finish(stream);
  return stream += '\n';
}

const std::string& stream_of_64_mib() {
  static const std::string stream = make_stream(std::size_t{64} << 20U);
  return stream;
}

// The argument is the size of a chunk.
void validate_stream(benchmark::State& state) {
  const std::string& stream = stream_of_64_mib();
  const auto chunk = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    StreamValidator validator([](const tc::json::Finding&) {});
    for (std::size_t at = 0; at < stream.size(); at += chunk) {
      validator.feed(std::string_view(stream).substr(at, chunk));
    }
    const Summary summary = validator.finish();
    if (summary.findings != 0) state.SkipWithError("the stream is not canonical");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}
BENCHMARK(validate_stream)->Arg(1 << 16)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

// What hashing takes of it.
void hash_stream(benchmark::State& state) {
  const std::string& stream = stream_of_64_mib();
  for (auto _ : state) {
    Sha256 sha;
    sha.update(stream);
    benchmark::DoNotOptimize(sha.hex());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}
BENCHMARK(hash_stream)->Unit(benchmark::kMillisecond);

template <void (*WriteRecord)(ObjectWriter&, std::uint64_t)>
void write_records(benchmark::State& state) {
  ObjectWriter writer;
  std::string line;
  std::uint64_t number = 0;
  for (auto _ : state) {
    line.clear();
    WriteRecord(writer, number++);
    writer.finish(line);
    benchmark::DoNotOptimize(line.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["record_bytes"] = static_cast<double>(line.size());
}
BENCHMARK(write_records<write_record>);
BENCHMARK(write_records<write_sorted_record>);

void write_stack(benchmark::State& state) {
  const std::array<std::uint64_t, 16> offsets = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ObjectWriter writer;
  std::string line;
  for (auto _ : state) {
    line.clear();
    writer.text("event", "symbol_call");
    writer.objects("stack", offsets, [](ObjectWriter& frame, std::uint64_t offset) {
      frame.text("symbol", "PostgresMain");
      frame.text("module", "/usr/lib/postgresql/15/bin/postgres");
      frame.word("offset", offset);
    });
    writer.finish(line);
    benchmark::DoNotOptimize(line.data());
  }
  state.counters["record_bytes"] = static_cast<double>(line.size());
}
BENCHMARK(write_stack);

}  // namespace

BENCHMARK_MAIN();
