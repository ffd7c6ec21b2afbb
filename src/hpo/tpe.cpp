#include "numgeom/hpo/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "feasible.hpp"
#include "numgeom/hpo/design.hpp"

namespace numgeom {
namespace {

// Measured on functions of two and six coordinates with 20 to 100 evaluations (bench/optimizers).
constexpr double kGoodPart = 0.15;
constexpr int kMostGood = 25;
constexpr int kCandidates = 24;
constexpr double kUniformWeight = 0.5;  ///< where a kernel of equal weights has 1
constexpr double kScott = 0.5;          ///< times Scott's rule: good trials lie in several places
constexpr double kLeastDeviation = 1e-3;

/// Draws for one candidate until it is feasible and new; all of them fail where little is either.
constexpr int kTries = 50;

/// Φ(b) − Φ(a) without cancellation in the upper tail.
double normal_mass(double a, double b) {
  if (a > 0) return normal_mass(-b, -a);
  constexpr double kScale = std::numbers::sqrt2 / 2;
  return 0.5 * (std::erfc(-b * kScale) - std::erfc(-a * kScale));
}

double log_sum_exp(const std::vector<double>& terms) {
  const double most = *std::max_element(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - most);
  return most + std::log(sum);
}

/// A configuration as kernels see it: the cell of every coordinate, none where it is inactive.
struct Cells {
  Eigen::VectorXd from;
  Eigen::VectorXd to;

  [[nodiscard]] bool active(Eigen::Index j) const { return from[j] <= to[j]; }
  [[nodiscard]] double middle(Eigen::Index j) const { return from[j] + 0.5 * (to[j] - from[j]); }
};

Cells cells_of(const std::vector<const Parameter*>& parameters, const Assignment& assignment) {
  const auto dimensions = static_cast<Eigen::Index>(parameters.size());
  Cells result{Eigen::VectorXd::Ones(dimensions), Eigen::VectorXd::Zero(dimensions)};
  for (Eigen::Index j = 0; j < dimensions; ++j) {
    const Parameter& parameter = *parameters[static_cast<std::size_t>(j)];
    if (const Value* value = assignment.find(parameter.name))
      std::tie(result.from[j], result.to[j]) = parameter.cell(*value);
  }
  return result;
}

/// The kernels of one coordinate: a Gaussian restricted to [0, 1], or one of several values.
class Axis {
 public:
  Axis(const Parameter& parameter, Eigen::Index index, const std::vector<Cells>& trials,
       int dimensions)
      : index_(index),
        choices_(parameter.is_nominal() ? static_cast<double>(parameter.cells()) : 0),
        own_(static_cast<double>(trials.size()) / (static_cast<double>(trials.size()) + 1)),
        deviation_(std::max(least_deviation(parameter), scott(trials, dimensions))) {
    for (const Cells& trial : trials) {
      const double x = trial.middle(index_);
      masses_.push_back(normal_mass(-x / deviation_, (1 - x) / deviation_));
    }
  }

  [[nodiscard]] double draw(const Cells& trial, Deviates& deviates) const {
    if (!trial.active(index_)) return deviates.uniform();
    const double centre = trial.middle(index_);
    if (choices_ > 0) return deviates.uniform() < own_ ? centre : deviates.uniform();
    for (;;) {
      const double x = centre + deviation_ * deviates.normal();
      if (0 <= x && x <= 1) return x;
    }
  }

  /// Of the mean density in the cell of `at`.
  [[nodiscard]] double log_density(std::size_t i, const Cells& trial, const Cells& at) const {
    if (!trial.active(index_) || !at.active(index_)) return 0;
    const double from = at.from[index_], to = at.to[index_], centre = trial.middle(index_);
    if (choices_ > 0)
      return std::log(1 - own_ + (from == trial.from[index_] ? own_ * choices_ : 0));
    if (from == to) {
      const double z = (from - centre) / deviation_;
      constexpr double kInverseRoot = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
      return -0.5 * z * z + std::log(kInverseRoot / (deviation_ * masses_[i]));
    }
    const double inside = normal_mass((from - centre) / deviation_, (to - centre) / deviation_);
    return std::log(
        std::max(inside / (masses_[i] * (to - from)), std::numeric_limits<double>::min()));
  }

 private:
  /// Half a cell: with less, good trials that share a value would never leave it.
  [[nodiscard]] static double least_deviation(const Parameter& parameter) {
    const auto cells = static_cast<double>(parameter.cells());
    return cells > 0 ? std::max(kLeastDeviation, 0.5 / cells) : kLeastDeviation;
  }

  /// The deviation of the trials, one of them uniform in [0, 1] so that a few may lie together.
  [[nodiscard]] double scott(const std::vector<Cells>& trials, int dimensions) const {
    double count = 1, sum = 0.5, squares = 1.0 / 3;
    for (const Cells& trial : trials) {
      if (!trial.active(index_)) continue;
      const double x = trial.middle(index_);
      ++count;
      sum += x;
      squares += x * x;
    }
    const double variance = squares / count - sum / count * sum / count;
    return kScott * std::sqrt(variance) * std::pow(count, -1.0 / (dimensions + 4));
  }

