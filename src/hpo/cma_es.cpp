#include "numgeom/hpo/cma_es.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "feasible.hpp"
#include "numgeom/hpo/design.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Measured on functions of two and six coordinates with 20 to 100 evaluations (bench/optimizers).
constexpr int kLeastLambda = 4;
constexpr double kSigma = 0.15;

/// How often a point outside of the cube is drawn again.
constexpr int kRedraws = 20;
/// How often an infeasible configuration, or one that was tried, is drawn again.
constexpr int kTries = 100;
/// Deviations below this, in the unit cube, are a point to a hyperparameter.
constexpr double kConverged = 1e-4;
constexpr double kMostCondition = 1e14;
/// How far frequencies move in one generation, and the part of 1/K that none falls below.
constexpr double kLearning = 0.3;
constexpr double kFloor = 0.2;

/// Recombination weights and learning rates for λ points in n dimensions, as in Hansen's Table 1.
struct Rates {
  Rates(int n, int lambda);

  int mu;
  Eigen::VectorXd weights;
  double mu_eff;
  double c_sigma;
  double d_sigma;
  double c_c;
  double c_1;
  double c_mu;
  double expected_norm;  ///< of a standard normal vector
};

Rates::Rates(int n, int lambda) : mu(lambda / 2), weights(lambda) {
  for (int i = 0; i < lambda; ++i) weights[i] = std::log(0.5 * (lambda + 1)) - std::log(i + 1);
  const auto effective = [](const auto& w) { return w.sum() * w.sum() / w.squaredNorm(); };
  auto good = weights.head(mu);
  auto bad = weights.tail(lambda - mu);
  mu_eff = effective(good);
  const double mu_eff_bad = effective(bad);
  c_sigma = (mu_eff + 2) / (n + mu_eff + 5);
  d_sigma = 1 + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma;
  c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);
  c_1 = 2 / (std::pow(n + 1.3, 2) + mu_eff);
  c_mu = std::min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / (std::pow(n + 2, 2) + mu_eff));
  expected_norm = std::sqrt(n) * (1 - 1 / (4.0 * n) + 1 / (21.0 * n * n));
  good /= good.sum();
  const double most =
      std::min({1 + c_1 / c_mu, 1 + 2 * mu_eff_bad / (mu_eff + 2), (1 - c_1 - c_mu) / (n * c_mu)});
  bad *= most / bad.cwiseAbs().sum();
}

/// N(m, σ²C) and what adapts it.
class Gaussian {
 public:
  Gaussian(Eigen::VectorXd mean, int lambda)
      : rates_(std::max(1, static_cast<int>(mean.size())), lambda), mean_(std::move(mean)) {
    const Eigen::Index n = mean_.size();
    covariance_ = axes_ = Eigen::MatrixXd::Identity(n, n);
    lengths_ = Eigen::VectorXd::Ones(n);
    path_sigma_ = path_c_ = Eigen::VectorXd::Zero(n);
  }

  [[nodiscard]] const Eigen::VectorXd& mean() const { return mean_; }
  [[nodiscard]] Eigen::VectorXd deviations() const {
    return sigma_ * covariance_.diagonal().cwiseSqrt();
  }

  /// With the deviation of every coordinate stretched by a factor.
  [[nodiscard]] Eigen::VectorXd draw(const Eigen::VectorXd& stretch, Deviates& deviates) const {
    Eigen::VectorXd z(mean_.size());
    for (double& x : z) x = deviates.normal();
    return mean_ + sigma_ * stretch.cwiseProduct(axes_ * lengths_.cwiseProduct(z));
  }

  /// The weights of the better half where `ranked` of the points have a loss; their sum is 1.
  [[nodiscard]] Eigen::VectorXd recombination(int ranked) const {
    const Eigen::VectorXd weights = rates_.weights.head(std::min(rates_.mu, ranked));
    return weights / weights.sum();
  }

  /// From the points of a generation, the best first; the first `ranked` of them, at least one,
  /// have a loss.
  void update(const std::vector<Eigen::VectorXd>& points, int ranked,
              const Eigen::VectorXd& stretch) {
    const Eigen::Index n = mean_.size();
    if (n == 0) return;
    const Eigen::VectorXd good = recombination(ranked);
    Eigen::VectorXd weights = rates_.weights;
    weights.head(rates_.mu).setZero();
    weights.head(good.size()) = good;

    Eigen::MatrixXd steps(n, weights.size());
    for (Eigen::Index i = 0; i < weights.size(); ++i)
      steps.col(i) = step(points[static_cast<std::size_t>(i)], stretch);
    const Eigen::VectorXd shift = steps.leftCols(good.size()) * good;
    mean_ += sigma_ * stretch.cwiseProduct(shift);
    for (double& x : mean_) x = std::clamp(x, 0.0, 1.0);
    follow(shift);
    adapt(steps, weights);
    decompose();
  }

