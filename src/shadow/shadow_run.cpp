#include "numgeom/shadow/shadow_run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "numgeom/shadow/stepwise.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

constexpr int kLimbBits = 64;
constexpr double kHopelessWidth = 0x1p20;

/// Keeps about as many radii as a picture shows, the last among them.
class RadiusLog {
 public:
  explicit RadiusLog(std::vector<RadiusAfter>& radii) : radii_(radii) {}

  void add(int after, int steps, const Magnitude& radius) {
    constexpr int kPoints = 32;
    const int every = (steps + kPoints - 1) / kPoints;
    if (radius.is_zero() || !radius.is_finite() || (after % every != 0 && after != steps)) return;
    radii_.push_back({after, radius.log2()});
  }

 private:
  std::vector<RadiusAfter>& radii_;
};

/// The enclosure has become so wide that going on is no use.
struct GivenUp {};

template <class A>
class ShadowObserver : public TrainingObserver<A> {
 public:
  ShadowObserver(std::stop_token stop, const Progress& progress, std::vector<RadiusAfter>& radii)
      : stop_(std::move(stop)), progress_(progress), radii_(radii) {}

  void on_step(const A& /*arithmetic*/, const StepView<A>& view) override {
    if (stop_.stop_requested()) throw Interrupted();
    if (!(Enclosure(view.passes.loss).width() <= kHopelessWidth)) throw GivenUp();
    if (progress_) progress_(static_cast<double>(view.step) / view.steps);
    radii_.add(view.step, view.steps, detail::radius_norm<A>(view.parameters));
  }
  void on_end(const A& /*arithmetic*/, const EndView<A>& view) override {
    radii_.add(view.steps, view.steps, detail::radius_norm<A>(view.parameters));
  }

 private:
  std::stop_token stop_;
  const Progress& progress_;
  RadiusLog radii_;
};

template <class A>
void enclose_stepwise(const A& arithmetic, const Trial& trial, const TrialInputs& inputs,
                      const std::stop_token& stop, const Progress& progress, ShadowRun& run) {
  RadiusLog radii(run.radii);
  const auto observer = [&](const StepBound& bound, const auto& /*weights*/,
                            const auto& /*velocity*/) {
    if (stop.stop_requested()) throw Interrupted();
    if (progress) progress(static_cast<double>(bound.step) / bound.steps);
    radii.add(bound.step + 1, bound.steps, bound.distance);
    run.chain.push_back({bound.radius, bound.lipschitz, bound.defect});
  };
  StepwiseResult result =
      train_stepwise(arithmetic, *trial.problem, inputs, trial.configuration, observer);
  run.loss = std::move(result.loss);
  run.errors = result.errors;
  run.bits_lost = result.bits_lost;
  run.open = std::move(result.open);
}

template <class A>
void enclose_directly(const A& arithmetic, const Trial& trial, const TrialInputs& inputs,
                      std::stop_token stop, const Progress& progress, ShadowRun& run) {
  ShadowObserver<A> observer(std::move(stop), progress, run.radii);
  try {
    const auto result = train(arithmetic, *trial.problem, inputs, trial.configuration, observer);
    run.loss = Enclosure(result.loss);
    run.errors = result.errors;
  } catch (const GivenUp&) {
    run.errors = {0, trial.problem->data->validation.samples()};
    run.open = "the enclosure of a batch loss became too wide";
  }
}

template <class A>
void enclose(const A& arithmetic, const Trial& trial, const TrialInputs& inputs,
             const std::stop_token& stop, const Progress& progress, ShadowRun& run) {
  if (run.rung.way == Rung::Way::kStepwise)
    enclose_stepwise(arithmetic, trial, inputs, stop, progress, run);
  else
    enclose_directly(arithmetic, trial, inputs, stop, progress, run);
}

}  // namespace

Rung Rung::for_bits(int bits, Way way) {
  if (bits <= 53) return {way, Kind::kInterval, 53};
  if (bits <= LimbMidpoints::kMostBits) return {way, Kind::kBall, LimbMidpoints::full_bits(bits)};
  return {way, Kind::kBall, (bits + kLimbBits - 1) / kLimbBits * kLimbBits};
}

std::string Rung::way_name() const { return way == Way::kDirect ? "direct" : "stepwise"; }

std::string Rung::arithmetic_name() const { return kind == Kind::kInterval ? "interval" : "ball"; }

ShadowRun run_shadow(const Trial& trial, const TrialInputs& inputs, const Rung& rung,
                     std::stop_token stop,  // NOLINT(performance-unnecessary-value-param): a handle
                     const Progress& progress) {
  ShadowRun run;
  run.rung = rung;
  const auto start = std::chrono::steady_clock::now();
  if (rung.kind == Rung::Kind::kInterval)
    enclose(IntervalArithmetic(), trial, inputs, stop, progress, run);
  else if (rung.bits <= LimbMidpoints::kMostBits)
    enclose(LimbArithmetic(LimbMidpoints(rung.bits)), trial, inputs, stop, progress, run);
  else
    enclose(BallArithmetic(BigFloatMidpoints(rung.bits)), trial, inputs, stop, progress, run);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

}  // namespace numgeom
