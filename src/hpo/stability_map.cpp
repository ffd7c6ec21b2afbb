#include "numgeom/hpo/stability_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"

namespace numgeom {
namespace {

constexpr int kLatticeStep = 4;

/// 0, 4, 8, … and the last.
std::vector<int> lattice(int count, int step) {
  std::vector<int> places;
  for (int i = 0; i < count - 1; i += step) places.push_back(i);
  places.push_back(count - 1);
  return places;
}

/// The two halves of [low, high], which share their middle; whole where there is none.
std::vector<std::pair<int, int>> halves(int low, int high, bool split) {
  if (!split || high - low < 2) return {{low, high}};
  const int middle = (low + high) / 2;
  return {{low, middle}, {middle, high}};
}

double share(int low, int high, int at) {
  return low == high ? 0 : static_cast<double>(at - low) / (high - low);
}

int nearer(int low, int high, int at) { return at - low <= high - at ? low : high; }

/// Cells that are alike: one verdict, and finite losses that differ by no more than a third of the
/// greatest.
class Likeness {
 public:
  /// False once they are not.
  bool add(Stability stability, double loss) {
    if (!stability_) stability_ = stability;
    if (std::isfinite(loss)) {
      least_ = std::min(least_, loss);
      most_ = std::max(most_, loss);
    }
    const double size = std::max(std::abs(least_), std::abs(most_));
    return *stability_ == stability && !(most_ - least_ > size / 3);
  }

