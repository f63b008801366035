// tc: what a program does, whether it does the same again, and only that.
#include <algorithm>
#include <vector>

#include "cli/command.h"
#include "output/print.h"

namespace tc::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  tc doctor                               can this host do it?
  sudo tc observe --pid 1234              what does that process do?
  sudo tc observe -o run.ndjson -- make   and this command?
  tc trace -- ls                          each of its system calls, typed
  tc sandbox --verify -- make             does it do the same every time?
  tc validate run.ndjson                  is the evidence whole?
  tc diff monday.ndjson today.ndjson      what does it do that it did not do?
  tc baseline check git.baseline          and what is not in its baseline?

tc COMMAND --help tells more, with examples.)";

// The subcommand of a subcommand… that was asked for.
const CLI::App& innermost(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.front());
}

// "tc baseline check"
std::string name_of(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + name_of(*chosen.front());
}

// Options come before the first "--", the command to run behind it.
int run(int argc, char** argv) {
  std::vector<std::string> own(argv + 1, argv + argc);
  const auto dashes = std::find(own.begin(), own.end(), "--");
  const bool has_dashes = dashes != own.end();
  const Arguments command(has_dashes ? dashes + 1 : dashes, own.end());
  own.erase(dashes, own.end());

  CLI::App app{"tc watches Linux programs and writes down what they do", "tc"};
  app.set_version_flag("--version", "tc 0.1.0");
  app.require_subcommand(1);
  set_usage(app, "Usage: tc COMMAND [OPTIONS]");
  app.footer(kFooter);
  const std::vector<Subcommand> subcommands = {
      add_observe(app),  add_trace(app), add_sandbox(app),  add_replay(app),
      add_validate(app), add_diff(app),  add_baseline(app), add_doctor(app)};
  const auto chosen = [&]() -> const Subcommand* {
    for (const Subcommand& subcommand : subcommands)
      if (subcommand.app->parsed()) return &subcommand;
    return nullptr;
  };
  try {
    std::reverse(own.begin(), own.end());  // as CLI11 wants them
    app.parse(std::move(own));
  } catch (const CLI::CallForHelp&) {
    return output::print(innermost(app).help()) ? kSuccess : kTrouble;
  } catch (const CLI::CallForVersion& version) {
    return output::print(std::string(version.what()) + "\n") ? kSuccess : kTrouble;
  } catch (const CLI::ParseError& problem) {
    const Subcommand* subcommand = chosen();
    const std::string name = name_of(app);
    return fail(subcommand == nullptr ? kTrouble : subcommand->usage_status,
                std::string(problem.what()) + "\ntc: see " + name + " --help" +
                    (subcommand != nullptr && subcommand->takes_command
                         ? "; a command to run goes behind --"
                         : ""));
  }
  const Subcommand* subcommand = chosen();
  if (has_dashes && (!subcommand->takes_command || command.empty()))
    return fail(subcommand->usage_status, command.empty() ? "behind -- there is no command to run"
                                                          : "tc " + subcommand->app->get_name() +
                                                                " runs no command; leave out --");
  return subcommand->run(command);
}

}  // namespace
}  // namespace tc::cli

int main(int argc, char** argv) { return tc::cli::run(argc, argv); }
