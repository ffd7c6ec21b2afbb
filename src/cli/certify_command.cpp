#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <thread>

#include "commands.hpp"
#include "interrupt.hpp"
#include "numgeom/data/file.hpp"
#include "numgeom/error.hpp"
#include "numgeom/report/explain.hpp"
#include "numgeom/report/journal.hpp"
#include "numgeom/report/json.hpp"
#include "numgeom/report/table.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "trial_pool.hpp"

namespace numgeom::cli {
namespace {

struct CertifyArguments {
  std::string study;
  std::string json_file;
  bool json = false;
  std::string journal;
  int threads = 0;
  bool quiet = false;
  bool explain = false;
};

int thread_count(int asked) {
  return asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::optional<Journal> open_journal(const CertifyArguments& arguments, const Study& study,
                                    const Problem& problem) {
  if (arguments.journal.empty()) return std::nullopt;
  return Journal(arguments.journal, study, problem);
}

/// Trials that are in the journal already stay; the others are run and appended to it.
std::vector<CertifiedTrial> run_trials(const CertifyArguments& arguments, const Study& study,
                                       const Problem& problem, std::optional<Journal> journal,
                                       bool& interrupted) {
  const std::vector<Trial> trials = make_trials(study, problem);
  TrialPool pool(trials, study.precisions, study.certify, thread_count(arguments.threads));
  if (journal) {
    for (std::size_t i = 0; i < trials.size(); ++i)
      if (auto known = journal->find(trials[i])) pool.skip(i, std::move(*known));
  }
  ProgressLine progress("certify", arguments.quiet);
  pool.run(
      [&](double share, int finished) {
        progress.update(share, finished, static_cast<int>(trials.size()));
        return !InterruptGuard::requested();
      },
      [&](const CertifiedTrial& trial) {
        if (journal) journal->append(trial);
      });
  progress.close();
  interrupted = pool.interrupted();
  return pool.finished();
}

int report(const CertifyArguments& arguments, const Study& study, const Problem& problem,
           const std::vector<CertifiedTrial>& trials, bool interrupted) {
  const Ranking ranking = rank(trials);
  const bool json_to_stdout = arguments.json && arguments.json_file.empty();
  if (interrupted) {
    if (!json_to_stdout) print_result(certify_text(study, trials, ranking));
    const std::size_t total = sample(study.space, study.search).size();
    print_note(fmt::format(
        "numgeom: interrupted: {} of {} trials finished{}\n", trials.size(), total,
        arguments.journal.empty() ? "; --journal FILE keeps finished trials for the next run"
                                  : "; the same command goes on from " + arguments.journal));
    return kNotDone;
  }
  if (!arguments.json_file.empty())
    write_file(arguments.json_file, certify_json(study, problem, trials, ranking));
  print_result(json_to_stdout ? certify_json(study, problem, trials, ranking)
                              : certify_text(study, trials, ranking));
  if (arguments.explain)
    json_to_stdout ? print_note(explain_text(trials)) : print_result("\n" + explain_text(trials));
  const bool all = std::all_of(trials.begin(), trials.end(), [](const CertifiedTrial& trial) {
    return trial.certification.certified();
  });
  return all ? kDone : kNotDone;
}

/// Finds out before hours of work that the result could not be written.
void require_writable(const std::string& file) {
  if (file.empty()) return;
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  if (!std::filesystem::is_directory(folder))
    throw Error(fmt::format("--json {}: the directory {} does not exist", file, folder.string()));
  if (std::filesystem::is_directory(file))
    throw Error(fmt::format("--json {}: a file name expected, this is a directory", file));
  // Written whole or not at all means replaced, which must not happen to a device or a pipe.
  if (std::filesystem::exists(file) && !std::filesystem::is_regular_file(file))
    throw Error(
        fmt::format("--json {}: a regular file expected; --json alone writes to stdout", file));
  const std::string probe = file + ".probe";
  if (!std::ofstream(probe))
    throw Error(fmt::format("--json {}: no file can be written to {}", file, folder.string()));
  std::filesystem::remove(probe);
}

int certify_study(const CertifyArguments& arguments) {
  require_writable(arguments.json_file);
  const Study study = read_study(arguments.study);
  const Problem problem = load_problem(study);
  std::optional<Journal> journal = open_journal(arguments, study, problem);
  const InterruptGuard guard;
  if (!arguments.quiet)
    print_note(fmt::format("{}: {}, network {}\n", arguments.study, problem.data.description,
                           fmt::join(problem.network.describe(), " – ")));
  bool interrupted = false;
  const auto trials = run_trials(arguments, study, problem, std::move(journal), interrupted);
  return report(arguments, study, problem, trials, interrupted);
}

}  // namespace

void add_certify(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<CertifyArguments>();
  CLI::App* command = app.add_subcommand(
      "certify", "Train every configuration of a study natively and prove its exact loss.");
  command->add_option("study", arguments->study, "The study, a TOML file")->required();
  command
      ->add_option_function<std::vector<std::string>>(
          "--json",
          [arguments](const std::vector<std::string>& values) {
            arguments->json = true;
            if (!values.empty()) arguments->json_file = values.front();
          },
          "Write JSON to FILE, or to stdout instead of the table")
      ->expected(0, 1)
      ->type_name("[FILE]");
  command
      ->add_option("--journal", arguments->journal,
                   "Keep finished trials in FILE and take them from there the next time")
      ->type_name("FILE");
  command->add_option("--threads", arguments->threads, "Trials at a time (0: one a processor)")
      ->check(CLI::Range(0, 1024));
  command->add_flag(
      "--explain", arguments->explain,
      "Say for every trial why it was enclosed as it was: bits predicted and lost, time");
  command->add_flag("--quiet", arguments->quiet, "No progress on stderr");
  command->footer(
      "Prints, for every configuration, the native losses, the certified digits of the exact "
      "loss,\n"
      "the certified error of each native loss, the estimate Φ, and the rung that certified; then\n"
      "the certified order. Exit code 1 if a trial stays undecided.");
  command->callback([arguments, &exit_code] { exit_code = certify_study(*arguments); });
}

}  // namespace numgeom::cli
