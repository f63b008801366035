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
  tc validate run.ndjson                  is the evidence whole?

tc COMMAND --help tells more, with examples.)";

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
  const std::vector<Subcommand> subcommands = {add_observe(app), add_replay(app), add_validate(app),
                                               add_doctor(app)};
  const auto chosen = [&]() -> const Subcommand* {
    for (const Subcommand& subcommand : subcommands)
      if (subcommand.app->parsed()) return &subcommand;
    return nullptr;
  };
  try {
    std::reverse(own.begin(), own.end());  // as CLI11 wants them
    app.parse(std::move(own));
  } catch (const CLI::CallForHelp&) {
    const Subcommand* subcommand = chosen();
    return output::print(subcommand == nullptr ? app.help() : subcommand->app->help()) ? kSuccess
                                                                                       : kTrouble;
  } catch (const CLI::CallForVersion& version) {
    return output::print(std::string(version.what()) + "\n") ? kSuccess : kTrouble;
  } catch (const CLI::ParseError& problem) {
    const Subcommand* subcommand = chosen();
    const std::string name = subcommand == nullptr ? "tc" : "tc " + subcommand->app->get_name();
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