 private:
  std::optional<Stability> stability_;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
};

std::string name_or(const std::string& name, const std::vector<const Parameter*>& free,
                    const std::string& other) {
  if (!name.empty()) return name;
  for (const Parameter* parameter : free)
    if (parameter->name != other) return parameter->name;
  throw Error("map: two hyperparameters that are tuned expected");
}

}  // namespace

void MapOptions::validate() const {
  if (columns < 2 || rows < 2)
    throw Error(fmt::format("map: at least 2 by 2 cells expected, not {} by {}", columns, rows));
  if (!(tolerance > 0))
    throw Error(fmt::format("map: a tolerance > 0 expected, not {}", tolerance));
  if (samples < 1) throw Error(fmt::format("map: at least 1 sample expected, not {}", samples));
}

MapGrid::MapGrid(Space space, const MapOptions& options) : space_(std::move(space)) {
  options.validate();
  for (const auto& [name, value] : options.fixed) fix(name, value);
  const std::vector<const Parameter*> free = space_.free();
  const std::string x = name_or(options.x, free, options.y);
  const std::string y = name_or(options.y, free, x);
  if (x == y) throw Error(fmt::format("map: two different hyperparameters expected, not {}", x));
  x_ = axis(x, options.columns);
  y_ = axis(y, options.rows);
  const int others = space_.dimensions() - 2;
  const auto points = sobol_points(others, std::nullopt);
  for (int s = 0; s < (others == 0 ? 1 : options.samples); ++s) {
    const Eigen::VectorXd point = *points->next();
    Eigen::VectorXd full(space_.dimensions());
    Eigen::Index next = 0;
    for (Eigen::Index i = 0; i < full.size(); ++i) {
      const std::string& name = free[static_cast<std::size_t>(i)]->name;
      full[i] = name == x || name == y ? 0 : point[next++];
    }
    samples_.push_back(std::move(full));
  }
}

void MapGrid::fix(const std::string& name, const Value& value) {
  const auto found = std::find_if(space_.parameters.begin(), space_.parameters.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  if (found == space_.parameters.end())
    throw Error(fmt::format("map: the study has no hyperparameter '{}' in its space", name));
  if (!found->contains(value))
    throw Error(fmt::format("map: {} = {} is not in its range", name, to_string(value)));
  std::optional<Condition> condition = found->condition;
  *found = Parameter::fixed(name, value);
  found->condition = std::move(condition);
}

MapAxis MapGrid::axis(const std::string& name, int points) const {
  const Parameter* parameter = space_.find(name);
  if (parameter == nullptr || parameter->is_fixed())
    throw Error(fmt::format("map: the study does not tune a hyperparameter '{}'", name));
  if (parameter->condition)
    throw Error(fmt::format("map: {} is not always active, and cannot be an axis", name));
  MapAxis axis{*parameter, grid_positions(*parameter, points), {}};
  for (const double position : axis.positions) axis.values.push_back(parameter->at(position));
  return axis;
}

std::vector<Assignment> MapGrid::configurations(const Cell& cell) const {
  const std::vector<const Parameter*> free = space_.free();
  std::vector<Assignment> result;
  for (Eigen::VectorXd point : samples_) {
    for (Eigen::Index i = 0; i < point.size(); ++i) {
      const std::string& name = free[static_cast<std::size_t>(i)]->name;
      if (name == x_.parameter.name) point[i] = x_.positions[static_cast<std::size_t>(cell.x)];
      if (name == y_.parameter.name) point[i] = y_.positions[static_cast<std::size_t>(cell.y)];
    }
    Assignment assignment = space_.decode(point);
    if (space_.feasible(assignment)) result.push_back(std::move(assignment));
  }
  return result;
}

Refinement::Refinement(int columns, int rows, bool adaptive)
    : columns_(columns),
      rows_(rows),
      adaptive_(adaptive),
      known_(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {
  const int step = adaptive ? kLatticeStep : 1;
  const std::vector<int> xs = lattice(columns, step);
  const std::vector<int> ys = lattice(rows, step);
  for (std::size_t j = 0; j + 1 < ys.size(); ++j)
    for (std::size_t i = 0; i + 1 < xs.size(); ++i)
      blocks_.push_back({xs[i], xs[i + 1], ys[j], ys[j + 1]});
}

void Refinement::set(const Cell& cell, Stability stability, double loss) {
  known_[index(cell)] = {stability, loss};
}

template <class Key>
bool Refinement::depends_on(const Block& block, const Key& key) const {
  std::map<int, Likeness> seen;
  for (int y = block.y0; y <= block.y1; ++y)
    for (int x = block.x0; x <= block.x1; ++x)
      if (const auto& here = known_[index({x, y})];
          here && !seen[key(x, y)].add(here->stability, here->loss))
        return false;
  return true;
}

bool Refinement::split() {
  std::vector<Block> blocks;
  for (const Block& block : blocks_) {
    const bool uniform = depends_on(block, [](int, int) { return 0; });
    const bool by_x = depends_on(block, [](int x, int) { return x; });
    const bool by_y = depends_on(block, [](int, int y) { return y; });
    for (const auto& [y0, y1] : halves(block.y0, block.y1, !uniform && !by_x))
      for (const auto& [x0, x1] : halves(block.x0, block.x1, !uniform && (by_x || !by_y)))
        blocks.push_back({x0, x1, y0, y1});
  }
  blocks_.swap(blocks);
  return blocks_.size() > blocks.size();
}

std::vector<Cell> Refinement::open_corners() const {
  std::vector<Cell> cells;
  for (const Block& block : blocks_)
    for (const Cell& corner : {Cell{block.x0, block.y0}, Cell{block.x1, block.y0},
                               Cell{block.x0, block.y1}, Cell{block.x1, block.y1}})
      if (!known(corner)) cells.push_back(corner);
  return cells;
}

std::vector<Cell> Refinement::neighbours(const Cell& cell) const {
  std::vector<Cell> cells;
  for (const auto& [x, y] : {Cell{cell.x - 1, cell.y}, Cell{cell.x + 1, cell.y},
                             Cell{cell.x, cell.y - 1}, Cell{cell.x, cell.y + 1}})
    if (x >= 0 && x < columns_ && y >= 0 && y < rows_) cells.push_back({x, y});
  return cells;
}

std::vector<Cell> Refinement::along_boundary() const {
  std::vector<Cell> cells;
  for (int y = 0; y < rows_; ++y)
    for (int x = 0; x < columns_; ++x) {
      const auto& here = known_[index({x, y})];
      if (!here) continue;
      const std::vector<Cell> around = neighbours({x, y});
      const bool on_boundary = std::any_of(around.begin(), around.end(), [&](const Cell& other) {
        const auto& there = known_[index(other)];
        return there && there->stability != here->stability;
      });
      if (on_boundary)
        std::copy_if(around.begin(), around.end(), std::back_inserter(cells),
                     [&](const Cell& other) { return !known(other); });
    }
  return cells;
}

std::vector<Cell> Refinement::next() {
  std::vector<Cell> cells = open_corners();
  while (cells.empty() && split()) cells = open_corners();
  if (cells.empty() && adaptive_) cells = along_boundary();
  std::sort(cells.begin(), cells.end(),
            [&](const Cell& a, const Cell& b) { return index(a) < index(b); });
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  return cells;
}

const Refinement::Block& Refinement::block_of(const Cell& cell) const {
  return *std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return block.x0 <= cell.x && cell.x <= block.x1 && block.y0 <= cell.y && cell.y <= block.y1;
  });
}

Stability Refinement::inferred(const Cell& cell) const {
  if (const auto& known = known_[index(cell)]) return known->stability;
  const Block& block = block_of(cell);
  return known_[index({nearer(block.x0, block.x1, cell.x), nearer(block.y0, block.y1, cell.y)})]
      ->stability;
}

std::vector<std::pair<Cell, double>> Refinement::corners(const Cell& cell) const {
  const Block& block = block_of(cell);
  const double x = share(block.x0, block.x1, cell.x);
  const double y = share(block.y0, block.y1, cell.y);
  return {{{block.x0, block.y0}, (1 - x) * (1 - y)},
          {{block.x1, block.y0}, x * (1 - y)},
          {{block.x0, block.y1}, (1 - x) * y},
          {{block.x1, block.y1}, x * y}};
}

}  // namespace numgeom