  [[nodiscard]] bool is_degenerate() const {
    const Eigen::Index n = lengths_.size();
    if (n == 0) return false;
    const double shortest = lengths_[0], longest = lengths_[n - 1];
    return sigma_ * longest < kConverged || longest > std::sqrt(kMostCondition) * shortest;
  }

 private:
  [[nodiscard]] Eigen::VectorXd whitened(const Eigen::VectorXd& y) const {
    return axes_ * (axes_.transpose() * y).cwiseQuotient(lengths_);
  }

  /// A point relative to the distribution. One of an earlier distribution may be far away: it is
  /// moved to the distance that Hansen (2011) allows.
  [[nodiscard]] Eigen::VectorXd step(const Eigen::VectorXd& point,
                                     const Eigen::VectorXd& stretch) const {
    const auto n = static_cast<double>(mean_.size());
    const Eigen::VectorXd y = (point - mean_).cwiseQuotient(stretch) / sigma_;
    const double most = std::sqrt(n) + 2 * n / (n + 2);
    return y * std::min(1.0, most / std::max(whitened(y).norm(), 1e-300));
  }

  /// Both evolution paths and the step size.
  void follow(const Eigen::VectorXd& shift) {
    const auto n = static_cast<double>(mean_.size());
    const Rates& r = rates_;
    ++generations_;
    path_sigma_ = (1 - r.c_sigma) * path_sigma_ +
                  std::sqrt(r.c_sigma * (2 - r.c_sigma) * r.mu_eff) * whitened(shift);
    const double norm = path_sigma_.norm();
    const double unbiased = norm / std::sqrt(1 - std::pow(1 - r.c_sigma, 2 * generations_));
    straight_ = unbiased < (1.4 + 2 / (n + 1)) * r.expected_norm;
    path_c_ *= 1 - r.c_c;
    if (straight_) path_c_ += std::sqrt(r.c_c * (2 - r.c_c) * r.mu_eff) * shift;
    next_sigma_ = sigma_ * std::exp(r.c_sigma / r.d_sigma * (norm / r.expected_norm - 1));
  }

  void adapt(const Eigen::MatrixXd& steps, const Eigen::VectorXd& weights) {
    const auto n = static_cast<double>(mean_.size());
    const Rates& r = rates_;
    const double stalled = straight_ ? 0 : r.c_c * (2 - r.c_c);
    Eigen::MatrixXd rank_mu = Eigen::MatrixXd::Zero(mean_.size(), mean_.size());
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      const Eigen::VectorXd y = steps.col(i);
      const double w = weights[i] >= 0
                           ? weights[i]
                           : weights[i] * n / std::max(whitened(y).squaredNorm(), 1e-300);
      rank_mu += w * y * y.transpose();
    }
    covariance_ = (1 + r.c_1 * stalled - r.c_1 - r.c_mu * weights.sum()) * covariance_ +
                  r.c_1 * path_c_ * path_c_.transpose() + r.c_mu * rank_mu;
    sigma_ = std::min(next_sigma_, 1.0);
  }

  void decompose() {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance_);
    axes_ = solver.eigenvectors();
    lengths_ = solver.eigenvalues();
    for (double& length : lengths_) length = std::sqrt(std::max(length, 1e-30));
  }

  Rates rates_;
  Eigen::VectorXd mean_;
  double sigma_ = kSigma;
  double next_sigma_ = kSigma;
  Eigen::MatrixXd covariance_;
  Eigen::MatrixXd axes_;
  Eigen::VectorXd lengths_;  ///< of the axes, the shortest first
  Eigen::VectorXd path_sigma_;
  Eigen::VectorXd path_c_;
  int generations_ = 0;
  bool straight_ = true;
};

/// One search from one mean: what a restart replaces.
struct State {
  State(Eigen::VectorXd mean, int size, std::vector<Eigen::VectorXd> uniform)
      : lambda(size), gaussian(std::move(mean), size), frequencies(std::move(uniform)) {}

  int lambda;
  Gaussian gaussian;
  std::vector<Eigen::VectorXd> frequencies;  ///< of the choices of each nominal coordinate
  std::vector<double> least;                 ///< the least loss of each generation
  std::optional<std::pair<double, Eigen::VectorXd>> best;

