#pragma once

#include <string>
#include <vector>

#include "numgeom/hpo/stability_map.hpp"
#include "numgeom/hpo/study.hpp"

namespace numgeom {

/// One cell of a stability map: the worst over its samples.
struct MapCell {
  Cell cell;
  bool evaluated = false;
  Stability verdict = Stability::kUndecided;  ///< stable: all samples are; unstable: one is
  Stability by_phi = Stability::kUndecided;   ///< Φ/|L̂| < tolerance for all samples, or not
  CertifiedError relative_error;              ///< ∞ where a run diverged
  double relative_phi = 0;                    ///< Φ/|L̂|; ∞ where a run diverged
  double loss = 0;                            ///< middle of the exact one, mean over the samples
  double log10_error = 0;  ///< of the upper bound; interpolated where not evaluated, for pictures
};

/// Relative errors of the loss over two hyperparameters, for the first precision of a study.
///
/// Inclusion: verdicts of evaluated cells are proved; those of other cells are inferred from the
/// cells around (see `Refinement`).
class StabilityMap {
 public:
  /// Throws `Error` as `MapGrid` does.
  StabilityMap(const LoadedStudy& study, MapOptions options);

  /// The trials to certify next; empty once the map is complete.
  [[nodiscard]] std::vector<Trial> next();
  /// Takes the certified trials of the last `next()`, in its order.
  void add(const std::vector<CertifiedTrial>& trials);

  [[nodiscard]] const MapGrid& grid() const { return grid_; }
  [[nodiscard]] const MapOptions& options() const { return options_; }
  [[nodiscard]] int evaluated() const { return static_cast<int>(cells_.size()); }
  /// All cells, row by row; of a complete map.
  [[nodiscard]] std::vector<MapCell> cells() const;

 private:
  [[nodiscard]] MapCell judge(const Cell& cell, const std::vector<CertifiedTrial>& samples) const;
  [[nodiscard]] const MapCell& at(const Cell& cell) const;

  const LoadedStudy& study_;
  MapOptions options_;
  MapGrid grid_;
  Refinement refinement_;
  std::vector<std::pair<Cell, std::size_t>> asked_;  ///< cells of the last batch, trials of each
  std::vector<MapCell> cells_;
};

/// A drawing in characters, the boundary, and how well Φ sees it.
[[nodiscard]] std::string map_text(const LoadedStudy& study, const StabilityMap& map);
/// One JSON document, `kind` "map"; the fields are listed in README.md.
[[nodiscard]] std::string map_json(const LoadedStudy& study, const StabilityMap& map);

}  // namespace numgeom
