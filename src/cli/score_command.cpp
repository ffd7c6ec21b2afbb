#include <fmt/format.h>

#include <algorithm>
#include <list>

#include "certification_run.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/study.hpp"
#include "numgeom/report/score_report.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace numgeom::cli {
namespace {

struct ScoreArguments {
  std::vector<std::string> studies;
  std::vector<int> trials{0};
  std::vector<std::string> weights;
  std::vector<std::string> precisions;
  std::string trained_in;
  JsonTarget json;
  bool samples = false;
  int max_bits = ScoreOptions{}.max_bits;
  double tightness = ScoreOptions{}.tightness;
  RunOptions run;
};

/// A model to be scored, in which precisions, and its weights or how they come about.
struct Candidate {
  ScoredModel model;
  Trial trial;
  std::vector<Precision> precisions;
  std::vector<Matrix<double>> parameters;  ///< none where they are to be trained
};

std::vector<Precision> precisions_of(const ScoreArguments& arguments, const Study& study) {
  if (arguments.precisions.empty()) return study.precisions;
  std::vector<Precision> result;
  for (const std::string& name : arguments.precisions) result.push_back(parse_precision(name));
  return result;
}

/// One a weights file; else one trained in a precision and scored in all, or one a precision.
void add_candidates(const ScoreArguments& arguments, const LoadedStudy& study, int index,
                    const Trial& trial, std::vector<Candidate>& candidates) {
  const std::vector<Precision> precisions = precisions_of(arguments, study.study());
  const Candidate candidate{
      {study.study().file.string(), index, {}, {}, trial.problem, {}}, trial, precisions, {}};
  for (const std::string& file : arguments.weights) {
    candidates.push_back(candidate);
    candidates.back().model.weights = file;
    candidates.back().parameters =
        read_parameters(file, trial.problem->network,
                        static_cast<int>(trial.problem->data->validation.features.cols()));
  }
  if (!arguments.weights.empty()) return;
  if (!arguments.trained_in.empty()) {
    candidates.push_back(candidate);
    candidates.back().model.trained_in = parse_precision(arguments.trained_in);
    return;
  }
  for (const Precision& precision : precisions) {
    candidates.push_back(candidate);
    candidates.back().model.trained_in = precision;
    candidates.back().precisions = {precision};
  }
}

std::vector<Candidate> candidates_of(const ScoreArguments& arguments,
                                     const std::list<LoadedStudy>& studies) {
  std::vector<Candidate> candidates;
  for (const LoadedStudy& study : studies) {
    const std::vector<Trial> trials = study.trials();
    for (const int index : arguments.trials) {
      if (index >= static_cast<int>(trials.size()))
        throw Error(fmt::format("--trial {}: {} has {} trials, numbered from 0", index,
                                study.study().file.string(), trials.size()));
      add_candidates(arguments, study, index, trials[static_cast<std::size_t>(index)], candidates);
    }
  }
  return candidates;
}

bool finite(const std::vector<Matrix<double>>& parameters) {
  return std::all_of(parameters.begin(), parameters.end(),
                     [](const Matrix<double>& x) { return x.allFinite(); });
}

void score(Candidate& candidate, const ScoreOptions& options, const std::stop_token& stop,
           const Progress& progress) {
  const Trial& trial = candidate.trial;
  if (candidate.parameters.empty())
    candidate.parameters =
        train_natively(trial, draw_inputs(*trial.problem, trial.seed), *candidate.model.trained_in);
  if (!finite(candidate.parameters)) return;
  ScoreOptions seeded = options;
  seeded.seed = trial.seed;
  candidate.model.score = score_stability(*trial.problem, candidate.parameters,
                                          candidate.precisions, seeded, stop, progress);
}

/// Those that were finished before Ctrl-C.
std::vector<ScoredModel> score_all(const ScoreArguments& arguments, const ScoreOptions& options,
                                   std::vector<Candidate> candidates) {
  ProgressLine line("score", arguments.run.quiet, "models");
  std::stop_source stop;
  std::vector<ScoredModel> models;
  const auto total = static_cast<int>(candidates.size());
  const Progress progress = [&](double share) {
    const auto finished = static_cast<int>(models.size());
    line.update((finished + share) / total, finished, total);
    if (InterruptGuard::requested()) stop.request_stop();
  };
  try {
    for (Candidate& candidate : candidates) {
      score(candidate, options, stop.get_token(), progress);
      models.push_back(std::move(candidate.model));
      candidate.parameters.clear();
      if (InterruptGuard::requested()) break;
    }
  } catch (const Interrupted&) {
    // What was not finished is left out.
  }
  line.close();
  return models;
}

void require_sense(const ScoreArguments& arguments) {
  if (!arguments.weights.empty() && (arguments.studies.size() > 1 || arguments.trials.size() > 1))
    throw Error("--weights: one study and one trial expected, which describe the network");
}

int score_studies(const ScoreArguments& arguments) {
  arguments.json.require_writable();
  require_sense(arguments);
  ScoreOptions options;
  options.tightness = arguments.tightness;
  options.max_bits = arguments.max_bits;
  options.threads = thread_count(arguments.run.threads);
  options.validate();
  std::list<LoadedStudy> studies;
  for (const std::string& file : arguments.studies) studies.emplace_back(read_study(file));
  std::vector<Candidate> candidates = candidates_of(arguments, studies);
  const std::size_t total = candidates.size();
  const InterruptGuard guard;
  const std::vector<ScoredModel> models = score_all(arguments, options, std::move(candidates));
  if (models.size() < total) {
    if (!arguments.json.to_stdout()) print_result(score_text(models));
    print_note(fmt::format("numgeom: interrupted: {} of {} models scored\n", models.size(), total));
    return kNotDone;
  }
  const bool json_to_stdout = arguments.json.to_stdout();
  const std::string json =
      arguments.json.asked ? score_json(models, options, arguments.samples) : "";
  if (!arguments.json.file.empty()) write_file(arguments.json.file, json);
  print_result(json_to_stdout ? json : score_text(models));
  const bool all = std::all_of(models.begin(), models.end(), [](const ScoredModel& model) {
    return !model.score || model.score->certified();
  });
  return all ? kDone : kNotDone;
}

}  // namespace

