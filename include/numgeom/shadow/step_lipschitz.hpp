#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "numgeom/arithmetic/norm_ball.hpp"
#include "numgeom/shadow/link.hpp"
#include "numgeom/shadow/step_coordinates.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {

/// Whether the stepwise way knows the step map: gradient descent, with momentum or without, on
/// cross-entropy, of dense layers and convolutions with at most one ReLU or tanh between two of
/// them, average pools behind it, and nothing but average pools before the first.
[[nodiscard]] bool has_step_lipschitz(const Problem& problem, const Configuration& configuration);

/// One step's batch, enclosed for all parameters ξ with ‖ξ − w̃‖₂ ≤ ρ; vectors by dense operation.
/// A convolution is a dense operation with a row for every window of a sample, where a dense layer
/// has one row a sample.
struct StepEnclosure {
  std::vector<NormBall> inputs;      ///< rows × (inputs+1), the last column 1 for the bias
  std::vector<NormBall> weights;     ///< inputs × units, without the bias; the first is not used
  std::vector<NormBall> slopes;      ///< rows × units, φ′ of the activation after the operation
  std::vector<NormBall> curvatures;  ///< rows × units, φ″; no rows where it is zero
  std::vector<Link> links;           ///< [m] from operation m to operation m + 1
  NormBall residuals;                ///< batch × classes, (softmax − onehot)/batch
  Indices labels;

  [[nodiscard]] Eigen::Index batch() const { return residuals.rows(); }
  /// Rows of operation m that belong to one sample.
  [[nodiscard]] Eigen::Index positions(std::size_t m) const { return inputs[m].rows() / batch(); }
};

/// How λ, the greatest eigenvalue of the Gauss–Newton part, is bounded: each stage is dearer than
/// those before it, and mostly better.
enum class GaussNewtonStage {
  kTrace,      ///< Σ of the diagonal of QᵀJJᵀQ
  kSamples,    ///< a Frobenius norm, from one bound a pair of samples
  kFrobenius,  ///< the Frobenius norm
  kEigenvalue  ///< see `largest_eigenvalue`
};
inline constexpr std::array kGaussNewtonStages = {
    GaussNewtonStage::kTrace, GaussNewtonStage::kSamples, GaussNewtonStage::kFrobenius,
    GaussNewtonStage::kEigenvalue};

/// An upper bound on the greatest eigenvalue of JᵀSJ (below) for every parameter in the ball that
/// the step is enclosed for. Source: proofs/stepwise.md, lemmas 3 and 4.
[[nodiscard]] Magnitude gauss_newton_bound(const StepEnclosure& step, GaussNewtonStage stage);

/// Where the eigenvalues of the Hessian of L + ½ω‖·‖² lie, for every parameter in the ball that the
/// step is enclosed for:
///
///     [ω − ‖R‖₂, ω + λ + ‖R‖₂]
///
/// where the Hessian of the batch loss L is split into its Gauss–Newton part, 0 ≤ GN ≤ λ, and the
/// residual part R. λ is the greatest eigenvalue of QᵀJJᵀQ, QQᵀ = S, J the Jacobian of the logits
/// and S the Hessian of the loss by the logits; it is refined until the range `is_enough`, or as
/// far as `last`. R couples pairs of layers: for the inputs Â of a ReLU layer and the derivatives Δ
/// behind the next one, units decouple, ‖R‖₂ = max_h σ_max(Âᵀ diag(D_h) Δ), and this is what one
/// hidden layer gets. What couples a convolution with a later operation is a small matrix that is
/// written down; dense layers further apart and smooth activations are bounded by products of
/// norms. Inclusion: for every ξ in the ball. ±∞ where nothing is known. Source:
/// proofs/stepwise.md, "The Hessian".
[[nodiscard]] HessianRange hessian_range(const StepEnclosure& step, double weight_decay,
                                         const std::function<bool(const HessianRange&)>& is_enough,
                                         GaussNewtonStage last = GaussNewtonStage::kEigenvalue);

/// The same, refined until it cannot matter in a tube, or would cost too much.
[[nodiscard]] HessianRange hessian_range(const StepEnclosure& step, double weight_decay,
                                         const StepMap& map, const Tube& tube);

/// Λ of plain gradient descent at the rate `configuration.lr`, G(ξ) = ξ − η(∇L(ξ) + ωξ), on the
/// ball that the step is enclosed for.
[[nodiscard]] Magnitude step_lipschitz(const StepEnclosure& step,
                                       const Configuration& configuration);

/// Appends a column of ones.
NormBall with_bias(const NormBall& x);
/// The same entries, row by row, in rows of another length.
NormBall reshaped(const NormBall& x, Eigen::Index rows, Eigen::Index cols);

namespace detail {

inline BoundMatrix ones(Eigen::Index rows, Eigen::Index cols) {
  return BoundMatrix(Matrix<double>::Ones(rows, cols));
}

/// ‖(x_i, 1)‖₂ for every row.
inline BoundMatrix row_norms_with_bias(const BoundMatrix& x) {
  return row_norms(x) + ones(x.rows(), 1);
}

/// Bounds on the rows of a gathered matrix from those on the rows of the operand: every row is at
/// most as long as √(terms·uses) times the sample that it is taken from.
BoundMatrix gathered_row_norms(const Places& places, const BoundMatrix& rows);

/// The column of bounds on rows as a bound on every entry of them.
inline BoundMatrix spread(const BoundMatrix& column, Eigen::Index cols) {
  return product(column, ones(1, cols));
}

}  // namespace detail

