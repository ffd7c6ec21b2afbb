#include "certification_run.hpp"

#include <fmt/format.h>

#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "trial_pool.hpp"

namespace numgeom::cli {

void add_run_options(CLI::App& command, const std::string& workers, RunOptions& options) {
  command.add_option("--threads", options.threads, workers + " (0: one a processor)")
      ->check(CLI::Range(0, 1024));
  command.add_flag("--quiet", options.quiet, "No progress on stderr");
}

void add_certification_options(CLI::App& command, RunOptions& options) {
  command
      .add_option("--journal", options.journal,
                  "Keep finished trials in FILE and take them from there the next time")
      ->type_name("FILE");
  add_run_options(command, "Trials at a time", options);
}

CertificationRun::CertificationRun(const LoadedStudy& study, std::string label, RunOptions options)
    : study_(study), label_(std::move(label)), options_(std::move(options)) {
  if (!options_.journal.empty()) journal_.emplace(options_.journal, study);
}

std::vector<CertifiedTrial> CertificationRun::certify(const std::vector<Trial>& trials) {
  const Study& study = study_.study();
  TrialPool pool(trials, study.precisions, study.certify, thread_count(options_.threads));
  if (journal_) {
    for (std::size_t i = 0; i < trials.size(); ++i)
      if (auto known = journal_->find(trials[i])) pool.skip(i, std::move(*known));
  }
  ProgressLine progress(label_, options_.quiet);
  pool.run(
      [&](double share, int finished) {
        progress.update(share, finished, static_cast<int>(trials.size()));
        return !InterruptGuard::requested();
      },
      [&](const CertifiedTrial& trial) {
        if (journal_) journal_->append(trial);
      });
  progress.close();
  interrupted_ = pool.interrupted();
  return pool.finished();
}

std::string interrupted_note(std::size_t finished, std::size_t total, const std::string& journal) {
  return fmt::format("numgeom: interrupted: {} of {} trials finished{}\n", finished, total,
                     journal.empty() ? "; --journal FILE keeps finished trials for the next run"
                                     : "; the same command goes on from " + journal);
}

}  // namespace numgeom::cli
