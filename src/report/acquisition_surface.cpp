#include "acquisition_surface.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "hpo/history_reader.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/acquisition.hpp"

namespace numgeom {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Json = OrderedJson;

constexpr std::size_t kLeastLosses = 5;
constexpr std::ptrdiff_t kMostTrials = 200;  ///< fitting takes their cube
constexpr int kEvaluations = 60;

/// The coordinates of the first two real hyperparameters; nothing where there are fewer.
std::optional<std::pair<Index, Index>> axes_of(const Space& space) {
  std::vector<Index> real;
  const std::vector<const Parameter*> free = space.free();
  for (std::size_t i = 0; i < free.size(); ++i)
    if (free[i]->kind == Parameter::Kind::kFloat) real.push_back(static_cast<Index>(i));
  if (real.size() < 2) return std::nullopt;
  return std::pair(real[0], real[1]);
}

const Evaluation& best_of(const Seen& seen) {
  return **std::min_element(
      seen.finished.begin(), seen.finished.end(),
      [](const Evaluation* a, const Evaluation* b) { return a->loss < b->loss; });
}

/// The least of loss + δ that was seen.
double trusted_loss(const Seen& seen) {
  double least = std::numeric_limits<double>::infinity();
  for (const Evaluation* one : seen.finished) {
    const double delta = one->delta.value_or(0);
    least = std::min(least, one->loss + (std::isfinite(delta) ? delta : 0));
  }
  return least;
}

Surrogate fitted(const Space& space, const Observations& observations) {
  Surrogate surrogate(nominal_cells(space));
  surrogate.fit(observations, {surrogate.prior_mode()}, kEvaluations);
  return surrogate;
}

/// The middle of cell i of `points` equal ones in the unit interval.
double middle(int i, int points) { return (i + 0.5) / points; }

/// Row j·points + i is cell i of the first axis, j of the second.
MatrixXd grid(const VectorXd& centre, std::pair<Index, Index> axes, int points) {
  MatrixXd rows = centre.transpose().replicate(Index{points} * points, 1);
  for (int j = 0; j < points; ++j)
    for (int i = 0; i < points; ++i) {
      rows(Index{j} * points + i, axes.first) = middle(i, points);
      rows(Index{j} * points + i, axes.second) = middle(j, points);
    }
  return rows;
}

Json axis_json(const Parameter& parameter, int points) {
  Json values = Json::array();
  for (int i = 0; i < points; ++i) values.push_back(to_number(parameter.at(middle(i, points))));
  return {{"name", parameter.name},
          {"scale", parameter.logarithmic ? "log" : "linear"},
          {"low", parameter.low},
          {"high", parameter.high},
          {"values", values}};
}

/// From logarithms: each over the greatest, which does not underflow.
Json panel_json(const std::vector<double>& logarithms, int points) {
  const double greatest = *std::max_element(logarithms.begin(), logarithms.end());
  Json rows = Json::array();
  for (int j = 0; j < points; ++j) {
    Json row = Json::array();
    for (int i = 0; i < points; ++i) {
      const double share =
          std::exp(logarithms[static_cast<std::size_t>(j) * points + i] - greatest);
      row.push_back(std::isfinite(share) ? std::round(share * 1e4) / 1e4 : 0);
    }
    rows.push_back(std::move(row));
  }
  return {{"maximum", number_json(std::exp(greatest))}, {"values", rows}};
}

Json surface(const Space& space, const History& history, std::pair<Index, Index> axes, int points) {
  const Seen seen = read_history(space, history);
  const Assignment& best = best_of(seen).assignment;
  const MatrixXd cells = grid(space.encode(best), axes, points);
  const std::vector<Posterior> losses = fitted(space, seen.losses).predict_all(cells);
  const std::vector<Posterior> log_deltas = fitted(space, seen.log_deltas).predict_all(cells);
  const double trusted = trusted_loss(seen);
  std::vector<double> plain;
  std::vector<double> aware;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const Belief belief{losses[i].mean, losses[i].deviation, log_deltas[i].mean,
                        log_deltas[i].deviation};
    plain.push_back(log_expected_improvement(belief, best_of(seen).loss).value);
    aware.push_back(log_precision_aware(belief, trusted, 1).value);
  }
  const std::vector<const Parameter*> free = space.free();
  Json fixed = Json::object();
  for (std::size_t k = 0; k < free.size(); ++k) {
    const Value* value = best.find(free[k]->name);
    if (static_cast<Index>(k) != axes.first && static_cast<Index>(k) != axes.second &&
        value != nullptr)
      fixed[free[k]->name] = value_json(*value);
  }
  return {{"step", history.size()},
          {"axes", {axis_json(*free[axes.first], points), axis_json(*free[axes.second], points)}},
          {"fixed", fixed},
          {"expected_improvement", panel_json(plain, points)},
          {"precision_aware", panel_json(aware, points)}};
}

}  // namespace

OrderedJson acquisition_surface(const Space& space, const History& all, int points) {
  const History history(
      all.begin(), all.begin() + std::min(kMostTrials, static_cast<std::ptrdiff_t>(all.size())));
  const auto axes = axes_of(space);
  const auto usable = std::count_if(history.begin(), history.end(), [](const Evaluation& one) {
    return one.has_loss() && one.delta && *one.delta > 0 && std::isfinite(*one.delta);
  });
  if (!axes || static_cast<std::size_t>(usable) < kLeastLosses) return nullptr;
  return surface(space, history, *axes, points);
}

}  // namespace numgeom
