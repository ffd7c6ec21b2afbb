#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "numgeom/error.hpp"
#include "numgeom/version.hpp"

namespace {

/// Messages of the parser may have several lines; users get the first.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int run(int argc, char** argv) {
  using namespace numgeom::cli;
  CLI::App app{"Certified losses and rankings for machine learning.", "numgeom"};
  app.set_version_flag("--version", numgeom::kVersion);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 refuted or not done, 2 wrong usage or input.");
  int exit_code = kDone;
  add_certify(app, exit_code);
  add_export(app, exit_code);
  add_data(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "numgeom: {} (see numgeom --help)\n", first_line(error.what()));
    return kBadInput;
  } catch (const numgeom::Error& error) {
    fmt::print(stderr, "numgeom: {}\n", error.what());
    return kBadInput;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "numgeom: out of memory\n");
    return kNotDone;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "numgeom: internal error: {}\n", error.what());
    return numgeom::cli::kNotDone;
  }
}
