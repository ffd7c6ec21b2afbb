#include <fmt/format.h>

#include <iostream>

#include "commands.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/optimize.hpp"
#include "output.hpp"
#include "storage_options.hpp"
#include "train/assignment_json.hpp"

namespace numgeom::cli {
namespace {

using Json = OrderedJson;

/// An outside trainer asks as long as it likes: the budget is its own.
constexpr int kMostTrialsAsked = std::numeric_limits<int>::max();

/// Who holds a trial that was asked for: no process, so that only its lease tells when it is lost.
constexpr const char* kAsker = "ask";

struct AskArguments {
  std::string study;
  StorageArguments storage;
  int count = 1;
  double lease_seconds = 3600;
};

/// One suggestion a line; fewer where there are no more.
int ask(const AskArguments& arguments) {
  const Study study = read_study(arguments.study);
  Storage storage(arguments.storage.file);
  const std::string name = arguments.storage.study.empty()
                               ? std::filesystem::path(arguments.study).stem().string()
                               : arguments.storage.study;
  const StoredStudy stored = storage.open_study(name, study.text);
  const auto sampler = make_sampler(study.space, study.search);
  for (int i = 0; i < arguments.count; ++i) {
    const ClaimAnswer answer =
        storage.claim(stored.id, kAsker, arguments.lease_seconds, kMostTrialsAsked,
                      [&sampler](const History& history) { return sampler->suggest(history); });
    if (answer.state != ClaimAnswer::State::kClaimed) {
      print_note("numgeom: there is nothing more to try\n");
      return kNotDone;
    }
    const Json line = {{"trial", answer.claim.number},
                       {"parameters", assignment_json(answer.claim.assignment)}};
    print_result(line.dump() + "\n");
  }
  return kDone;
}

struct Told {
  int trial = 0;
  Outcome outcome;
};

Told read_told(const std::string& line) {
  const Json json = Json::parse(line);
  if (!json.is_object()) throw Error("an object expected");
  Told told;
  bool has_trial = false;
  bool has_loss = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "trial") {
      if (!value.is_number_integer())
        throw Error("trial: an integer expected, not " + value.dump());
      told.trial = value.get<int>();
      has_trial = true;
    } else if (key == "loss") {
      told.outcome.loss = number_from_json(value);
      has_loss = true;
    } else if (key == "error_bound") {
      const double bound = number_from_json(value);
      if (!(bound >= 0)) throw Error("error_bound: a number ≥ 0 expected, not " + value.dump());
      told.outcome.delta = bound;
    } else if (key == "failed") {
      if (!value.is_boolean()) throw Error("failed: true or false expected, not " + value.dump());
      if (value.get<bool>()) told.outcome.state = Evaluation::State::kFailed;
    } else {
      throw Error(
          fmt::format("{}: unknown key; expected one of trial, loss, error_bound, failed", key));
    }
  }
  if (!has_trial) throw Error("the key trial is missing");
  if (has_loss == (told.outcome.state == Evaluation::State::kFailed))
    throw Error("either loss or \"failed\": true expected");
  return told;
}

/// One result a line on stdin, each stored when the call for the next line is made.
int tell(const StorageArguments& arguments) {
  Storage storage(arguments.file, Storage::Mode::kExisting);
  const StoredStudy study = find_study(storage, arguments);
  int number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (line.empty()) continue;
    try {
      const Told told = read_told(line);
      storage.tell(study.id, told.trial, told.outcome);
    } catch (const nlohmann::json::exception&) {
      throw Error(
          fmt::format("stdin:{}: a JSON object such as {{\"trial\": 0, \"loss\": 0.5}} "
                      "expected",
                      number));
    } catch (const Error& error) {
      throw Error(fmt::format("stdin:{}: {}", number, error.what()));
    }
  }
  return kDone;
}

}  // namespace

void add_ask(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<AskArguments>();
  CLI::App* command = app.add_subcommand(
      "ask", "Suggest configurations for a trainer of your own, one JSON line each.");
  command->add_option("definition", arguments->study, "The study, a TOML file")->required();
  add_storage_options(*command, arguments->storage);
  command->add_option("--count", arguments->count, "How many")->check(CLI::Range(1, 100'000));
  command
      ->add_option("--lease", arguments->lease_seconds,
                   "Seconds after which a configuration that was not told is suggested again")
      ->check(CLI::Range(1.0, 1e9));
  command->footer(
      "Prints {\"trial\": 0, \"parameters\": {…}}; report back with 'numgeom tell'. The study "
      "needs\n"
      "[space] and [search] only. Exit code 1 where there is nothing more to try.");
  command->callback([arguments, &exit_code] { exit_code = ask(*arguments); });
}

void add_tell(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<StorageArguments>();
  CLI::App* command =
      app.add_subcommand("tell", "Report results of configurations that 'ask' suggested.");
  add_storage_options(*command, *arguments);
  command->footer(
      "Reads JSON lines from stdin: {\"trial\": 0, \"loss\": 0.5}, with \"error_bound\": 1e-6 "
      "where a\n"
      "bound on the error of the loss is known, or {\"trial\": 0, \"failed\": true}. Lines before "
      "a\n"
      "wrong one are stored.");
  command->callback([arguments, &exit_code] { exit_code = tell(*arguments); });
}

}  // namespace numgeom::cli