/// How far the outputs of a network are from those at w̃, for all parameters ξ with ‖ξ − w̃‖₂ ≤ ρ.
///
///     e₀ = 0,   e(dense) = (‖W‖₂ + ρ)·e + ρ·‖(a, 1)‖₂,   e(activation) = e,
///     e(gather) = √(terms·uses)·‖e of the sample's rows‖₂,   e(division by d) = e/d
///
/// Entry [l] of the result bounds ‖output_l(ξ)_i − output_l(w̃)_i‖₂ for every row i; no signs need
/// to be known, since ReLU and tanh are 1-Lipschitz. Source: proofs/stepwise.md, lemma 1.
template <class Arithmetic>
std::vector<BoundMatrix> output_deviations(
    const Arithmetic& arithmetic, const Network& network,
    const std::vector<typename Arithmetic::Matrix>& parameters,
    const std::vector<typename Arithmetic::Matrix>& outputs, const Magnitude& rho) {
  std::vector<BoundMatrix> deviations{BoundMatrix(outputs.front().rows(), 1)};
  std::size_t next = 0;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const BoundMatrix input = deviations.back();
    if (layer.kind == Layer::Kind::kGather) {
      deviations.push_back(detail::gathered_row_norms(*layer.places, input));
      continue;
    }
    if (layer.kind == Layer::Kind::kDivide) {
      deviations.push_back(divide_up(Magnitude(1), Magnitude(layer.divisor)) * input);
      continue;
    }
    if (layer.kind != Layer::Kind::kDense) {
      deviations.push_back(input);
      continue;
    }
    BoundMatrix deviation = rho * detail::row_norms_with_bias(arithmetic.magnitudes(outputs[i]));
    if (!input.is_zero()) {
      const NormBall weights(arithmetic.to_doubles(parameters[next]));
      deviation = deviation + (spectral_norm(weights) + rho) * input;
    }
    deviations.push_back(std::move(deviation));
    next += 2;
  }
  return deviations;
}

/// Encloses a step for all parameters within ρ > 0 of the points `parameters`.
///
/// Nothing where the sign of a pre-activation of a ReLU is not the same on the whole ball: the step
/// map has no Lipschitz constant that could be found there, and more bits are needed.
template <class Arithmetic>
std::optional<StepEnclosure> enclose_step(
    const Arithmetic& arithmetic, const Network& network,
    const std::vector<typename Arithmetic::Matrix>& parameters, const Passes<Arithmetic>& passes,
    const Indices& labels, const Magnitude& rho) {
  const auto deviations = output_deviations(arithmetic, network, parameters, passes.outputs, rho);
  StepEnclosure step;
  step.labels = labels;
  auto links = links_of(network);
  if (!links) return std::nullopt;
  step.links = std::move(*links);
  // Activations see rows of channels as images.
  const auto behind_dense = [&](const NormBall& x) {
    const NormBall& last = step.slopes.back();
    return reshaped(x, last.rows(), last.cols());
  };
  std::size_t next = 0;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& output = passes.outputs[i + 1];
    switch (network.layers[i].kind) {
      case Layer::Kind::kDense: {
        DoubleEnclosures input = arithmetic.to_doubles(passes.outputs[i]);
        step.inputs.push_back(with_bias(NormBall(input).widened(frobenius_norm(deviations[i]))));
        step.weights.push_back(
            next == 0 ? NormBall()
                      : NormBall(arithmetic.to_doubles(parameters[next])).widened(rho));
        step.slopes.emplace_back(Matrix<double>::Ones(output.rows(), output.cols()));
        step.curvatures.emplace_back();
        next += 2;
        break;
      }
      case Layer::Kind::kRelu: {
        const auto widened = arithmetic.widened(
            passes.outputs[i], detail::spread(deviations[i], passes.outputs[i].cols()));
        const auto activity = arithmetic.activity(widened);
        if (!activity) return std::nullopt;
        step.slopes.back() = behind_dense(NormBall(*activity));
        break;
      }
      case Layer::Kind::kTanh: {
        const NormBall t =
            NormBall(arithmetic.to_doubles(output)).widened(frobenius_norm(deviations[i + 1]));
        const NormBall one(Matrix<double>::Ones(t.rows(), t.cols()));
        const NormBall slopes = one - hadamard(t, t);
        step.curvatures.back() = behind_dense(-2.0 * hadamard(t, slopes));
        step.slopes.back() = behind_dense(slopes);
        break;
      }
      default:  // the links
        break;
    }
  }
  const Magnitude share(0.5 / static_cast<double>(labels.size()));
  step.residuals = NormBall(arithmetic.to_doubles(passes.deltas.back()))
                       .widened(Magnitude(1 + 0x1p-51) * share * frobenius_norm(deviations.back()));
  return step;
}

}  // namespace numgeom
