#include "maximise.hpp"

#include <algorithm>
#include <numeric>

#include "feasible.hpp"

namespace numgeom {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int kMostCandidates = 512;
constexpr int kCandidatesPerDimension = 64;
constexpr int kLocalCandidates = 10;  ///< for each centre
constexpr int kSearches = 3;
constexpr int kEvaluations = 25;
constexpr int kExchanges = 4;
/// Steps from a centre, in the unit cube.
constexpr double kSteps[] = {0.1, 0.01, 0.001};
constexpr double kCellChange = 0.3;  ///< probability that a nominal coordinate changes

struct Found {
  VectorXd point;
  double value;
};

VectorXd step_from(const Space& space, const VectorXd& centre, double size, Deviates& deviates) {
  VectorXd point = centre;
  Index d = 0;
  for (const Parameter* parameter : space.free()) {
    double& x = point[d++];
    if (parameter->is_nominal()) {
      if (deviates.uniform() < kCellChange) x = deviates.uniform();
      continue;
    }
    const double cells = static_cast<double>(parameter->cells());
    const double width = cells > 0 ? std::max(size, 1 / cells) : size;
    x = std::clamp(x + width * deviates.normal(), 0.0, 1.0);
  }
  return point;
}

/// Searches from one start in turn: L-BFGS on the ordered coordinates, then single cells.
class LocalSearch {
 public:
  LocalSearch(const Space& space, const Acquisition& acquisition)
      : space_(space), acquisition_(acquisition), free_(space.free()) {}

  [[nodiscard]] Found from(const Found& start) const {
    Found best = climbed(start);
    for (int i = 0; i < kExchanges; ++i) {
      const auto better = exchanged(best);
      if (!better) break;
      best = climbed(*better);
    }
    return best;
  }

 private:
  /// The end of the climb where it is feasible and better.
  [[nodiscard]] Found climbed(const Found& start) const {
    const SmoothFunction negative = [this](const VectorXd& x, VectorXd& slope) {
      const double value = acquisition_.smooth(x, slope);
      slope = -slope;
      return -value;
    };
    VectorXd lower = VectorXd::Zero(start.point.size());
    VectorXd upper = VectorXd::Ones(start.point.size());
    for (Index d = 0; d < start.point.size(); ++d)
      if (free_[static_cast<std::size_t>(d)]->is_nominal()) lower[d] = upper[d] = start.point[d];
    const Minimum end = minimise(negative, start.point, lower, upper, kEvaluations);
    return better_of(start, end.point);
  }

  [[nodiscard]] Found better_of(const Found& known, const VectorXd& candidate) const {
    const Assignment assignment = space_.decode(candidate);
    if (!space_.feasible(assignment)) return known;
    VectorXd point = space_.encode(assignment);
    const double value = acquisition_.values(point.transpose())[0];
    return value > known.value ? Found{std::move(point), value} : known;
  }

  /// The best feasible point that differs in one cell, where it is better.
  [[nodiscard]] std::optional<Found> exchanged(const Found& start) const {
    std::vector<VectorXd> neighbours;
    for (std::size_t d = 0; d < free_.size(); ++d) add_neighbours(start.point, d, neighbours);
    if (neighbours.empty()) return std::nullopt;
    MatrixXd rows(static_cast<Index>(neighbours.size()), start.point.size());
    for (std::size_t i = 0; i < neighbours.size(); ++i)
      rows.row(static_cast<Index>(i)) = neighbours[i].transpose();
    Index at = 0;
    const double value = acquisition_.values(rows).maxCoeff(&at);
    if (!(value > start.value)) return std::nullopt;
    return Found{neighbours[static_cast<std::size_t>(at)], value};
  }

  void add_neighbours(const VectorXd& point, std::size_t d,
                      std::vector<VectorXd>& neighbours) const {
    const auto cells = static_cast<double>(free_[d]->cells());
    if (cells == 0) return;
    std::vector<double> positions;
    if (free_[d]->is_nominal())
      for (double cell = 0; cell < cells; ++cell) positions.push_back((cell + 0.5) / cells);
    else
      positions = {point[static_cast<Index>(d)] - 1 / cells,
                   point[static_cast<Index>(d)] + 1 / cells};
    for (const double position : positions) {
      VectorXd neighbour = point;
      neighbour[static_cast<Index>(d)] = std::clamp(position, 0.0, 1.0);
      const Assignment assignment = space_.decode(neighbour);
      if (!space_.feasible(assignment)) continue;
      neighbours.push_back(space_.encode(assignment));
    }
  }

  const Space& space_;
  const Acquisition& acquisition_;
  std::vector<const Parameter*> free_;
};

}  // namespace

MatrixXd candidates(const Space& space, int count, const std::vector<VectorXd>& centres,
                    Deviates& deviates) {
  std::vector<VectorXd> found;
  const auto add = [&](const VectorXd& point) {
    const Assignment assignment = space.decode(point);
    if (space.feasible(assignment)) found.push_back(space.encode(assignment));
  };
  const auto points = sobol_points(space.dimensions(), deviates.word());
  for (int i = 0; i < count || (found.empty() && i < kMostRejected); ++i) add(*points->next());
  for (const VectorXd& centre : centres)
    for (int i = 0; i < kLocalCandidates; ++i)
      for (const double size : kSteps) add(step_from(space, centre, size, deviates));
  if (found.empty()) throw nothing_feasible();
  MatrixXd rows(static_cast<Index>(found.size()), space.dimensions());
  for (std::size_t i = 0; i < found.size(); ++i)
    rows.row(static_cast<Index>(i)) = found[i].transpose();
  return rows;
}

std::vector<VectorXd> maximise(const Space& space, const Acquisition& acquisition,
                               const std::vector<VectorXd>& centres, Deviates& deviates) {
  const int count = std::min(kMostCandidates, kCandidatesPerDimension * (1 + space.dimensions()));
  const MatrixXd starts = candidates(space, count, centres, deviates);
  const VectorXd values = acquisition.values(starts);
  std::vector<Index> order(static_cast<std::size_t>(starts.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return values[a] > values[b]; });
  const LocalSearch search(space, acquisition);
  std::vector<Found> ends;
  for (std::size_t i = 0; i < std::min<std::size_t>(kSearches, order.size()); ++i)
    ends.push_back(search.from({starts.row(order[i]).transpose(), values[order[i]]}));
  std::stable_sort(ends.begin(), ends.end(),
                   [](const Found& a, const Found& b) { return a.value > b.value; });
  std::vector<VectorXd> result;
  for (Found& end : ends) result.push_back(std::move(end.point));
  for (const Index i : order) result.emplace_back(starts.row(i).transpose());
  return result;
}

}  // namespace numgeom
