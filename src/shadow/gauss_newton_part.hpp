#pragma once

#include <vector>

#include "numgeom/shadow/step_lipschitz.hpp"

namespace numgeom {

/// The Gauss–Newton part JᵀSJ of the Hessian of the batch loss, J the Jacobian of the logits by the
/// parameters and S the Hessian of the loss by the logits, for all parameters in the ball that the
/// step is enclosed for. The step must outlive it.
class GaussNewtonPart {
 public:
  explicit GaussNewtonPart(const StepEnclosure& step);

  /// An upper bound on its greatest eigenvalue; what one stage computes serves the later ones.
  [[nodiscard]] Magnitude bound(GaussNewtonStage stage);

 private:
  /// Through the trace.
  [[nodiscard]] Magnitude by_trace();
  /// Through ‖QᵀJJᵀQ‖_F, whose block of the samples i and j is Σ_m â_miᵀâ_mj·G_miG_mjᵀ and
  /// ‖G_miG_mjᵀ‖_F ≤ s_mi·s_mj, s_mi = ‖G_miG_miᵀ‖_F^½.
  [[nodiscard]] Magnitude by_samples();
  /// Σ_m (Â_mÂ_mᵀ ⊗ 1) ∘ (G_mG_mᵀ) = QᵀJJᵀQ, G_m the derivatives of Qᵀ·logits by layer m's outputs;
  /// for a convolution the Gram matrix of `jacobians_`.
  const NormBall& matrix();
  /// What the factor Q of the midpoints leaves out: ‖J‖²·‖S − QQᵀ‖.
  [[nodiscard]] Magnitude excess() const;
  /// Q_i = (diag(√p) − p√pᵀ)/√batch at the midpoints, its columns as rows of one matrix.
  void factor_softmax();
  void backpropagate();
  /// Below operation `end`, sample by sample: `jacobians_`.
  void backpropagate_windows(std::size_t end);
  /// Â_mÂ_mᵀ, made when it is asked for: often the trace alone is enough.
  const NormBall& input_products(std::size_t m);
  /// ‖G_miG_miᵀ‖_F^½ for every sample i, as a column.
  [[nodiscard]] BoundMatrix seed_sizes(std::size_t m) const;

  const StepEnclosure& step_;
  Eigen::Index batch_;
  Eigen::Index classes_;
  std::vector<NormBall> seeds_;  ///< G_m of dense layers
  std::vector<NormBall> input_products_;
  /// The derivatives of Qᵀ·logits by the weights of convolutions, a row each: Σ_r â_r ⊗ g_r over
  /// the windows r of the sample.
  std::vector<NormBall> jacobians_;
  NormBall matrix_;
  Magnitude softmax_error_;
};

}  // namespace numgeom
