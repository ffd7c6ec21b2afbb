#include "numgeom/hpo/gp_sampler.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "feasible.hpp"
#include "history_reader.hpp"
#include "maximise.hpp"
#include "numgeom/error.hpp"
#include "numgeom/hpo/acquisition.hpp"
#include "numgeom/hpo/design.hpp"

namespace numgeom {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int kFitAlways = 200;     ///< observations up to which every suggestion fits
constexpr double kFitGrowth = 1.1;  ///< and from then on after this growth
constexpr int kRestartsUpTo = 40;   ///< observations up to which several starts are tried
constexpr int kFirstEvaluations = 60;
constexpr int kEvaluations = 11;
constexpr int kThompsonPoints = 256;

/// What a memo holds: how many observations the kernels were fitted to, and the kernels.
struct Memo {
  int fitted = 0;
  std::optional<KernelParameters> loss;
  std::optional<KernelParameters> log_delta;

  [[nodiscard]] std::vector<double> flat() const {
    std::vector<double> result{static_cast<double>(fitted)};
    for (const auto& kernel : {loss, log_delta}) {
      if (!kernel) continue;
      const std::vector<double> part = kernel->flat();
      result.insert(result.end(), part.begin(), part.end());
    }
    return result;
  }
  static Memo read(const std::vector<double>& flat, int dimensions) {
    Memo memo;
    const std::size_t part = static_cast<std::size_t>(dimensions) + 2;
    if (flat.size() != 1 + part && flat.size() != 1 + 2 * part) return memo;
    const auto from = [&](std::size_t at) {
      const auto begin = flat.begin() + static_cast<std::ptrdiff_t>(at);
      return KernelParameters::from_flat({begin, begin + static_cast<std::ptrdiff_t>(part)},
                                         dimensions);
    };
    memo.fitted = static_cast<int>(flat[0]);
    memo.loss = from(1);
    if (flat.size() > 1 + part) memo.log_delta = from(1 + part);
    return memo;
  }
};

class GpSampler : public Sampler {
 public:
  GpSampler(const Space& space, const Search& search)
      : space_(space), search_(search), cells_(nominal_cells(space)) {
    startup_ = startup_design(space, search);
    startup_trials_ = search.startup > 0 ? search.startup : space.dimensions() + 2;
  }

  std::optional<Suggestion> suggest(const History& history) override {
    const auto losses = std::count_if(history.begin(), history.end(),
                                      [](const Evaluation& e) { return e.has_loss(); });
    if (static_cast<int>(history.size()) < startup_trials_ || losses < 2 ||
        space_.dimensions() == 0)
      return startup_->suggest(history);
    return by_model(history);
  }

 private:
  struct Model {
    Surrogate loss;
    std::optional<Surrogate> log_delta;
    double best = 0;
    double penalty = 0;
  };

  Suggestion by_model(const History& history) {
    Deviates deviates(search_.seed_or_zero(), history.size());
    const Seen seen = read_history(space_, history);
    Memo memo = last_memo(history);
    Model model{Surrogate(cells_), std::nullopt, 0, penalty_at(history.size())};
    const bool fits = must_fit(memo, seen.losses.values.size());
    learn(model.loss, seen.losses, memo.loss, fits, memo.fitted, deviates);
    if (search_.acquisition == AcquisitionKind::kPrecisionAware && seen.any_delta) {
      model.log_delta.emplace(cells_);
      learn(*model.log_delta, seen.log_deltas, memo.log_delta, fits, memo.fitted, deviates);
    }
    if (fits) memo.fitted = static_cast<int>(seen.losses.values.size());
    memo.loss = model.loss.kernel();
    if (model.log_delta) memo.log_delta = model.log_delta->kernel();
    const double jitter = model.loss.jitter();
    for (const VectorXd& point : seen.running)
      model.loss.add(point, model.loss.predict(point).mean, 0);
    model.best = best_of(model, seen);
    const auto points = search_.acquisition == AcquisitionKind::kThompson
                            ? thompson(model, seen, deviates)
                            : maximise(space_, acquisition_of(model), centres(seen), deviates);
    return {first_new(points, history, deviates), memo.flat(), note(jitter)};
  }

