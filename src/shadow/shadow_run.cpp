#include "numgeom/shadow/shadow_run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/shadow/growth.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

constexpr int kLimbBits = 64;
constexpr double kHopelessWidth = 0x1p20;
/// Where doubles overflow, nothing can be predicted: a start from which the ladder climbs.
constexpr int kUnknownBits = 256;
constexpr int kSpareBits = 8;

/// The enclosure has become so wide that going on is no use.
struct GivenUp {};

template <class A>
class ShadowObserver : public TrainingObserver<A> {
 public:
  ShadowObserver(std::stop_token stop, const Progress& progress)
      : stop_(std::move(stop)), progress_(progress) {}

  void on_step(const A& /*arithmetic*/, const StepView<A>& view) override {
    if (stop_.stop_requested()) throw Interrupted();
    if (!(Enclosure(view.passes.loss).width() <= kHopelessWidth)) throw GivenUp();
    if (progress_) progress_(static_cast<double>(view.step) / view.steps);
  }

 private:
  std::stop_token stop_;
  const Progress& progress_;
};

template <class A>
void enclose(const A& arithmetic, const Trial& trial, const TrialInputs& inputs,
             std::stop_token stop, const Progress& progress, ShadowRun& run) {
  ShadowObserver<A> observer(std::move(stop), progress);
  try {
    const auto result = train(arithmetic, *trial.problem, inputs, trial.configuration, observer);
    run.loss = Enclosure(result.loss);
    run.errors = result.errors;
  } catch (const GivenUp&) {
    run.errors = {0, trial.problem->data.validation.samples()};
  }
}

}  // namespace

Rung Rung::for_bits(int bits) {
  if (bits <= 53) return {};
  return {Way::kDirect, Kind::kBall, (bits + kLimbBits - 1) / kLimbBits * kLimbBits};
}

std::string Rung::way_name() const { return "direct"; }

std::string Rung::arithmetic_name() const { return kind == Kind::kInterval ? "interval" : "ball"; }

ShadowRun run_shadow(const Trial& trial, const TrialInputs& inputs, const Rung& rung,
                     std::stop_token stop, const Progress& progress) {
  ShadowRun run{rung, {}, {}, 0};
  const auto start = std::chrono::steady_clock::now();
  if (rung.kind == Rung::Kind::kInterval)
    enclose(IntervalArithmetic(), trial, inputs, std::move(stop), progress, run);
  else
    enclose(BallArithmetic(BigFloatMidpoints(rung.bits)), trial, inputs, std::move(stop), progress,
            run);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

int predict_bits(const Trial& trial, const TrialInputs& inputs, double width) {
  const GrowthArithmetic arithmetic;
  const GrowthScalar loss = train(arithmetic, *trial.problem, inputs, trial.configuration).loss;
  if (!std::isfinite(loss.value) || !loss.growth.is_finite()) return kUnknownBits;
  const double for_width = loss.growth.log2() + 1 - std::log2(width);
  const double bits = std::max(for_width, arithmetic.decision_bits()) + kSpareBits;
  return static_cast<int>(std::ceil(std::clamp(bits, 0.0, 1e9)));
}

}  // namespace numgeom
