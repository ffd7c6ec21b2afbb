#include "numgeom/estimate/estimated_run.hpp"

#include <chrono>
#include <optional>
#include <tuple>

#include "numgeom/estimate/phi.hpp"
#include "numgeom/estimate/phi_seed.hpp"
#include "numgeom/train/train.hpp"
#include "numgeom/train/with_native_arithmetic.hpp"

namespace numgeom {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// An estimator and the time that it takes.
template <class Observer>
class Timed {
 public:
  template <class... Arguments>
  explicit Timed(const Arguments&... arguments) {
    const auto start = Clock::now();
    observer_.emplace(arguments...);
    seconds_ = seconds_since(start);
  }
  template <class... Arguments>
  void on_step(const Arguments&... arguments) {
    const auto start = Clock::now();
    observer_->on_step(arguments...);
    seconds_ += seconds_since(start);
  }
  template <class... Arguments>
  void on_end(const Arguments&... arguments) {
    const auto start = Clock::now();
    observer_->on_end(arguments...);
    seconds_ += seconds_since(start);
  }
  [[nodiscard]] Estimate estimate() const { return {observer_->estimate(), seconds_}; }

 private:
  std::optional<Observer> observer_;
  double seconds_ = 0;
};

/// Several estimators watch one training.
template <NativeArithmetic A, template <class> class... Observers>
class Estimators : public TrainingObserver<A> {
 public:
  Estimators(const Problem& problem, const Configuration& configuration)
      : observers_(Timed<Observers<A>>(problem, configuration)...) {}

  void on_step(const A& arithmetic, const StepView<A>& view) override {
    (get<Observers>().on_step(arithmetic, view), ...);
  }
  void on_end(const A& arithmetic, const EndView<A>& view) override {
    (get<Observers>().on_end(arithmetic, view), ...);
  }
  [[nodiscard]] std::map<std::string, Estimate> estimates() const {
    return {{Observers<A>::kName, std::get<Timed<Observers<A>>>(observers_).estimate()}...};
  }

 private:
  template <template <class> class Observer>
  Timed<Observer<A>>& get() {
    return std::get<Timed<Observer<A>>>(observers_);
  }

  std::tuple<Timed<Observers<A>>...> observers_;
};

template <template <class> class... Observers>
NativeRun run(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  return with_native_arithmetic(
      precision, trial.seed, [&]<class A>(const A& arithmetic) -> NativeRun {
        const auto start = Clock::now();
        Estimators<A, Observers...> estimators(*trial.problem, trial.configuration);
        const auto result =
            train(arithmetic, *trial.problem, inputs, trial.configuration, estimators);
        NativeRun native{precision, static_cast<double>(result.loss), result.errors,
                         seconds_since(start), estimators.estimates()};
        for (const auto& [name, estimate] : native.estimates) native.seconds -= estimate.seconds;
        return native;
      });
}

}  // namespace

NativeRun run_native_with_estimates(const Trial& trial, const TrialInputs& inputs,
                                    Precision precision) {
  return run<PhiObserver, PhiSeedObserver>(trial, inputs, precision);
}

NativeRun run_native_with_phi(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  return run<PhiObserver>(trial, inputs, precision);
}

}  // namespace numgeom
