#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "numgeom/hpo/study.hpp"
#include "numgeom/report/map_report.hpp"

namespace numgeom {

/// One problem of an experiment with its certified trials.
struct ExperimentProblem {
  std::string name;
  const LoadedStudy* study = nullptr;
  std::vector<CertifiedTrial> trials;
};

/// One search of a comparison: its trials in order, certified, and the one that it chose.
struct SearchRun {
  std::string problem;
  bool precision_aware = false;
  int seed = 0;
  std::vector<CertifiedTrial> trials;
  int chosen = -1;  ///< −1: every run diverged
};

/// What the method's authors expect, and what was measured.
struct Expectation {
  std::string about;          ///< problem, precision, or what it is about
  std::string expected;       ///< in words
  std::string measured;       ///< in figures
  std::optional<bool> holds;  ///< none where there was nothing to measure it by
};

/// An experiment's outcome. Numbers rest on certified errors: enclosures of the exact losses.
struct ExperimentResult {
  std::string name;   ///< as on the command line
  std::string title;  ///< for people
  std::vector<Expectation> claims;
  std::string text;                           ///< what was measured, as tables
  std::map<std::string, std::string> tables;  ///< CSV by file name

  /// The text, then every claim beside what was measured.
  [[nodiscard]] std::string to_text() const;
  /// One JSON document, `kind` "experiment": `experiment`, `title`, `build`, `claims`.
  [[nodiscard]] std::string to_json() const;
};

/// Every estimator, and |L̂ − L̂_fp64|, beside the certified errors: coverage, tightness, overhead.
[[nodiscard]] ExperimentResult error_bounds(std::span<const ExperimentProblem> problems);
/// Which orders rounding changes, and which of them the criterion |L̂₁ − L̂₂| ≤ δ₁ + δ₂ flags.
[[nodiscard]] ExperimentResult ranking_reliability(std::span<const ExperimentProblem> problems);
/// Expected improvement beside the precision-aware acquisition, seed by seed.
[[nodiscard]] ExperimentResult search_comparison(std::span<const SearchRun> runs);
/// The relative error over two hyperparameters.
[[nodiscard]] ExperimentResult stability_mapping(const LoadedStudy& study, const StabilityMap& map);
/// How often the native winner is not the exact one.
[[nodiscard]] ExperimentResult winner_sensitivity(std::span<const ExperimentProblem> problems);

}  // namespace numgeom
