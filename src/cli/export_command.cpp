#include <fmt/format.h>

#include "commands.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/study.hpp"
#include "numgeom/report/export.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

struct ExportArguments {
  std::string study;
  int trial = 0;
  std::string directory;
};

void export_one(const ExportArguments& arguments) {
  const LoadedStudy study(read_study(arguments.study));
  const std::vector<Trial> trials = study.trials();
  if (arguments.trial >= static_cast<int>(trials.size()))
    throw Error(fmt::format("--trial {}: the study has {} trials, numbered from 0", arguments.trial,
                            trials.size()));
  export_trial(trials[arguments.trial], arguments.directory);
  print_result(arguments.directory + "\n");
}

}  // namespace

void add_export(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command =
      app.add_subcommand("export", "Write a trial's exact inputs, so that others can replay it.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  command->add_option("--trial", arguments->trial, "Which trial, from 0 as in the table")
      ->required()
      ->check(CLI::Range(0, 1'000'000));
  command->add_option("--out", arguments->directory, "An empty or new directory")->required();
  command->callback([arguments, &exit_code] {
    export_one(*arguments);
    exit_code = kDone;
  });
}

}  // namespace numgeom::cli
