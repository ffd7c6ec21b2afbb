#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/version.hpp"
#include "output.hpp"

namespace {

/// What went wrong, in one line whatever was quoted in it.
void complain(std::string message) {
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  numgeom::cli::print_note("numgeom: " + message + "\n");
}

/// The parser says only that a command is missing where it did not know one.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(true);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !unknown.empty())
    return fmt::format("'{}' is not known here", unknown.front());
  return error.what();
}

int run(int argc, char** argv) {
  using namespace numgeom::cli;
  CLI::App app{"Certified losses and rankings for machine learning.", "numgeom"};
  app.set_version_flag("--version", numgeom::kVersion);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 refuted or not done, 2 wrong usage or input.");
  int exit_code = kDone;
  add_certify(app, exit_code);
  add_experiment(app, exit_code);
  add_map(app, exit_code);
  add_optimize(app, exit_code);
  add_score(app, exit_code);
  add_study(app, exit_code);
  add_ask(app, exit_code);
  add_tell(app, exit_code);
  add_report(app, exit_code);
  add_export(app, exit_code);
  add_data(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    complain(usage_message(app, error) + " (see numgeom --help)");
    return kBadInput;
  } catch (const numgeom::Error& error) {
    complain(error.what());
    return kBadInput;
  } catch (const std::bad_alloc&) {
    complain("out of memory");
    return kNotDone;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  numgeom::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    complain(std::string("internal error: ") + error.what());
    return numgeom::cli::kNotDone;
  }
}
