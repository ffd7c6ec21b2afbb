#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <thread>

#include "certification_run.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/catalog.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/optimize.hpp"
#include "numgeom/report/experiment.hpp"
#include "numgeom/report/json.hpp"
#include "numgeom/report/page.hpp"
#include "numgeom/report/search_report.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "workers.hpp"

namespace numgeom::embedded {
extern const std::map<std::string, std::string_view> experiment_studies;
}

namespace numgeom::cli {
namespace {

namespace fs = std::filesystem;

struct ExperimentArguments {
  std::string name;
  std::string out = "experiments";
  bool quick = false;
  RunOptions run;
};

/// What a quick run takes: `key = value  # quick: other` becomes `key = other`.
std::string quick_text(const std::string& text) {
  static const std::regex kQuick(R"((\n\w+ = )[^#\n]*# quick: ([^\n]*))");
  return std::regex_replace(text, kQuick, "$1$2");
}

/// All experiments of one directory: what two of them need is done once, and what was interrupted
/// goes on.
class Experiments {
 public:
  explicit Experiments(ExperimentArguments arguments)
      : arguments_(std::move(arguments)), out_(arguments_.out) {
    std::error_code failure;
    fs::create_directories(out_, failure);
    if (failure) throw Error(fmt::format("{}: {}", out_.string(), failure.message()));
  }

  ExperimentResult bounds() { return error_bounds(problems()); }
  ExperimentResult ranking() { return ranking_reliability(problems()); }
  ExperimentResult sensitivity() { return winner_sensitivity(problems()); }
  ExperimentResult search();
  ExperimentResult map();

  [[nodiscard]] bool all_certified() const { return certified_ == trials_; }
  /// How many trials were certified, and how narrow the enclosures are.
  [[nodiscard]] std::string summary() const {
    return fmt::format("{} of {} trials certified, enclosures at most {:.2g} wide\n", certified_,
                       trials_, greatest_width_);
  }

 private:
  [[nodiscard]] std::unique_ptr<LoadedStudy> study(const std::string& name,
                                                   const std::string& more = "") const;
  [[nodiscard]] fs::path file(const std::string& name) const { return out_ / name; }
  /// The document, as a page and its pictures.
  void publish(const std::string& name, const std::string& document) const;
  /// Throws `Interrupted`.
  std::vector<CertifiedTrial> certify(const LoadedStudy& study, const std::string& name,
                                      const std::vector<Trial>& trials);
  std::span<const ExperimentProblem> problems();
  struct One {
    SearchRun run;
    std::unique_ptr<LoadedStudy> study;
    SearchResult result;
  };
  /// Several at a time, natively; finished trials are kept. Throws `Interrupted`.
  void run_searches(std::vector<One>& searches) const;
  [[nodiscard]] SearchResult run_search(const One& one, const std::stop_token& stop) const;
  [[nodiscard]] fs::path storage_of(const SearchRun& run) const {
    return file(
        fmt::format("{}-{}-{}.db", run.problem, run.precision_aware ? "pa" : "ei", run.seed));
  }

