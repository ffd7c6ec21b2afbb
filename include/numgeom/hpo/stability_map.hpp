#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "numgeom/hpo/space.hpp"
#include "numgeom/ranking/stability.hpp"

namespace numgeom {

/// What is drawn over which two hyperparameters.
struct MapOptions {
  std::string x;  ///< empty: the first one that is tuned
  std::string y;  ///< empty: the next one
  int columns = 20;
  int rows = 20;
  double tolerance = 1e-4;  ///< on |L̂ − L*|/|L*|
  /// Values of other hyperparameters that the map is for.
  std::vector<std::pair<std::string, Value>> fixed;
  /// Those that are neither drawn nor fixed take as many Sobol points in every cell.
  int samples = 1;
  /// Cells near the boundary only, from a coarse lattice on.
  bool adaptive = false;

  /// Throws `Error` naming the option and its value when one is out of range.
  void validate() const;
};

struct MapAxis {
  Parameter parameter;
  std::vector<double> positions;  ///< in the unit cube
  std::vector<Value> values;
};

struct Cell {
  int x = 0;
  int y = 0;

  friend bool operator==(const Cell&, const Cell&) = default;
};

/// Two axes of a space, and the configurations of every cell.
class MapGrid {
 public:
  /// Throws `Error` for a hyperparameter that the space has not or that is conditional, the same
  /// one twice, or a value that it cannot take.
  MapGrid(Space space, const MapOptions& options);

  [[nodiscard]] const MapAxis& x() const { return x_; }
  [[nodiscard]] const MapAxis& y() const { return y_; }
  [[nodiscard]] int columns() const { return static_cast<int>(x_.values.size()); }
  [[nodiscard]] int rows() const { return static_cast<int>(y_.values.size()); }
  /// Samples of a cell; those that break a constraint are left out. The same points for all cells.
  [[nodiscard]] std::vector<Assignment> configurations(const Cell& cell) const;

 private:
  void fix(const std::string& name, const Value& value);
  [[nodiscard]] MapAxis axis(const std::string& name, int points) const;

  Space space_;
  MapAxis x_;
  MapAxis y_;
  std::vector<Eigen::VectorXd> samples_;  ///< points of the unit cube, the axes to be set
};

/// Which cells of a map have to be known, batch by batch.
///
/// Without `adaptive` all of them. With it a lattice of every fourth cell first; a block of the
/// lattice is halved as long as what is known in it and on its edges differs, along x where the
/// columns tell why, along y where the rows do, along both otherwise. Two cells differ in their
/// verdicts, or in their losses by more than a third: between trainings that end differently there
/// is often a thin region of chaos. Then the boundary is followed: all neighbours of two adjacent
/// cells with different verdicts are evaluated. Cells that are left are taken to be as the nearest
/// corner of their block: a region within one block between like trainings that touches nothing
/// known is not seen.
class Refinement {
 public:
  Refinement(int columns, int rows, bool adaptive);

  /// Cells to evaluate next, row by row; empty once the map is complete.
  [[nodiscard]] std::vector<Cell> next();
  /// The verdict on an evaluated cell and its loss; one that is not finite is compared with none.
  void set(const Cell& cell, Stability stability, double loss);

  [[nodiscard]] bool known(const Cell& cell) const { return known_[index(cell)].has_value(); }
  /// What is known, or what all that is known of its block agrees on. For a complete map.
  [[nodiscard]] Stability inferred(const Cell& cell) const;
  /// The known cells around a cell that is not: the corners of its block, and how much of each
  /// bilinear interpolation takes; for pictures.
  [[nodiscard]] std::vector<std::pair<Cell, double>> corners(const Cell& cell) const;

 private:
  struct Known {
    Stability stability;
    double loss;
  };
  struct Block {
    int x0 = 0;
    int x1 = 0;
    int y0 = 0;
    int y1 = 0;
  };
  [[nodiscard]] std::size_t index(const Cell& cell) const {
    return static_cast<std::size_t>(cell.y) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(cell.x);
  }
  /// What is known of the block is a function of key(x, y).
  template <class Key>
  [[nodiscard]] bool depends_on(const Block& block, const Key& key) const;
  [[nodiscard]] const Block& block_of(const Cell& cell) const;
  /// Corners of blocks that are not known.
  [[nodiscard]] std::vector<Cell> open_corners() const;
  /// Unknown neighbours of adjacent cells with different verdicts.
  [[nodiscard]] std::vector<Cell> along_boundary() const;
  [[nodiscard]] std::vector<Cell> neighbours(const Cell& cell) const;
  /// Halves every block whose cells differ, along the axes that they differ along; false if none.
  bool split();

  int columns_;
  int rows_;
  bool adaptive_;
  std::vector<Block> blocks_;
  std::vector<std::optional<Known>> known_;
};

}  // namespace numgeom
