#pragma once

#include <vector>

#include "numgeom/arithmetic/narrow_float.hpp"
#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/observer.hpp"

namespace numgeom {

/// Φ, the default estimate of the error of a native loss, made while training goes by.
///
///     Φ = 3·(‖∇L_val‖·walk/√n + 2u·L) + ⅓·‖∇L_val‖·(Σ jump²)^½
///     walk² = u²·Σ_t ‖w_t‖²/3
///     jump  = η·‖x‖·|δ_h|    for each near-kink: |z_h| < ‖x‖·u·rms(w)·(1 + t/3)^½
///
/// The first term is the random walk of the rounding of n weights, seen along the gradient of the
/// validation loss, and the rounding of the loss itself. The second counts ReLUs whose sign may
/// differ between the native and the exact run (a pre-activation below its own error) by the jump
/// of the gradient that this makes. Norms of the weights are sampled every few steps.
/// Not a bound: growth of errors in chaotic training is not seen.
/// Cost: one comparison an activation, and one gradient on (at most 128 rows of) the validation
/// set. Source: random-sign accumulation after Higham and Mary, SIAM J. Sci. Comput. 41 (2019).
template <NativeArithmetic A>
class PhiObserver : public TrainingObserver<A> {
 public:
  static constexpr const char* kName = "phi";

  PhiObserver(const Problem& problem, const Configuration& configuration);

  void on_step(const A& arithmetic, const StepView<A>& view) override;
  void on_end(const A& arithmetic, const EndView<A>& view) override;

  [[nodiscard]] double estimate() const { return estimate_; }

 private:
  void count_kinks(const StepView<A>& view, double pre_activation_error);

  const Problem& problem_;
  Configuration configuration_;
  std::vector<typename A::Scalar> row_norms_;  ///< of the training features
  double parameters_ = 0;                      ///< how many
  double squared_norm_ = 0;                    ///< ‖w‖² at the last sample
  double sum_of_squares_ = 0;                  ///< Σ_t ‖w_t‖²
  double squared_jumps_ = 0;
  double estimate_ = 0;
};

extern template class PhiObserver<Native<float>>;
extern template class PhiObserver<Native<double>>;
extern template class PhiObserver<NarrowFloat>;

}  // namespace numgeom
