// tc replay: recorded or simulated events through the same path as live ones.
#include "observe/replay.h"

#include <csignal>

#include "cli/command.h"
#include "cli/evidence_output.h"

namespace tc::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tc replay fixtures/ebpf/events/mixed-events.json --proc fixtures/ebpf/proc --elf fixtures/ebpf/elf
  tc replay events.json --format text

The order of the events in the files has no influence on the output. fixtures/ebpf/README.md
describes the formats. Exit status: 0, or 2 when something could not be read or written.)";

struct Flags {
  observe::ReplayOptions options;
  OutputOptions output;
};

int run_replay(const Flags& flags) {
  std::signal(SIGPIPE, SIG_IGN);
  // First read, then open: a bad fixture must not cost the output of yesterday.
  Result<observe::Recording> recording = observe::Recording::read(flags.options);
  if (!recording) return fail(kTrouble, recording.error().text());
  Result<std::unique_ptr<output::EvidenceStream>> stream = open_output(flags.output, false);
  if (!stream) return fail(kTrouble, stream.error().text());
  const Result<void> replayed = recording->replay(**stream);
  return replayed ? kSuccess : fail(kTrouble, replayed.error().text());
}

}  // namespace

Subcommand add_replay(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("replay", "Turn recorded or simulated events into evidence");
  auto flags = std::make_shared<Flags>();
  sub->add_option("EVENTS", flags->options.event_files, "Files of events (JSON arrays)")
      ->required()
      ->type_name("");
  sub->add_option("--proc", flags->options.proc_directory,
                  "Directory of {pid}-maps.txt and {pid}-cgroup.txt")
      ->type_name("DIR");
  sub->add_option("--elf", flags->options.elf_directory, "Directory of *-symbols.json")
      ->type_name("DIR");
  flags->output.add_to(*sub);
  set_usage(*sub, "Usage: tc replay [OPTIONS] EVENTS…");
  sub->footer(kExamples);
  return {.app = sub, .run = [flags](const Arguments&) { return run_replay(*flags); }};
}

}  // namespace tc::cli