  static std::string note(double jitter) {
    if (jitter == 0) return {};
    return fmt::format("jitter {:.0e} of the variance was added to the covariance matrix", jitter);
  }

  [[nodiscard]] Memo last_memo(const History& history) const {
    for (auto evaluation = history.rbegin(); evaluation != history.rend(); ++evaluation)
      if (!evaluation->memo.empty()) return Memo::read(evaluation->memo, space_.dimensions());
    return {};
  }

  static bool must_fit(const Memo& memo, Index observations) {
    return !memo.loss || observations <= kFitAlways ||
           static_cast<double>(observations) >= kFitGrowth * memo.fitted;
  }

  static void learn(Surrogate& surrogate, const Observations& observations,
                    const std::optional<KernelParameters>& known, bool fits, int fitted,
                    Deviates& deviates) {
    if (!fits && known) {
      extend(surrogate, observations, *known, fitted);
      return;
    }
    std::vector<KernelParameters> starts;
    if (known) starts.push_back(*known);
    const bool restarts = !known || observations.values.size() <= kRestartsUpTo;
    if (restarts) {
      starts.push_back(surrogate.prior_mode());
      starts.push_back(surrogate.prior_mode());
      for (double& x : starts.back().log_lengths) x += deviates.normal();
    }
    surrogate.fit(observations, starts, restarts ? kFirstEvaluations : kEvaluations);
  }

  /// The observations that the kernel was fitted to, then the others one by one: the same
  /// operations whether or not the first ones are there already.
  static void extend(Surrogate& surrogate, const Observations& observations,
                     const KernelParameters& kernel, int fitted) {
    const Index base = std::min<Index>(std::max(2, fitted), observations.values.size());
    surrogate.condition({observations.points.topRows(base), observations.values.head(base),
                         observations.variances.head(base)},
                        kernel);
    for (Index i = base; i < observations.values.size(); ++i)
      surrogate.add(observations.points.row(i).transpose(), observations.values[i],
                    observations.variances[i]);
  }

  [[nodiscard]] double penalty_at(std::size_t trial) const {
    if (search_.acquisition != AcquisitionKind::kPrecisionAware) return 0;
    const auto [first, last] = search_.penalty;
    const double steps = std::max(1, search_.trials - startup_trials_ - 1);
    const double t = std::clamp((static_cast<double>(trial) - startup_trials_) / steps, 0.0, 1.0);
    if (first > 0 && last > 0) return first * std::pow(last / first, t);
    return first + t * (last - first);
  }

  /// The least of loss + λδ, seen or believed.
  [[nodiscard]] double best_of(const Model& model, const Seen& seen) const {
    double best = std::numeric_limits<double>::infinity();
    for (const Evaluation* evaluation : seen.finished) {
      const double loss = search_.incumbent == Incumbent::kObserved
                              ? evaluation->loss
                              : model.loss.predict(space_.encode(evaluation->assignment)).mean;
      const double delta = evaluation->delta.value_or(0);
      best = std::min(best, loss + (std::isfinite(delta) ? model.penalty * delta : 0));
    }
    return best;
  }

  [[nodiscard]] AcquisitionValue value_at(const Model& model, const Belief& belief) const {
    switch (search_.acquisition) {
      case AcquisitionKind::kExpectedImprovement:
        return expected_improvement(belief, model.best);
      case AcquisitionKind::kConfidenceBound:
        return confidence_bound(belief, search_.exploration);
      case AcquisitionKind::kPrecisionAware:
        if (model.log_delta) return log_precision_aware(belief, model.best, model.penalty);
        [[fallthrough]];
      default:
        return log_expected_improvement(belief, model.best);
    }
  }

  [[nodiscard]] Acquisition acquisition_of(const Model& model) const {
    return {[this, &model](const MatrixXd& points) { return values(model, points); },
            [this, &model](const VectorXd& point, VectorXd& slope) {
              return smooth(model, point, slope);
            }};
  }

