#include "history_reader.hpp"

#include <algorithm>
#include <cmath>

namespace numgeom {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Above the median, in units of median − least. Measured on Branin, where losses of up to 300 hide
/// a minimum at 0.4: 2 leaves 2e-3 after 30 evaluations, 0.3 leaves 1e-5.
constexpr double kHeadroom = 0.3;
constexpr double kUnknown = -1;  ///< a variance to be fitted
constexpr double kLeastDelta = 1e-300;
constexpr double kMostDelta = 1e100;  ///< its square is a double

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Where losses are pulled down to.
double ceiling_of(const History& history) {
  std::vector<double> losses;
  for (const Evaluation& evaluation : history)
    if (evaluation.has_loss()) losses.push_back(evaluation.loss);
  const double middle = median(losses);
  const double least = *std::min_element(losses.begin(), losses.end());
  const double greatest = *std::max_element(losses.begin(), losses.end());
  return std::min(greatest, middle + kHeadroom * (middle - least));
}

class HistoryReader {
 public:
  HistoryReader(const Space& space, const History& history)
      : space_(space), history_(history), ceiling_(ceiling_of(history)) {}

  [[nodiscard]] Seen read() {
    Seen seen;
    for (const Evaluation& evaluation : history_) {
      const VectorXd point = space_.encode(evaluation.assignment);
      if (evaluation.state == Evaluation::State::kRunning)
        seen.running.push_back(point);
      else
        add(evaluation, point, seen);
    }
    seen.losses = loss_.collected(space_.dimensions());
    seen.log_deltas = delta_.collected(space_.dimensions());
    return seen;
  }

 private:
  struct Collector {
    std::vector<VectorXd> points;
    std::vector<double> values;
    std::vector<double> variances;

    void add(const VectorXd& point, double value, double variance) {
      points.push_back(point);
      values.push_back(value);
      variances.push_back(variance);
    }
    [[nodiscard]] Observations collected(int dimensions) const {
      const auto n = static_cast<Index>(points.size());
      Observations result{MatrixXd(n, dimensions), VectorXd(n), VectorXd(n)};
      for (Index i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(i);
        result.points.row(i) = points[at].transpose();
        result.values[i] = values[at];
        result.variances[i] = variances[at];
      }
      return result;
    }
  };

  void add(const Evaluation& evaluation, const VectorXd& point, Seen& seen) {
    if (!evaluation.has_loss()) {
      loss_.add(point, ceiling_, kUnknown);
      return;
    }
    seen.finished.push_back(&evaluation);
    const bool known = evaluation.delta && std::isfinite(*evaluation.delta);
    const double delta = known ? std::min(*evaluation.delta, kMostDelta) : 0;
    loss_.add(point, std::min(evaluation.loss, ceiling_), known ? delta * delta : kUnknown);
    if (!known) return;
    seen.any_delta = seen.any_delta || delta > 0;
    delta_.add(point, std::log(std::max(delta, kLeastDelta)), kUnknown);
  }

  const Space& space_;
  const History& history_;
  double ceiling_;
  Collector loss_;
  Collector delta_;
};

}  // namespace

Seen read_history(const Space& space, const History& history) {
  return HistoryReader(space, history).read();
}

std::vector<int> nominal_cells(const Space& space) {
  std::vector<int> cells;
  for (const Parameter* parameter : space.free())
    cells.push_back(parameter->is_nominal() ? static_cast<int>(parameter->cells()) : 0);
  return cells;
}

}  // namespace numgeom
