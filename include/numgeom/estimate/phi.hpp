#pragma once

#include <type_traits>
#include <vector>

#include "numgeom/arithmetic/narrow_float.hpp"
#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/observer.hpp"

namespace numgeom {

/// What Φ is made of: estimates of the parts of an error, all in units of the loss.
struct PhiTerms {
  double evaluation = 0;  ///< of the loss at the weights that training ended with
  double walk = 0;        ///< rounding of the updates, as a random walk
  double drift = 0;       ///< rounding of the updates that goes the same way step after step
  double gradients = 0;   ///< rounding of the gradients
  double kinks = 0;       ///< ReLUs on the other side of zero than in the exact run

  /// Φ = (evaluation² + (3·walk)²)^½ + drift + gradients + kinks
  [[nodiscard]] double total() const;
};

/// Φ, the default estimate of the error of a native loss, made while training goes by.
///
/// u is the unit roundoff of activations and gradients, u_w that of weights and updates, u₀ that of
/// sums in products; T the number of steps, Δ_t the update of step t, ∇L_val the gradient of the
/// validation loss at the end. K of the steps, evenly spread (16 where weights are narrower than
/// fp32, else 6), are looked at and updated once more in doubles (fp64: long doubles) from the same
/// weights, gradient and state: d_t is the native result less that, p_t = ⟨∇L_val, d_t⟩. Sums and
/// means are over these steps.
///
///     evaluation = 2u₀|L̂| + |L̂ − L₀|,  L₀ the loss of the same weights with u = u₀
///     walk²      = T·mean(p_t²) + u_w²·Σ_i (w_i ∂_i L_val)²/6
///     drift²     = 4·T²·max(0, (Σ p_t)² − 4·Σ p_t²)/(K(K − 1))
///     gradients  = ⅓·u·‖∇L_val‖·(T·mean ‖Δ_t‖²)^½
///     kinks²     = 4·Σ_h c²·‖∂L_val/∂W_h‖²·E_h²
///
/// evaluation is measured where u > u₀; elsewhere L₀ = L̂. walk adds independent errors as squares
/// (after Higham and Mary, SIAM J. Sci. Comput. 41, 2019); its second part, of the initial weights,
/// is there where fp32 is rounded to u_w. drift is the mean of p_t, as far as it exceeds its noise
/// twice; to first order, and doubled for the rest: an update below half a unit of its weight is
/// lost at every step, and pure bf16 trains at another rate than it was told.
///
/// Kinks: E_h² is the expected squared error of the weights W_h into unit h that changed signs have
/// made. In step t a pre-activation z_h of an input x to K_in weights has the standard deviation
///
///     s_h² = ‖x‖²·(rms(W)²·(ε² + ρ²) + c²·E_h²),  ε² = (2u² + u₀²·K_in/2 + u_w²·t)/6
///
/// by rounding (of weights and inputs, of the sum, of t updates), by the relative error ρ of x
/// (the mean of s_h²/(‖x‖·rms(W))² one layer below), and by E_h, whose direction is that of other
/// inputs, as that of ∂L_val/∂W_h is: c² is the mean squared cosine between them. Where
/// |z_h| < 1.5·s_h its sign may be wrong, with the mean probability 0.27, and then the update jumps
/// by J = ‖Δ_t‖/‖g_t‖·‖x‖·|δ_h|:
///
///     E_h² ← E_h² + 0.27·J²
///
/// and so, spread evenly, in every layer below, which δ_h is passed down to. Wrong signs make wrong
/// signs: this is how errors grow in stable training.
///
/// Not a bound. Not seen: growth of errors by curvature in chaotic training, rounding of the
/// optimiser's state, other maxima in max-pooling. How far it is off: docs/estimates.md.
/// Memory: K copies of the parameters. Cost: a comparison an activation, a norm an input, K
/// updates, a gradient on at most 128 rows of the validation set, and where u > u₀ one evaluation.
template <NativeArithmetic A>
class PhiObserver : public TrainingObserver<A> {
 public:
  static constexpr const char* kName = "phi";

  PhiObserver(const Problem& problem, const Configuration& configuration);

  void on_step(const A& arithmetic, const StepView<A>& view) override;
  void on_end(const A& arithmetic, const EndView<A>& view) override;

  [[nodiscard]] double estimate() const { return terms_.total(); }
  [[nodiscard]] const PhiTerms& terms() const { return terms_; }

 private:
  using Scalar = typename A::Scalar;
  using Matrices = std::vector<typename A::Matrix>;
  /// The next wider numbers, in which rounding errors of A are seen.
  using Wide = std::conditional_t<std::is_same_v<Scalar, float>, double, long double>;

  /// A dense operation with a kinked activation behind it, and what is known of its errors.
  struct Kinks {
    std::size_t dense = 0;            ///< place of the operation in the network
    std::size_t activation = 0;       ///< and of the activation
    std::size_t weights = 0;          ///< place of the weights among the parameters
    double share = 1;                 ///< of a gradient that a change of sign turns on or off
    double mean_square = 0;           ///< rms(W)² at the last sample
    double squared_cosine = 0;        ///< c² at the last sample
    Eigen::ArrayXd squared_errors{};  ///< E_h²
  };

  void find_kinks();
  void take_sample(const StepView<A>& view);
  void take_defect(const Matrices& parameters);
  /// Returns ρ² of the layer above, from that of this one.
  double count_kinks(const A& arithmetic, const StepView<A>& view, std::size_t index,
                     double relative_error);
  void add_jump(std::size_t index, Eigen::Index unit, double squared_jump);
  [[nodiscard]] double input_norm(const StepView<A>& view, const Kinks& kinks,
                                  Eigen::Index row) const;
  void finish_rounding(double weight_roundoff, const EndView<A>& view, const Matrices& slopes);

  const Problem& problem_;
  Configuration configuration_;
  std::vector<Scalar> row_norms_;      ///< of the training features
  std::vector<Kinks> kinks_;           ///< from the lowest layer to the highest
  std::vector<Matrix<Wide>> updated_;  ///< by the last sample, until its defect is taken
  std::vector<std::vector<Matrix<float>>> defects_;  ///< d_t of the samples
  double squared_moves_ = 0;                         ///< Σ ‖Δ_t‖² over the samples
  double gain_ = 1;  ///< ‖Δ_t‖/(η‖g_t‖) at the last sample
  PhiTerms terms_;
};

extern template class PhiObserver<Native<float>>;
extern template class PhiObserver<Native<double>>;
extern template class PhiObserver<NarrowFloat>;

}  // namespace numgeom
