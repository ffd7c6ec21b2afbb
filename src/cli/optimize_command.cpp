#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"
#include "numgeom/hpo/optimize.hpp"
#include "numgeom/report/search_report.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "storage_options.hpp"
#include "workers.hpp"

namespace numgeom::cli {
namespace {

struct OptimizeArguments {
  std::string study;
  StorageArguments storage;
  JsonTarget json;
  WorkOptions work;
  std::string delta = "phi";
  int workers = 1;
  bool deterministic = false;
  bool no_race = false;
  bool quiet = false;
};

std::string name_of(const OptimizeArguments& arguments) {
  return arguments.storage.study.empty() ? std::filesystem::path(arguments.study).stem().string()
                                         : arguments.storage.study;
}

int budget_of(const OptimizeArguments& arguments, const Study& study) {
  if (arguments.work.trials > 0) return arguments.work.trials;
  const bool counted =
      study.search.method == SearchMethod::kList || study.search.method == SearchMethod::kGrid;
  return counted ? static_cast<int>(sample(study.space, study.search).size()) : study.search.trials;
}

StoredStudy open(const OptimizeArguments& arguments, const LoadedStudy& study) {
  Storage storage(arguments.storage.file);
  const int batch = arguments.deterministic ? arguments.workers : 0;
  StoredStudy stored =
      storage.open_study(name_of(arguments), study.study().text, batch, study.data_hash());
  release_dead_workers(storage, stored.id);
  return stored;
}

/// False where a worker did not end well.
bool search(const OptimizeArguments& arguments, const LoadedStudy& study,
            const StoredStudy& stored) {
  const int budget = budget_of(arguments, study.study());
  const auto work_here = [&](const std::stop_token& stop) {
    work(arguments.storage.file, stored, study, arguments.work, stop);
  };
  ProgressLine progress("optimize", arguments.quiet);
  const auto tick = [&, next = std::chrono::steady_clock::time_point()]() mutable {
    if (arguments.quiet || std::chrono::steady_clock::now() < next) return;
    next = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    const StoredStudy now =
        Storage(arguments.storage.file, Storage::Mode::kReadOnly).study(stored.name);
    const int finished = now.done + now.failed;
    progress.update(static_cast<double>(finished) / budget, finished, budget);
  };
  const bool well = run_processes(arguments.workers, work_here, tick);
  progress.close();
  return well;
}

/// Certifies where it matters, and stores what it finds.
Race run_race(const OptimizeArguments& arguments, const LoadedStudy& study, Storage& storage,
              const StoredStudy& stored, const RaceEntry& entry) {
  ProgressLine progress("certify", arguments.quiet);
  const std::string fingerprint = study.fingerprint();
  Race result;
  run_interruptibly([&](const std::stop_token& stop) {
    result = race(entry.trials, {study.study().certify, thread_count(0)}, stop,
                  [&](const RaceTrial& trial, int index, int done, int planned) {
                    storage.annotate(stored.id, entry.numbers[static_cast<std::size_t>(index)],
                                     race_annotation(trial, fingerprint));
                    progress.update(static_cast<double>(done) / planned, done, planned);
                  });
  });
  progress.close();
  return result;
}

int interrupted(const OptimizeArguments& arguments, const SearchResult& result) {
  if (!arguments.json.to_stdout()) print_result(search_text(result));
  print_note(
      fmt::format("numgeom: interrupted: {} trials are kept; the same command goes on from "
                  "{}\n",
                  result.trials.size(), arguments.storage.file));
  return kNotDone;
}

int optimize(const OptimizeArguments& arguments) {
  arguments.json.require_writable();
  const LoadedStudy study(read_study(arguments.study));
  const StoredStudy stored = open(arguments, study);
  const InterruptGuard guard;
  if (!arguments.quiet)
    print_note(fmt::format("{}: {}, network {}\n", arguments.study, study.data().description,
                           fmt::join(study.study().network.describe(), " – ")));
  const bool well = search(arguments, study, stored);
  Storage storage(arguments.storage.file, Storage::Mode::kExisting);
  SearchResult result{storage.study(stored.name),
                      storage.trials(stored.id),
                      std::nullopt,
                      {},
                      study.study().search.penalty.last};
  if (InterruptGuard::requested()) return interrupted(arguments, result);
  if (!well) {
    print_note(
        fmt::format("numgeom: a worker did not end well: {} trials are kept; the same command "
                    "goes on from {}\n",
                    result.trials.size(), arguments.storage.file));
    return kNotDone;
  }
  if (!arguments.no_race) {
    const RaceEntry entry = race_entry(result.trials, study);
    try {
      result.race = run_race(arguments, study, storage, stored, entry);
    } catch (const Interrupted&) {
      return interrupted(arguments, result);
    }
    result.race_numbers = entry.numbers;
    result.trials = storage.trials(stored.id);
  }
  if (!arguments.json.file.empty()) write_file(arguments.json.file, search_json(result));
  print_result(arguments.json.to_stdout() ? search_json(result) : search_text(result));
  return !result.race || result.race->decided() ? kDone : kNotDone;
}

}  // namespace

void add_optimize(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<OptimizeArguments>();
  CLI::App* command = app.add_subcommand(
      "optimize", "Search for the best configuration, and certify what decides the winner.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  add_storage_options(*command, arguments->storage);
  add_json_option(*command, arguments->json);
  command
      ->add_option("--trials", arguments->work.trials,
                   "How many trials in all (default: as the study says)")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--workers", arguments->workers, "Processes at a time")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--deterministic", arguments->deterministic,
                    "Suggest trials in batches of one a worker: the same trials at every run");
  command
      ->add_option("--delta", arguments->delta,
                   "What the search takes for the error of a loss: the estimate Φ, or certify each")
      ->check(CLI::IsMember({"phi", "certified"}));
  command
      ->add_option("--lease", arguments->work.lease_seconds,
                   "Seconds without a sign of life after which a worker's trial is taken over")
      ->check(CLI::Range(1.0, 1e6));
  command->add_flag("--no-race", arguments->no_race, "Certify nothing at the end");
  command->add_flag("--quiet", arguments->quiet, "No progress on stderr");
  command->footer(
      "Trials are kept in FILE, trial by trial: after Ctrl-C or a crash the same command goes on.\n"
      "Several of these commands may work on one file at once. At the end the trials whose "
      "verdicts\n"
      "decide the winner and the indistinguishable set are certified. Exit code 1 if one of these\n"
      "verdicts stays undecided.");
  command->callback([arguments, &exit_code] {
    arguments->work.delta = arguments->delta == "phi" ? DeltaSource::kPhi : DeltaSource::kCertified;
    exit_code = optimize(*arguments);
  });
}

}  // namespace numgeom::cli