  /// No generation of the last ones was better or worse than the others.
  [[nodiscard]] bool is_flat() const {
    const auto n = static_cast<std::size_t>(gaussian.mean().size());
    const std::size_t look_back = 10 + 30 * n / static_cast<std::size_t>(lambda);
    if (least.size() < look_back) return false;
    const auto [low, high] =
        std::minmax_element(least.end() - static_cast<std::ptrdiff_t>(look_back), least.end());
    return *high - *low <= 1e-12 * std::fabs(*high);
  }
};

/// A trial of a generation.
struct Ranked {
  Eigen::VectorXd point;
  double loss;
};

class CmaEsSampler : public Sampler {
 public:
  CmaEsSampler(const Space& space, const Search& search)
      : space_(space),
        parameters_(space_.free()),
        seed_(search.seed_or_zero()),
        startup_(startup_trials(space, search)),
        startup_design_(startup_design(space, search)) {
    for (Eigen::Index j = 0; j < std::ssize(parameters_); ++j)
      (parameter(j).is_nominal() ? nominal_ : ordered_).push_back(j);
  }

  std::optional<Suggestion> suggest(const History& history) override {
    if (history.size() < startup_) return startup_design_->suggest(history);
    const State state = replay(history);
    const Eigen::VectorXd stretch = stretch_of(state);
    Deviates deviates(seed_, history.size());
    const auto draw = [&] { return draw_point(state, stretch, deviates); };
    const auto is_new = [&](const Assignment& a) { return !was_tried(history, a); };
    auto found = feasible_of(space_, kTries, draw, is_new);
    if (!found) found = feasible_of(space_, kTries, draw, [](const Assignment&) { return true; });
    if (!found) found = feasible_at_random(space_, deviates);
    return Suggestion{found->second, {found->first.begin(), found->first.end()}, {}};
  }

 private:
  [[nodiscard]] const Parameter& parameter(Eigen::Index j) const {
    return *parameters_[static_cast<std::size_t>(j)];
  }

  [[nodiscard]] int first_lambda() const {
    const auto d = static_cast<double>(std::max<std::size_t>(parameters_.size(), 1));
    return kLeastLambda + static_cast<int>(std::log(d));
  }

  /// The state after all generations that have come to their end.
  [[nodiscard]] State replay(const History& history) const {
    State state(first_mean(history), first_lambda(), uniform());
    std::size_t from = startup_;
    const auto is_running = [](const Evaluation& trial) {
      return trial.state == Evaluation::State::kRunning;
    };
    for (;;) {
      const std::size_t to = from + static_cast<std::size_t>(state.lambda);
      if (to > history.size()) return state;
      const auto begin = history.begin() + static_cast<std::ptrdiff_t>(from);
      if (std::any_of(begin, begin + state.lambda, is_running)) return state;
      update(state, {begin, begin + state.lambda});
      if (state.gaussian.is_degenerate() || state.is_flat())
        state = State(random_mean(to), 2 * state.lambda, uniform());
      from = to;
    }
  }

  void update(State& state, const History& generation) const {
    std::vector<Ranked> trials;
    for (const Evaluation& trial : generation)
      trials.push_back({point_of(trial), trial.has_loss() ? trial.loss : kInfinity});
    const auto better = [](const Ranked& a, const Ranked& b) { return a.loss < b.loss; };
    std::stable_sort(trials.begin(), trials.end(), better);
    if (trials.front().loss == kInfinity) return;
    state.least.push_back(trials.front().loss);
    if (state.best && state.best->first < trials.front().loss) {
      trials.insert(trials.begin(), {state.best->second, state.best->first});
      trials.pop_back();
    }
    state.best = {trials.front().loss, trials.front().point};

    const auto ranked = static_cast<int>(std::count_if(
        trials.begin(), trials.end(), [](const Ranked& t) { return t.loss < kInfinity; }));
    count_choices(state, trials, state.gaussian.recombination(ranked));
    std::vector<Eigen::VectorXd> points;
    for (const Ranked& trial : trials) points.emplace_back(trial.point(ordered_));
    state.gaussian.update(points, ranked, stretch_of(state));
  }

  void count_choices(State& state, const std::vector<Ranked>& trials,
                     const Eigen::VectorXd& weights) const {
    for (std::size_t k = 0; k < nominal_.size(); ++k) {
      Eigen::VectorXd& frequencies = state.frequencies[k];
      const auto choices = static_cast<double>(frequencies.size());
      frequencies *= 1 - kLearning;
      for (Eigen::Index i = 0; i < weights.size(); ++i) {
        const double t = trials[static_cast<std::size_t>(i)].point[nominal_[k]];
        const auto choice = static_cast<Eigen::Index>(std::min(t * choices, choices - 1));
        frequencies[choice] += kLearning * weights[i];
      }
      for (double& f : frequencies) f = std::max(f, kFloor / choices);
      frequencies /= frequencies.sum();
    }
  }

