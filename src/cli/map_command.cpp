#include <fmt/format.h>

#include "certification_run.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/report/map_report.hpp"
#include "output.hpp"

namespace numgeom::cli {
namespace {

struct MapArguments {
  std::string study;
  MapOptions map;
  std::vector<std::string> fixed;  ///< NAME=VALUE
  JsonTarget json;
  RunOptions run;
};

/// The value that the text stands for, by what the parameter holds.
Value value_from_text(const Parameter& parameter, const std::string& text) {
  if (parameter.kind == Parameter::Kind::kBoolean && (text == "true" || text == "false"))
    return text == "true";
  if (parameter.kind == Parameter::Kind::kCategorical) {
    for (const Value& choice : parameter.choices)
      if (to_string(choice) == text) return choice;
  } else if (parameter.kind != Parameter::Kind::kBoolean) {
    try {
      std::size_t read = 0;
      const double number = std::stod(text, &read);
      if (read == text.size())
        return parameter.kind == Parameter::Kind::kInt ? Value(static_cast<std::int64_t>(number))
                                                       : Value(number);
    } catch (const std::logic_error&) {
      // Reported below.
    }
  }
  throw Error(fmt::format("--fix {}: '{}' is no value of it", parameter.name, text));
}

std::pair<std::string, Value> fixed_from_text(const Space& space, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw Error(fmt::format("--fix: NAME=VALUE expected, not '{}'", text));
  const std::string name = text.substr(0, equals);
  const Parameter* parameter = space.find(name);
  if (parameter == nullptr)
    throw Error(fmt::format("--fix: the study has no hyperparameter '{}' in its space", name));
  return {name, value_from_text(*parameter, text.substr(equals + 1))};
}

int draw_map(MapArguments arguments) {
  arguments.json.require_writable();
  const LoadedStudy study(read_study(arguments.study));
  for (const std::string& text : arguments.fixed)
    arguments.map.fixed.push_back(fixed_from_text(study.study().space, text));
  StabilityMap map(study, arguments.map);
  CertificationRun run(study, "map", arguments.run);
  const InterruptGuard guard;
  bool certified = true;
  for (auto trials = map.next(); !trials.empty(); trials = map.next()) {
    const std::vector<CertifiedTrial> finished = run.certify(trials);
    if (run.interrupted()) {
      print_note(interrupted_note(finished.size(), trials.size(), arguments.run.journal));
      return kNotDone;
    }
    for (const CertifiedTrial& trial : finished)
      certified = certified && trial.certification.certified();
    map.add(finished);
  }
  if (!arguments.json.file.empty()) write_file(arguments.json.file, map_json(study, map));
  print_result(arguments.json.to_stdout() ? map_json(study, map) : map_text(study, map));
  return certified ? kDone : kNotDone;
}

}  // namespace

void add_map(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<MapArguments>();
  CLI::App* command = app.add_subcommand(
      "map", "Draw where training can be trusted, over two hyperparameters of a study.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  command->add_option("--x", arguments->map.x, "Hyperparameter to the right (the first tuned one)");
  command->add_option("--y", arguments->map.y, "Hyperparameter upwards (the next one)");
  command->add_option("--columns", arguments->map.columns, "Cells to the right")
      ->capture_default_str();
  command->add_option("--rows", arguments->map.rows, "Cells upwards")->capture_default_str();
  command
      ->add_option("--tolerance", arguments->map.tolerance,
                   "A loss is stable while its relative error is below this")
      ->capture_default_str();
  command->add_option("--fix", arguments->fixed,
                      "NAME=VALUE of another hyperparameter; repeatable");
  command
      ->add_option("--samples", arguments->map.samples,
                   "Configurations of the hyperparameters that are neither drawn nor fixed; the "
                   "worst counts")
      ->capture_default_str();
  command->add_flag("--adaptive", arguments->map.adaptive,
                    "Evaluate a lattice, then cells near the boundary only");
  add_json_option(*command, arguments->json);
  add_certification_options(*command, arguments->run);
  command->footer(
      "Trains every cell natively in the study's first precision and proves the exact loss:\n"
      "stable (.) where |native - exact|/|exact| is below the tolerance, unstable (#) where it is\n"
      "not or the run diverged, undecided (?) otherwise. Exit code 1 if a trial stays undecided.");
  command->callback([arguments, &exit_code] { exit_code = draw_map(*arguments); });
}

}  // namespace numgeom::cli