  ExperimentArguments arguments_;
  fs::path out_;
  int trials_ = 0;
  int certified_ = 0;
  double greatest_width_ = 0;
  std::vector<std::unique_ptr<LoadedStudy>> studies_;
  std::vector<ExperimentProblem> problems_;
};

std::unique_ptr<LoadedStudy> Experiments::study(const std::string& name,
                                                const std::string& more) const {
  const std::string text = std::string(embedded::experiment_studies.at(name)) + more;
  Study read = parse_study(arguments_.quick ? quick_text(text) : text, name + ".toml");
  for (const DatasetInfo& info : list_datasets())
    if (info.name == read.data.dataset && !info.available)
      fetch(info.name, [](const std::string& line) { print_note(line + "\n"); });
  return std::make_unique<LoadedStudy>(std::move(read));
}

void Experiments::publish(const std::string& name, const std::string& document) const {
  write_file(file(name + ".json"), document);
  write_file(file(name + ".html"), report_page(document));
  write_figures(document, out_ / "figures" / name);
}

std::vector<CertifiedTrial> Experiments::certify(const LoadedStudy& study, const std::string& name,
                                                 const std::vector<Trial>& trials) {
  RunOptions options = arguments_.run;
  options.journal = file(name + ".journal").string();
  CertificationRun run(study, name, options);
  std::vector<CertifiedTrial> finished = run.certify(trials);
  if (run.interrupted()) throw Interrupted();
  for (const CertifiedTrial& trial : finished) {
    certified_ += trial.certification.certified() ? 1 : 0;
    greatest_width_ = std::max(greatest_width_, trial.certification.loss.width());
  }
  trials_ += static_cast<int>(finished.size());
  return finished;
}

std::span<const ExperimentProblem> Experiments::problems() {
  if (!problems_.empty()) return problems_;
  for (const char* name : {"mnist", "cifar10", "tabular"}) {
    const LoadedStudy& loaded = *studies_.emplace_back(study(name));
    problems_.push_back({name, &loaded, certify(loaded, name, loaded.trials())});
    publish(name, certify_json(loaded, problems_.back().trials, rank(problems_.back().trials)));
  }
  return problems_;
}

SearchResult Experiments::run_search(const One& one, const std::stop_token& stop) const {
  const LoadedStudy& study = *one.study;
  const fs::path storage = storage_of(one.run);
  const std::string name = storage.stem().string();
  const StoredStudy stored =
      Storage(storage).open_study(name, study.study().text, 0, study.data_hash());
  WorkOptions options;
  options.worker = worker_name() + ":" + name;
  work(storage, stored, study, options, stop);
  if (stop.stop_requested()) throw Interrupted();
  const Storage read(storage, Storage::Mode::kReadOnly);
  const Search& search = study.study().search;
  return {read.study(name),
          read.trials(stored.id),
          std::nullopt,
          {},
          search.acquisition == AcquisitionKind::kPrecisionAware ? search.penalty.last : 0};
}

void Experiments::run_searches(std::vector<One>& searches) const {
  const auto total = static_cast<int>(searches.size());
  ProgressLine progress("search", arguments_.run.quiet, "searches");
  std::mutex mutex;  // guards what follows
  int next = 0;
  int done = 0;
  std::exception_ptr failure;
  const auto search_on = [&](const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (next < total && !failure) {
      One& one = searches[static_cast<std::size_t>(next++)];
      lock.unlock();
      std::exception_ptr thrown;
      try {
        one.result = run_search(one, stop);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (thrown) failure = thrown;
      ++done;
      progress.update(static_cast<double>(done) / total, done, total);
    }
  };
  run_interruptibly([&](const std::stop_token& stop) {
    std::vector<std::jthread> workers;
    for (int i = 0; i < thread_count(arguments_.run.threads); ++i)
      workers.emplace_back([&] { search_on(stop); });
  });
  progress.close();
  if (failure) std::rethrow_exception(failure);
}

ExperimentResult Experiments::search() {
  const int seeds = arguments_.quick ? 2 : 10;
  std::vector<One> searches;
  for (const char* problem : {"search_mnist", "search_tabular"})
    for (int seed = 0; seed < seeds; ++seed)
      for (const bool aware : {false, true})
        searches.push_back({{problem, aware, seed, {}, -1},
                            study(problem, fmt::format("seed = {}\nacquisition = \"{}\"\n{}", seed,
                                                       aware ? "precision_aware" : "ei",
                                                       aware ? "penalty = 1e5\n" : "")),
                            {}});
  run_searches(searches);
  // Searches of one problem share their first trials and all that is certified.
  for (const char* problem : {"search_mnist", "search_tabular"}) {
    const auto base = study(problem);
    std::vector<Assignment> assignments;
    std::vector<Trial> trials;
    for (const One& one : searches)
      if (one.run.problem == problem)
        for (const StoredTrial& trial : one.result.trials)
          if (std::find(assignments.begin(), assignments.end(), trial.evaluation.assignment) ==
              assignments.end()) {
            assignments.push_back(trial.evaluation.assignment);
            trials.push_back(base->trial(assignments.back()));
          }
    const std::vector<CertifiedTrial> certified = certify(*base, problem, trials);
    for (One& one : searches) {
      if (one.run.problem != problem) continue;
      for (const StoredTrial& trial : one.result.trials) {
        const auto at =
            std::find(assignments.begin(), assignments.end(), trial.evaluation.assignment);
        one.run.trials.push_back(certified[static_cast<std::size_t>(at - assignments.begin())]);
      }
      one.run.chosen = chosen_trial(one.result.trials, one.result.penalty);
    }
  }
  for (const One& one : searches)
    if (one.run.precision_aware && one.run.seed == 0)
      publish(one.run.problem, report_document(storage_of(one.run)));
  std::vector<SearchRun> runs;
  for (One& one : searches) runs.push_back(std::move(one.run));
  return search_comparison(runs);
}

ExperimentResult Experiments::map() {
  const auto loaded = study("map");
  MapOptions options;
  options.columns = options.rows = arguments_.quick ? 8 : 20;
  StabilityMap map(*loaded, options);
  for (auto trials = map.next(); !trials.empty(); trials = map.next())
    map.add(certify(*loaded, "map", trials));
  publish("map", map_json(*loaded, map));
  return stability_mapping(*loaded, map);
}

using Run = ExperimentResult (Experiments::*)();
const std::vector<std::pair<std::string, Run>> kExperiments = {
    {"bounds", &Experiments::bounds},
    {"ranking", &Experiments::ranking},
    {"search", &Experiments::search},
    {"map", &Experiments::map},
    {"sensitivity", &Experiments::sensitivity}};

int run_experiments(const ExperimentArguments& arguments) {
  Experiments experiments(arguments);
  const InterruptGuard guard;
  const fs::path out = arguments.out;
  try {
    for (const auto& [name, run] : kExperiments) {
      if (arguments.name != "all" && arguments.name != name) continue;
      const ExperimentResult result = (experiments.*run)();
      write_file(out / (name + "-claims.json"), result.to_json());
      write_file(out / (name + ".txt"), result.to_text());
      for (const auto& [table, csv] : result.tables) write_file(out / table, csv);
      print_result(result.to_text() + "\n");
    }
  } catch (const Interrupted&) {
    print_note(
        fmt::format("numgeom: interrupted: the same command goes on from {}\n", out.string()));
    return kNotDone;
  }
  print_result(experiments.summary());
  return experiments.all_certified() ? kDone : kNotDone;
}

}  // namespace

void add_experiment(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ExperimentArguments>();
  CLI::App* command = app.add_subcommand(
      "experiment", "Measure what the method claims, every number with a proof behind it.");
  std::vector<std::string> names{"all"};
  for (const auto& [name, run] : kExperiments) names.push_back(name);
  command->add_option("name", arguments->name, "Which one")
      ->required()
      ->check(CLI::IsMember(names));
  command->add_option("--out", arguments->out, "Directory for data, tables and pictures")
      ->capture_default_str();
  command->add_flag("--quick", arguments->quick, "Smaller problems: a few minutes");
  add_run_options(*command, "Trials at a time", arguments->run);
  command->footer(
      "bounds       estimates of the error beside certified errors, three problems\n"
      "ranking      orders that rounding changes, and those that the criterion flags\n"
      "search       expected improvement beside the precision-aware acquisition, over seeds\n"
      "map          the relative error over learning rate and weight decay\n"
      "sensitivity  how often the native winner is not the exact one\n"
      "Each prints what the method's authors expect beside what was measured. The directory keeps\n"
      "finished trials: the same command goes on after Ctrl-C. Exit code 1 if a trial stays "
      "undecided.");
  command->callback([arguments, &exit_code] { exit_code = run_experiments(*arguments); });
}

}  // namespace numgeom::cli
