#include "observe/replay.h"

#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/input.h"
#include "enrich/enricher.h"
#include "event/pack.h"
#include "json/document.h"
#include "observe/pipeline.h"

namespace tc::observe {
namespace {

Result<void> check_directory(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return system_error(errno, "open directory " + path);
  if (!S_ISDIR(info.st_mode)) return error("{}: not a directory", path);
  return {};
}

Result<std::shared_ptr<probe::RecordBlock>> read_events(const ReplayOptions& options) {
  auto block = std::make_shared<probe::RecordBlock>(probe::RecordBlock::unbounded());
  for (const std::string& file : options.event_files) {
    TC_TRY(const std::string text, base::read_input(file));
    TC_TRY(const nlohmann::json document, json::parse_document(text, file));
    TC_TRY(const std::vector<event::PackedRecord> records, event::pack_all(document, file));
    for (const event::PackedRecord& record : records) block->append(record);
  }
  return block;
}

std::set<std::uint32_t> all_evidence() {
  std::set<std::uint32_t> events;
  for (std::uint32_t type = 0; type < TC_EVENT_ID_LIMIT; ++type)
    if (event::is_evidence(type)) events.insert(type);
  return events;
}

}  // namespace

Result<Recording> Recording::read(const ReplayOptions& options) {
  for (const std::string* directory : {&options.proc_directory, &options.elf_directory})
    if (!directory->empty()) TC_CHECK(check_directory(*directory));
  symbol::FixtureImages images;
  if (!options.elf_directory.empty()) {
    TC_TRY(images, symbol::FixtureImages::load(options.elf_directory));
  }
  TC_TRY(std::shared_ptr<probe::RecordBlock> events, read_events(options));
  return Recording(std::move(events), std::move(images), options.proc_directory);
}

Result<void> Recording::replay(output::EvidenceStream& stream) {
  const proc::FixtureProc processes(proc_directory_);
  const enrich::ProbedFunctions no_probes;
  std::optional<Error> problem;
  enrich::Enricher enricher(processes, images_, no_probes, [&](const Error& error) {
    if (!problem) problem = error;
  });
  Pipeline pipeline(enricher, stream, all_evidence());
  event::Record facts;
  facts.start("stream_start");
  facts.add("source", std::string_view("replay"));
  TC_CHECK(stream.start(facts));
  pipeline.add(events_);
  TC_CHECK(pipeline.finish());
  TC_CHECK(stream.finish());
  if (problem) return *problem;
  return {};
}

}  // namespace tc::observe
