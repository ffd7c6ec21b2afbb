#pragma once

#include <vector>

#include "numgeom/arithmetic/narrow_float.hpp"
#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/observer.hpp"

namespace numgeom {

/// Φ_seed, the estimate as the method's paper prints it:
///
///     Φ = Σ_t ‖g_t‖·(Π_{s>t} L_s)·ε + κ_loss·T·ε²
///
/// g_t is the gradient of step t, ε = 2u the machine epsilon, T the number of steps.
/// L_s = max(|1 − ηω|, |1 − η(ω + λ_s)|) is the Lipschitz constant of the update, λ_s the greatest
/// eigenvalue of the batch loss's Hessian, by power iteration on finite differences every
/// `kCurvaturePeriod` steps and kept in between. κ_loss is that of the validation loss at the end,
/// on at most 128 rows. Not a bound; the product of sampled constants over-estimates by many orders
/// of magnitude where training is not contractive. Infinite where it overflows.
template <NativeArithmetic A>
class PhiSeedObserver : public TrainingObserver<A> {
 public:
  static constexpr const char* kName = "phi_seed";
  static constexpr int kCurvaturePeriod = 16;

  PhiSeedObserver(const Problem& problem, const Configuration& configuration)
      : problem_(problem), configuration_(configuration) {}

  void on_step(const A& arithmetic, const StepView<A>& view) override;
  void on_end(const A& arithmetic, const EndView<A>& view) override;

  [[nodiscard]] double estimate() const { return estimate_; }

 private:
  const Problem& problem_;
  Configuration configuration_;
  double lipschitz_ = 1;    ///< L at the last sample
  double accumulated_ = 0;  ///< Σ_{t ≤ now} ‖g_t‖·Π_{t < s ≤ now} L_s
  double estimate_ = 0;
};

extern template class PhiSeedObserver<Native<float>>;
extern template class PhiSeedObserver<Native<double>>;
extern template class PhiSeedObserver<NarrowFloat>;

}  // namespace numgeom
