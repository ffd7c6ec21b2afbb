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
  std::string weights;
  std::string precision;
};

int export_one(const ExportArguments& arguments) {
  if (arguments.directory.empty() && arguments.weights.empty())
    throw Error("export: --out DIR or --weights FILE expected");
  const LoadedStudy study(read_study(arguments.study));
  const std::vector<Trial> trials = study.trials();
  if (arguments.trial >= static_cast<int>(trials.size()))
    throw Error(fmt::format("--trial {}: the study has {} trials, numbered from 0", arguments.trial,
                            trials.size()));
  const Trial& trial = trials[arguments.trial];
  if (!arguments.directory.empty()) {
    export_trial(trial, arguments.directory);
    print_result(arguments.directory + "\n");
  }
  if (arguments.weights.empty()) return kDone;
  const Precision precision = arguments.precision.empty() ? study.study().precisions.front()
                                                          : parse_precision(arguments.precision);
  if (!export_weights(trial, precision, arguments.weights)) {
    print_note(fmt::format("numgeom: trial {} diverged in {}: {} is not written\n", arguments.trial,
                           to_string(precision), arguments.weights));
    return kNotDone;
  }
  print_result(arguments.weights + "\n");
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command =
      app.add_subcommand("export",
                         "Write a trial's exact inputs, so that others can replay it, or what "
                         "it learnt.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  command->add_option("--trial", arguments->trial, "Which trial, from 0 as in the table")
      ->required()
      ->check(CLI::Range(0, 1'000'000));
  command->add_option("--out", arguments->directory, "Its inputs, into an empty or new directory");
  CLI::Option* weights = command->add_option(
      "--weights", arguments->weights,
      "Its weights after native training, an NPZ file that training.initial_weights reads");
  command
      ->add_option("--precision", arguments->precision,
                   "What to train --weights in; the first one of the study by default")
      ->needs(weights);
  command->callback([arguments, &exit_code] { exit_code = export_one(*arguments); });
}

}  // namespace numgeom::cli
