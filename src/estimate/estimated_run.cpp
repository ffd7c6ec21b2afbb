#include "numgeom/estimate/estimated_run.hpp"

#include <chrono>
#include <optional>

#include "numgeom/estimate/phi.hpp"
#include "numgeom/estimate/phi_seed.hpp"
#include "numgeom/train/train.hpp"

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

template <class T>
class AllEstimators : public TrainingObserver<Native<T>> {
 public:
  AllEstimators(const Problem& problem, const Configuration& configuration)
      : phi_(problem, configuration), phi_seed_(problem, configuration) {}

  void on_step(const Native<T>& arithmetic, const StepView<Native<T>>& view) override {
    phi_.on_step(arithmetic, view);
    phi_seed_.on_step(arithmetic, view);
  }
  void on_end(const Native<T>& arithmetic, const EndView<Native<T>>& view) override {
    phi_.on_end(arithmetic, view);
    phi_seed_.on_end(arithmetic, view);
  }
  [[nodiscard]] std::map<std::string, Estimate> estimates() const {
    return {{PhiObserver<T>::kName, phi_.estimate()},
            {PhiSeedObserver<T>::kName, phi_seed_.estimate()}};
  }

 private:
  Timed<PhiObserver<T>> phi_;
  Timed<PhiSeedObserver<T>> phi_seed_;
};

template <class T>
NativeRun run(const Trial& trial, const TrialInputs& inputs, Precision precision) {
  const auto start = Clock::now();
  AllEstimators<T> estimators(*trial.problem, trial.configuration);
  const auto result = train(Native<T>(), *trial.problem, inputs, trial.configuration, estimators);
  NativeRun native{precision, static_cast<double>(result.loss), result.errors, seconds_since(start),
                   estimators.estimates()};
  for (const auto& [name, estimate] : native.estimates) native.seconds -= estimate.seconds;
  return native;
}

}  // namespace

NativeRun run_native_with_estimates(const Trial& trial, const TrialInputs& inputs,
                                    Precision precision) {
  return precision == Precision::kFp32 ? run<float>(trial, inputs, precision)
                                       : run<double>(trial, inputs, precision);
}

}  // namespace numgeom