void add_score(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ScoreArguments>();
  CLI::App* command = app.add_subcommand(
      "score", "Prove how stable inference with a trained model is in each native precision.");
  command->add_option("study", arguments->studies, "The study, a TOML file; or several")
      ->required();
  command->add_option("--trial", arguments->trials, "Which trials, from 0 (the default)")
      ->check(CLI::Range(0, 1'000'000))
      ->allow_extra_args(false);
  CLI::Option* weights = command->add_option(
      "--weights", arguments->weights,
      "NPZ files with trained weights for the network of the trial, one model each; not trained");
  weights->type_name("FILE")->allow_extra_args(false);
  command
      ->add_option("--precision", arguments->precisions,
                   "What to score in, and to train in; the study's by default")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      ->add_option("--trained-in", arguments->trained_in,
                   "Train in this precision alone, and score these weights in all")
      ->type_name("NAME")
      ->excludes(weights);
  add_json_option(*command, arguments->json);
  command->add_flag("--samples", arguments->samples, "Every sample in the JSON");
  command->add_option("--tightness", arguments->tightness,
                      "Asked ratio of the upper to the lower bound on an error (1.001)");
  command->add_option("--max-bits", arguments->max_bits,
                      "Precision at which what is open stays undecided (8192)");
  add_run_options(*command, "Threads", arguments->run);
  command->footer(
      "Prints, for every model and precision, the native and the exact loss, the certified error,\n"
      "the score (certified decimal digits of a sample's loss), how many predicted labels are\n"
      "proved to be the exact ones, and what rounding the weights alone does to the loss.\n"
      "docs/score.md says what each number means. Exit code 1 if something stays undecided.");
  command->callback([arguments, &exit_code] { exit_code = score_studies(*arguments); });
}

}  // namespace numgeom::cli
