#pragma once

#include <optional>
#include <string>
#include <vector>

#include "numgeom/hpo/racing.hpp"
#include "numgeom/hpo/storage.hpp"

namespace numgeom {

/// A search and what is known of its trials.
struct SearchResult {
  StoredStudy study;
  std::vector<StoredTrial> trials;
  std::optional<Race> race;       ///< nothing where none was run
  std::vector<int> race_numbers;  ///< the stored number of every trial of the race
  double penalty = 1;             ///< λ: what a unit of δ is worth against a unit of loss
};

/// The number of the trial with the least loss + penalty·δ (an unknown δ counts as none); −1 where
/// no trial has a finite loss.
[[nodiscard]] int chosen_trial(const std::vector<StoredTrial>& trials, double penalty);
/// Trials that no other beats in loss and δ at once, the least loss first.
[[nodiscard]] std::vector<int> pareto_front(const std::vector<StoredTrial>& trials);
/// Whether the order of two losses is that of the exact ones, as far as their δ are bounds:
/// |L̂₁ − L̂₂| > δ₁ + δ₂. False where a δ is unknown.
[[nodiscard]] bool reliable_order(const Evaluation& first, const Evaluation& second);

/// For people: the trials by loss (at most `most`; 0: all), the choices, the front and the
/// verdicts.
[[nodiscard]] std::string search_text(const SearchResult& result, int most = 20);
/// One JSON document, `schema_version` 1: `study`, `trials[]`, `best`, `trusted`, `pareto_front`,
/// `reliable_pairs`, and `race` where one was run.
[[nodiscard]] std::string search_json(const SearchResult& result);

}  // namespace numgeom