  Eigen::Index index_;
  double choices_;  ///< 0 for an ordered coordinate
  double own_;      ///< the weight of the trial's own choice; the rest is for all
  double deviation_;
  std::vector<double> masses_;  ///< of every trial's Gaussian in [0, 1]
};

/// A uniform component and a kernel for each trial, whose weights have the mean 1.
class Mixture {
 public:
  Mixture(const std::vector<const Parameter*>& parameters, std::vector<Cells> trials,
          std::vector<double> weights)
      : trials_(std::move(trials)), weights_(std::move(weights)) {
    const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    for (double& weight : weights_) weight *= static_cast<double>(weights_.size()) / sum;
    total_ = static_cast<double>(weights_.size()) + kUniformWeight;
    weights_.push_back(kUniformWeight);
    const auto dimensions = static_cast<int>(parameters.size());
    for (int j = 0; j < dimensions; ++j)
      axes_.emplace_back(*parameters[static_cast<std::size_t>(j)], j, trials_, dimensions);
  }

  [[nodiscard]] Eigen::VectorXd draw(Deviates& deviates) const {
    const auto component = static_cast<std::size_t>(deviates.index(weights_, total_));
    Eigen::VectorXd point(static_cast<Eigen::Index>(axes_.size()));
    Eigen::Index j = 0;
    for (const Axis& axis : axes_)
      point[j++] = component == trials_.size() ? deviates.uniform()
                                               : axis.draw(trials_[component], deviates);
    return point;
  }

  [[nodiscard]] double log_density(const Cells& at) const {
    std::vector<double> terms;
    for (std::size_t i = 0; i < trials_.size(); ++i) {
      double term = std::log(weights_[i] / total_);
      for (const Axis& axis : axes_) term += axis.log_density(i, trials_[i], at);
      terms.push_back(term);
    }
    terms.push_back(std::log(weights_.back() / total_));
    return log_sum_exp(terms);
  }

 private:
  std::vector<Cells> trials_;
  std::vector<double> weights_;  ///< the uniform component's last
  double total_ = 0;
  std::vector<Axis> axes_;
};

/// Indices of the history, the least loss first; what has none comes last.
std::vector<std::size_t> by_loss(const History& history) {
  std::vector<std::size_t> order(history.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (!history[a].has_loss()) return false;
    return !history[b].has_loss() || history[a].loss < history[b].loss;
  });
  return order;
}

class TpeSampler : public Sampler {
 public:
  TpeSampler(const Space& space, const Search& search)
      : space_(space),
        parameters_(space_.free()),
        seed_(search.seed_or_zero()),
        startup_(startup_trials(space, search)),
        startup_design_(startup_design(space, search)) {}

  std::optional<Suggestion> suggest(const History& history) override {
    if (history.size() < startup_) return startup_design_->suggest(history);
    Deviates deviates(seed_, history.size());
    const auto [good, bad] = split(history);
    const auto is_new = [&](const Assignment& a) { return !was_tried(history, a); };
    auto best = best_candidate(good, bad, deviates, is_new);
    if (!best) best = best_candidate(good, bad, deviates, [](const Assignment&) { return true; });
    if (!best) best = feasible_at_random(space_, deviates).second;
    return Suggestion{*std::move(best), {}, {}};
  }

 private:
  [[nodiscard]] std::pair<Mixture, Mixture> split(const History& history) const {
    const auto ranked =
        std::count_if(history.begin(), history.end(), [](const auto& e) { return e.has_loss(); });
    const auto good = std::min<std::size_t>(
        kMostGood, static_cast<std::size_t>(std::ceil(kGoodPart * static_cast<double>(ranked))));
    std::vector<Cells> trials;
    std::vector<double> weights;
    for (const std::size_t i : by_loss(history)) {
      // As the recombination weights of CMA-ES: a better trial counts for more.
      const auto rank = static_cast<double>(trials.size());
      weights.push_back(
          trials.size() < good ? std::log((static_cast<double>(good) + 0.5) / (rank + 1)) : 1.0);
      trials.push_back(cells_of(parameters_, history[i].assignment));
    }
    const auto middle = static_cast<std::ptrdiff_t>(good);
    const auto mixture = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
      return Mixture(parameters_, {trials.begin() + from, trials.begin() + to},
                     {weights.begin() + from, weights.begin() + to});
    };
    return {mixture(0, middle), mixture(middle, std::ssize(trials))};
  }

  template <class Accept>
  [[nodiscard]] std::optional<Assignment> best_candidate(const Mixture& good, const Mixture& bad,
                                                         Deviates& deviates,
                                                         const Accept& accept) const {
    std::optional<Assignment> best;
    double most = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < kCandidates; ++i) {
      auto found = feasible_of(
          space_, kTries, [&] { return good.draw(deviates); }, accept);
      if (!found) continue;
      const Cells at = cells_of(parameters_, found->second);
      const double score = good.log_density(at) - bad.log_density(at);
      if (best && score <= most) continue;
      most = score;
      best = std::move(found->second);
    }
    return best;
  }

  Space space_;
  std::vector<const Parameter*> parameters_;
  std::uint64_t seed_;
  std::size_t startup_;
  std::unique_ptr<Sampler> startup_design_;
};

}  // namespace

std::unique_ptr<Sampler> tpe_sampler(const Space& space, const Search& search) {
  return std::make_unique<TpeSampler>(space, search);
}

}  // namespace numgeom
