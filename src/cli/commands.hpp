#pragma once

#include <CLI/CLI.hpp>

namespace numgeom::cli {

/// Exit codes of the program.
enum ExitCode {
  kDone = 0,
  kNotDone = 1,  ///< the thing asked was refuted or could not be done
  kBadInput = 2  ///< wrong usage or input
};

/// Each adds its subcommand to `app`; `exit_code` is set when the subcommand runs.
void add_certify(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_data(CLI::App& app, int& exit_code);
void add_experiment(CLI::App& app, int& exit_code);
void add_map(CLI::App& app, int& exit_code);
void add_optimize(CLI::App& app, int& exit_code);
void add_score(CLI::App& app, int& exit_code);
void add_study(CLI::App& app, int& exit_code);
void add_ask(CLI::App& app, int& exit_code);
void add_tell(CLI::App& app, int& exit_code);

}  // namespace numgeom::cli