  /// The point that was drawn for a trial, or the middle of its cell where that was not kept.
  [[nodiscard]] Eigen::VectorXd point_of(const Evaluation& trial) const {
    if (trial.memo.size() == parameters_.size()) {
      const Eigen::VectorXd drawn =
          Eigen::Map<const Eigen::VectorXd>(trial.memo.data(), std::ssize(trial.memo));
      const bool inside =
          std::all_of(drawn.begin(), drawn.end(), [](double x) { return 0 <= x && x <= 1; });
      if (inside && space_.decode(drawn) == trial.assignment) return drawn;
    }
    return space_.encode(trial.assignment);
  }

  [[nodiscard]] Eigen::VectorXd first_mean(const History& history) const {
    const Evaluation* best = nullptr;
    for (std::size_t i = 0; i < startup_; ++i)
      if (history[i].has_loss() && (best == nullptr || history[i].loss < best->loss))
        best = &history[i];
    if (best == nullptr) return Eigen::VectorXd::Constant(std::ssize(ordered_), 0.5);
    return space_.encode(best->assignment)(ordered_);
  }

  [[nodiscard]] Eigen::VectorXd random_mean(std::size_t trial) const {
    Deviates deviates(~seed_, trial);
    Eigen::VectorXd mean(std::ssize(ordered_));
    for (double& x : mean) x = deviates.uniform();
    return mean;
  }

  [[nodiscard]] std::vector<Eigen::VectorXd> uniform() const {
    std::vector<Eigen::VectorXd> result;
    for (const Eigen::Index j : nominal_) {
      const std::int64_t choices = parameter(j).cells();
      result.emplace_back(Eigen::VectorXd::Constant(choices, 1.0 / static_cast<double>(choices)));
    }
    return result;
  }

  /// How far each deviation must be stretched so that a point leaves the mean's cell with
  /// probability 1/(λ·d) at least.
  [[nodiscard]] Eigen::VectorXd stretch_of(const State& state) const {
    const Eigen::VectorXd& mean = state.gaussian.mean();
    const Eigen::VectorXd deviations = state.gaussian.deviations();
    if (mean.size() == 0) return mean;
    const double leave = 1.0 / (state.lambda * static_cast<double>(parameters_.size()));
    const double quantile = std::numbers::sqrt2 * boost::math::erfc_inv(leave);
    Eigen::VectorXd stretch = Eigen::VectorXd::Ones(mean.size());
    for (Eigen::Index i = 0; i < mean.size(); ++i) {
      const Parameter& p = parameter(ordered_[static_cast<std::size_t>(i)]);
      const auto [from, to] = p.cell(p.at(mean[i]));
      stretch[i] = std::max(1.0, 0.5 * (to - from) / (quantile * deviations[i]));
    }
    return stretch;
  }

  [[nodiscard]] Eigen::VectorXd draw_point(const State& state, const Eigen::VectorXd& stretch,
                                           Deviates& deviates) const {
    Eigen::VectorXd point(std::ssize(parameters_));
    point(ordered_) = draw_ordered(state, stretch, deviates);
    for (std::size_t k = 0; k < nominal_.size(); ++k) {
      const Eigen::VectorXd& frequencies = state.frequencies[k];
      point[nominal_[k]] =
          (deviates.index(frequencies, 1.0) + 0.5) / static_cast<double>(frequencies.size());
    }
    return point;
  }

  [[nodiscard]] static Eigen::VectorXd draw_ordered(const State& state,
                                                    const Eigen::VectorXd& stretch,
                                                    Deviates& deviates) {
    Eigen::VectorXd point;
    for (int i = 0; i < kRedraws; ++i) {
      point = state.gaussian.draw(stretch, deviates);
      if (std::all_of(point.begin(), point.end(), [](double x) { return 0 <= x && x <= 1; }))
        return point;
    }
    for (double& x : point) x = std::clamp(x, 0.0, 1.0);
    return point;
  }

  Space space_;
  std::vector<const Parameter*> parameters_;
  std::uint64_t seed_;
  std::size_t startup_;
  std::unique_ptr<Sampler> startup_design_;
  std::vector<Eigen::Index> ordered_;
  std::vector<Eigen::Index> nominal_;
};

}  // namespace

std::unique_ptr<Sampler> cma_es_sampler(const Space& space, const Search& search) {
  return std::make_unique<CmaEsSampler>(space, search);
}

}  // namespace numgeom
