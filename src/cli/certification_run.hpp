#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "numgeom/hpo/study.hpp"
#include "numgeom/report/journal.hpp"

namespace numgeom::cli {

struct RunOptions {
  std::string journal;  ///< a file that keeps finished trials; empty for none
  int threads = 0;      ///< 0: one a processor
  bool quiet = false;
};

/// Adds `--threads` (its help says what they are) and `--quiet`; `options` must outlive the
/// parsing.
void add_run_options(CLI::App& command, const std::string& workers, RunOptions& options);
/// Those and `--journal`.
void add_certification_options(CLI::App& command, RunOptions& options);

/// Certifies the trials of a study with a progress line. What the journal has is taken from there,
/// and what is finished is appended to it.
class CertificationRun {
 public:
  /// Throws `Error` as `Journal` does. The study lives longer; the label is the progress line's.
  CertificationRun(const LoadedStudy& study, std::string label, RunOptions options);

  /// The finished ones in the order of the trials: all, unless it was interrupted.
  [[nodiscard]] std::vector<CertifiedTrial> certify(const std::vector<Trial>& trials);
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  const LoadedStudy& study_;
  std::string label_;
  RunOptions options_;
  std::optional<Journal> journal_;
  bool interrupted_ = false;
};

/// How far it came and how to go on, as one line.
[[nodiscard]] std::string interrupted_note(std::size_t finished, std::size_t total,
                                           const std::string& journal);

}  // namespace numgeom::cli