  [[nodiscard]] VectorXd values(const Model& model, const MatrixXd& points) const {
    const std::vector<Posterior> losses = model.loss.predict_all(points);
    std::vector<Posterior> deltas(losses.size());
    if (model.log_delta) deltas = model.log_delta->predict_all(points);
    VectorXd result(points.rows());
    for (std::size_t i = 0; i < losses.size(); ++i)
      result[static_cast<Index>(i)] = value_at(model, {losses[i].mean, losses[i].deviation,
                                                       deltas[i].mean, deltas[i].deviation})
                                          .value;
    return result;
  }

  double smooth(const Model& model, const VectorXd& point, VectorXd& slope) const {
    const PosteriorSlope loss = model.loss.predict_with_slope(point);
    Belief belief{loss.at.mean, loss.at.deviation, 0, 0};
    std::optional<PosteriorSlope> delta;
    if (model.log_delta) {
      delta = model.log_delta->predict_with_slope(point);
      belief.log_delta = delta->at.mean;
      belief.log_delta_deviation = delta->at.deviation;
    }
    const AcquisitionValue value = value_at(model, belief);
    slope = value.slope.mean * loss.mean + value.slope.deviation * loss.deviation;
    if (delta)
      slope +=
          value.slope.log_delta * delta->mean + value.slope.log_delta_deviation * delta->deviation;
    return value.value;
  }

  /// The three best trials.
  [[nodiscard]] std::vector<VectorXd> centres(const Seen& seen) const {
    constexpr std::size_t kCentres = 3;
    std::vector<const Evaluation*> best = seen.finished;
    std::stable_sort(best.begin(), best.end(),
                     [](const Evaluation* a, const Evaluation* b) { return a->loss < b->loss; });
    std::vector<VectorXd> result;
    for (std::size_t i = 0; i < std::min(kCentres, best.size()); ++i)
      result.push_back(space_.encode(best[i]->assignment));
    return result;
  }

  /// Candidates in the order of one function drawn from the posterior.
  [[nodiscard]] std::vector<VectorXd> thompson(const Model& model, const Seen& seen,
                                               Deviates& deviates) const {
    const MatrixXd points = candidates(space_, kThompsonPoints, centres(seen), deviates);
    const auto [means, covariance] = model.loss.joint(points);
    // Covariances of close points are singular in doubles: eigenvalues below zero are zero.
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
    VectorXd normals(points.rows());
    for (double& x : normals) x = deviates.normal();
    const VectorXd roots = solver.eigenvalues().array().max(0).sqrt();
    const VectorXd drawn = means + solver.eigenvectors() * roots.cwiseProduct(normals);
    std::vector<Index> order(static_cast<std::size_t>(points.rows()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    std::stable_sort(order.begin(), order.end(),
                     [&drawn](Index a, Index b) { return drawn[a] < drawn[b]; });
    std::vector<VectorXd> result;
    for (const Index i : order) result.emplace_back(points.row(i).transpose());
    return result;
  }

  /// The first that was never suggested; where all were, a random one, or the first again.
  Assignment first_new(const std::vector<VectorXd>& points, const History& history,
                       Deviates& deviates) const {
    for (const VectorXd& point : points) {
      Assignment assignment = space_.decode(point);
      if (!was_tried(history, assignment)) return assignment;
    }
    const MatrixXd others = candidates(space_, kThompsonPoints, {}, deviates);
    for (Index i = 0; i < others.rows(); ++i) {
      Assignment assignment = space_.decode(others.row(i).transpose());
      if (!was_tried(history, assignment)) return assignment;
    }
    return space_.decode(points.front());
  }

  Space space_;
  Search search_;
  std::vector<int> cells_;
  std::unique_ptr<Sampler> startup_;
  int startup_trials_ = 0;
};

}  // namespace

std::unique_ptr<Sampler> gp_sampler(const Space& space, const Search& search) {
  return std::make_unique<GpSampler>(space, search);
}

}  // namespace numgeom
