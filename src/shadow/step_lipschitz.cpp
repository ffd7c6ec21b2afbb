#include "numgeom/shadow/step_lipschitz.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "numgeom/arithmetic/rounding.hpp"

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;

const Magnitude& greater(const Magnitude& a, const Magnitude& b) { return a < b ? b : a; }
const Magnitude& lesser(const Magnitude& a, const Magnitude& b) { return b < a ? b : a; }

/// An upper bound on |entry| over all members.
Magnitude largest_entry(const NormBall& x) {
  if (x.midpoint().size() == 0) return x.radius();
  return Magnitude(x.midpoint().cwiseAbs().maxCoeff()) + x.radius();
}

NormBall gram(const NormBall& x) { return product_nt(x, x); }

// ---- The residual part ------------------------------------------------------------------------

/// max_h σ_max(Âᵀ diag(D_h) Δ) over all members: the coupling of neighbouring layers.
class NeighbourCoupling {
 public:
  NeighbourCoupling(const NormBall& inputs, const NormBall& slopes, const NormBall& deltas)
      : inputs_(inputs), slopes_(slopes), deltas_(deltas) {}

  [[nodiscard]] Magnitude bound() const {
    const NormBall point(inputs_.midpoint());
    const Matrix<double> gram = point.midpoint() * point.midpoint().transpose();
    std::vector<NormBall> units = unit_matrices(gram);
    // A Frobenius norm bounds the eigenvalue: only units that could be the greatest are refined.
    std::sort(units.begin(), units.end(),
              [](const NormBall& a, const NormBall& b) { return b.norm() < a.norm(); });
    Magnitude greatest;
    for (const NormBall& unit : units) {
      if (!(greatest < unit.norm())) break;
      greatest = greater(greatest, largest_eigenvalue(unit));
    }
    return sqrt_up(greatest) + deviation();
  }

 private:
  /// Δᵀ D_h ÂÂᵀ D_h Δ for every unit h, at the midpoints.
  [[nodiscard]] std::vector<NormBall> unit_matrices(const Matrix<double>& gram) const {
    const Matrix<double>& d = slopes_.midpoint();
    const Matrix<double>& delta = deltas_.midpoint();
    // The three products of a unit together, in the Frobenius norm; twice, for all that is of
    // second order.
    const Magnitude scale = inputs_.size() * largest_entry(NormBall(d)) * deltas_.size();
    const Magnitude one(1);
    const Magnitude underflow = Magnitude::power_of_two(-1000) * (one + scale) * (one + scale) *
                                (one + inputs_.size() * inputs_.size());
    const Magnitude error = Magnitude(2) *
                                gamma(inputs_.cols() + 2 * gram.rows() + 8, Magnitude(kUnit)) *
                                scale * scale +
                            underflow;
    std::vector<NormBall> units;
    units.reserve(static_cast<std::size_t>(d.cols()));
    Matrix<double> scaled(delta.rows(), delta.cols());
    for (Eigen::Index h = 0; h < d.cols(); ++h) {
      scaled = delta.array().colwise() * d.col(h).array();
      units.emplace_back(scaled.transpose() * (gram * scaled), error);
    }
    return units;
  }

  /// What the members of the balls add to any unit.
  [[nodiscard]] Magnitude deviation() const {
    const Magnitude slope = largest_entry(slopes_);
    const Magnitude& a = inputs_.size();
    return inputs_.radius() * slope * deltas_.norm() + a * slopes_.radius() * deltas_.norm() +
           a * slope * deltas_.radius();
  }

  const NormBall& inputs_;
  const NormBall& slopes_;
  const NormBall& deltas_;
};

/// ‖N‖₂ of a symmetric matrix of bounds, by Collatz and Wielandt: max_i (Nv)_i / v_i for any v > 0.
Magnitude norm_of_bounds(const std::vector<std::vector<Magnitude>>& n) {
  constexpr int kIterations = 16;
  std::vector<double> v(n.size(), 1.0);
  const auto times = [&](std::size_t i) {
    Magnitude sum;
    for (std::size_t j = 0; j < n.size(); ++j) sum += n[i][j] * Magnitude(v[j]);
    return sum;
  };
  Magnitude best = Magnitude::infinity();
  for (int k = 0; k < kIterations; ++k) {
    Magnitude bound;
    std::vector<double> next;
    for (std::size_t i = 0; i < n.size(); ++i) {
      const Magnitude product = times(i);
      bound = greater(bound, divide_up(product, Magnitude(v[i])));
      next.push_back(product.to_double_up());
    }
    best = lesser(best, bound);
    // Shifted by the bound, so that the iteration does not swing; entries stay positive.
    const double shift = best.to_double_up();
    if (!(shift > 0x1p-400 && shift < 0x1p400)) break;
    for (std::size_t i = 0; i < n.size(); ++i) v[i] = std::max(next[i] / shift + v[i], 0x1p-400);
    const double largest = *std::max_element(v.begin(), v.end());
    for (double& x : v) x = std::max(x / largest, 0x1p-200);
  }
  return best;
}

/// The norms of the parts of R, for all parameters in the ball.
class ResidualPart {
 public:
  explicit ResidualPart(const StepEnclosure& step)
      : step_(step),
        layers_(step.inputs.size()),
        bounds_(layers_, std::vector<Magnitude>(layers_)) {
    propagate();
  }

  [[nodiscard]] Magnitude norm() {
    if (layers_ == 1) return {};
    for (std::size_t m = 1; m < layers_; ++m) {
      add(m - 1, m,
          NeighbourCoupling(step_.inputs[m - 1], step_.slopes[m - 1], deltas_[m]).bound());
      for (std::size_t l = 0; l + 1 < m; ++l)
        add(l, m, input_norm(l) * path(l, m) * spectral_norm(deltas_[m]));
    }
    for (std::size_t m = 0; m < layers_; ++m)
      if (step_.curvatures[m].rows() > 0) add_curvature(m);
    return norm_of_bounds(bounds_);
  }

 private:
  void add(std::size_t l, std::size_t m, const Magnitude& bound) {
    bounds_[l][m] += bound;
    if (l != m) bounds_[m][l] += bound;
  }

  /// Backpropagation: the derivatives by every layer's outputs before and after its activation.
  void propagate() {
    deltas_.resize(layers_);
    behind_.resize(layers_);
    deltas_.back() = step_.residuals;
    for (std::size_t m = layers_; m-- > 1;) {
      behind_[m - 1] = product_nt(deltas_[m], step_.weights[m]);
      deltas_[m - 1] = hadamard(behind_[m - 1], step_.slopes[m - 1]);
    }
  }

  Magnitude input_norm(std::size_t m) const { return spectral_norm(step_.inputs[m]); }

  /// ‖∂(inputs of layer m)/∂(outputs of layer l)‖₂ for one sample.
  Magnitude path(std::size_t l, std::size_t m) const {
    Magnitude norm = largest_entry(step_.slopes[l]);
    for (std::size_t k = l + 1; k < m; ++k)
      norm *= spectral_norm(step_.weights[k]) * largest_entry(step_.slopes[k]);
    return norm;
  }

  /// Σ_ih c_ih ż_ih², ż the first derivative of the outputs of layer m in a direction.
  void add_curvature(std::size_t m) {
    const NormBall c = hadamard(behind_[m], step_.curvatures[m]);
    const Magnitude largest = largest_entry(c);
    std::vector<Magnitude> reach;
    for (std::size_t l = 0; l < m; ++l)
      reach.push_back(input_norm(l) * path(l, m) * spectral_norm(step_.weights[m]));
    reach.push_back(input_norm(m));
    for (std::size_t l = 0; l <= m; ++l)
      for (std::size_t k = l; k <= m; ++k)
        if (l < m || k < m) add(l, k, largest * reach[l] * reach[k]);
    add(m, m, lesser(largest * reach[m] * reach[m], own_curvature(m, c)));
  }

  /// max_h ‖Âᵀ diag(c_h) Â‖_F, where ‖Âᵀ diag(c) Â‖_F² = cᵀ(K∘K)c and K = ÂÂᵀ.
  Magnitude own_curvature(std::size_t m, const NormBall& c) const {
    const NormBall k = gram(NormBall(step_.inputs[m].midpoint()));
    const BoundMatrix squares = hadamard(BoundMatrix(k.midpoint()), BoundMatrix(k.midpoint()));
    const BoundMatrix sizes(c.midpoint());
    const BoundMatrix sums = column_sums(hadamard(sizes, product(squares, sizes)));
    const Magnitude& a = step_.inputs[m].size();
    const Magnitude& r = step_.inputs[m].radius();
    return sqrt_up(sums.largest()) + c.size() * k.radius() + c.norm() * r * (Magnitude(2) * a + r) +
           c.radius() * a * a;
  }

  const StepEnclosure& step_;
  std::size_t layers_;
  std::vector<NormBall> deltas_;
  std::vector<NormBall> behind_;
  std::vector<std::vector<Magnitude>> bounds_;
};

// ---- The Gauss–Newton part --------------------------------------------------------------------

/// K ⊗ 1: every entry as a block of size × size equal entries.
NormBall in_blocks(const NormBall& x, Eigen::Index size) {
  Matrix<double> result(x.rows() * size, x.cols() * size);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      result.block(i * size, j * size, size, size).setConstant(x.midpoint()(i, j));
  return {std::move(result), Magnitude(static_cast<double>(size)) * x.radius()};
}

/// Every row `count` times.
NormBall with_rows_repeated(const NormBall& x, Eigen::Index count) {
  Matrix<double> result(x.rows() * count, x.cols());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    result.middleRows(i * count, count).rowwise() = x.midpoint().row(i);
  return {std::move(result), sqrt_up(Magnitude(static_cast<double>(count))) * x.radius()};
}

/// The greatest eigenvalue of JᵀSJ, J the Jacobian of the logits by the parameters and S the
/// Hessian of the loss by the logits, refined in four stages.
class GaussNewtonPart {
 public:
  explicit GaussNewtonPart(const StepEnclosure& step)
      : step_(step), batch_(step.residuals.rows()), classes_(step.residuals.cols()) {
    factor_softmax();
    backpropagate();
  }

  /// A bound of one stage.
  [[nodiscard]] Magnitude bound(GaussNewtonStage stage) {
    switch (stage) {
      case GaussNewtonStage::kTrace:
        return by_trace();
      case GaussNewtonStage::kSamples:
        return by_samples();
      case GaussNewtonStage::kFrobenius:
        return matrix().norm() + excess();
      case GaussNewtonStage::kEigenvalue:
        break;
    }
    return largest_eigenvalue(matrix()) + excess();
  }

 private:
  /// Through the trace.
  [[nodiscard]] Magnitude by_trace() const {
    Magnitude trace;
    for (std::size_t m = 0; m < seeds_.size(); ++m) {
      const BoundMatrix inputs = row_norms(BoundMatrix(step_.inputs[m].midpoint()));
      const BoundMatrix seeds = row_norms(BoundMatrix(seeds_[m].midpoint()));
      const Magnitude from_inputs = step_.inputs[m].radius();
      const Magnitude from_seeds = seeds_[m].radius();
      for (Eigen::Index i = 0; i < batch_; ++i) {
        const Magnitude input = inputs(i, 0) + from_inputs;
        Magnitude block;
        for (Eigen::Index k = i * classes_; k < (i + 1) * classes_; ++k)
          block += seeds(k, 0) * seeds(k, 0);
        const Magnitude seed = sqrt_up(block) + from_seeds;
        trace += input * input * seed * seed;
      }
    }
    return trace + excess();
  }

  /// Through ‖QᵀJJᵀQ‖_F, whose block of the samples i and j is Σ_m â_miᵀâ_mj·G_miG_mjᵀ and
  /// ‖G_miG_mjᵀ‖_F ≤ s_mi·s_mj, s_mi = ‖G_miG_miᵀ‖_F^½.
  [[nodiscard]] Magnitude by_samples() {
    BoundMatrix blocks(batch_, batch_);
    Magnitude deviation;
    for (std::size_t m = 0; m < seeds_.size(); ++m) {
      const NormBall& products = input_products(m);
      const BoundMatrix s = seed_sizes(m);
      blocks = blocks + hadamard(BoundMatrix(products.midpoint()), product_nt(s, s));
      deviation += products.radius() * s.largest() * s.largest();
    }
    return frobenius_norm(blocks) + deviation + excess();
  }

  /// Σ_m (Â_mÂ_mᵀ ⊗ 1) ∘ (G_mG_mᵀ) = QᵀJJᵀQ, G_m the derivatives of Qᵀ·logits by layer m's outputs.
  const NormBall& matrix() {
    if (matrix_.rows() > 0) return matrix_;
    for (std::size_t m = 0; m < seeds_.size(); ++m) {
      const NormBall part = hadamard(in_blocks(input_products(m), classes_), gram(seeds_[m]));
      matrix_ = m == 0 ? part : matrix_ + part;
    }
    return matrix_;
  }

  /// What the factor Q of the midpoints leaves out: ‖J‖²·‖S − QQᵀ‖.
  [[nodiscard]] Magnitude excess() const {
    Magnitude jacobian;
    Magnitude path(1);
    for (std::size_t m = step_.inputs.size(); m-- > 0;) {
      const Magnitude norm = step_.inputs[m].norm() * path;
      jacobian += norm * norm;
      if (m > 0) path *= step_.weights[m].norm() * largest_entry(step_.slopes[m - 1]);
    }
    return jacobian * softmax_error_;
  }

  /// Q_i = (diag(√p) − p√pᵀ)/√batch at the midpoints, its columns as rows of one matrix.
  void factor_softmax() {
    Matrix<double> onehot = Matrix<double>::Zero(batch_, classes_);
    for (Eigen::Index i = 0; i < batch_; ++i) onehot(i, step_.labels[i]) = 1;
    const double count = static_cast<double>(batch_);
    const NormBall p = count * step_.residuals + NormBall(onehot);
    Matrix<double> q(batch_ * classes_, classes_);
    for (Eigen::Index i = 0; i < batch_; ++i) {
      const Eigen::ArrayXd pi = p.midpoint().row(i).transpose().array().max(0.0);
      const Eigen::ArrayXd root = pi.sqrt();
      for (Eigen::Index k = 0; k < classes_; ++k) {
        q.row(i * classes_ + k) = -(pi * root(k)).matrix().transpose();
        q(i * classes_ + k, k) += root(k);
      }
    }
    q /= std::sqrt(count);
    seeds_.resize(step_.inputs.size());
    seeds_.back() = NormBall(std::move(q));
    // ‖diag p − ppᵀ − batch·QQᵀ‖ for all members p: proofs/stepwise.md, lemma 4.
    const Magnitude& dp = p.radius();
    const Magnitude size = (Magnitude(1) + dp) * (Magnitude(1) + dp);
    const Magnitude error =
        dp * (Magnitude(3) + dp) +
        size * (Magnitude(2) * sqrt_up(Magnitude(static_cast<double>(classes_))) * dp +
                Magnitude(64 * kUnit));
    softmax_error_ = divide_up(error, Magnitude(count));
  }

  void backpropagate() {
    for (std::size_t m = seeds_.size(); m-- > 1;)
      seeds_[m - 1] = hadamard(product_nt(seeds_[m], step_.weights[m]),
                               with_rows_repeated(step_.slopes[m - 1], classes_));
  }

  /// Â_mÂ_mᵀ, made when it is asked for: often the trace alone is enough.
  const NormBall& input_products(std::size_t m) {
    if (input_products_.empty()) input_products_.resize(step_.inputs.size());
    if (input_products_[m].rows() == 0) input_products_[m] = gram(step_.inputs[m]);
    return input_products_[m];
  }

  /// ‖G_miG_miᵀ‖_F^½ for every sample i, as a column.
  [[nodiscard]] BoundMatrix seed_sizes(std::size_t m) const {
    std::vector<Magnitude> sizes;
    for (Eigen::Index i = 0; i < batch_; ++i) {
      const NormBall seed(seeds_[m].midpoint().middleRows(i * classes_, classes_),
                          seeds_[m].radius());
      sizes.push_back(sqrt_up(gram(seed).norm()));
    }
    return {batch_, 1, sizes};
  }

  const StepEnclosure& step_;
  Eigen::Index batch_;
  Eigen::Index classes_;
  std::vector<NormBall> seeds_;
  std::vector<NormBall> input_products_;
  NormBall matrix_;
  Magnitude softmax_error_;
};

}  // namespace

bool has_step_lipschitz(const Problem& problem, const Configuration& configuration) {
  if (!StepMap::is_known(problem.training.optimizer) || !(problem.loss == Loss{})) return false;
  if (configuration.l1 > 0 || configuration.clip_norm > 0) return false;
  bool after_dense = false;
  for (const Layer& layer : problem.network.layers) {
    const bool dense = layer.kind == Layer::Kind::kDense;
    const bool known = layer.kind == Layer::Kind::kRelu || layer.kind == Layer::Kind::kTanh;
    if (layer.is_convolution || (!dense && !(known && after_dense))) return false;
    after_dense = dense;
  }
  return after_dense;
}

NormBall with_bias(const NormBall& x) {
  Matrix<double> result(x.rows(), x.cols() + 1);
  result << x.midpoint(), Matrix<double>::Ones(x.rows(), 1);
  return {std::move(result), x.radius()};
}

Magnitude gauss_newton_bound(const StepEnclosure& step, GaussNewtonStage stage) {
  return GaussNewtonPart(step).bound(stage);
}

HessianRange hessian_range(const StepEnclosure& step, double weight_decay,
                           const std::function<bool(const HessianRange&)>& is_enough,
                           GaussNewtonStage last) {
  using rounding::add_up;
  using rounding::sub_down;
  const double residual = ResidualPart(step).norm().to_double_up();
  HessianRange range{sub_down(weight_decay, residual), rounding::kInfinity};
  GaussNewtonPart part(step);
  for (const GaussNewtonStage stage : kGaussNewtonStages) {
    const double lambda = part.bound(stage).to_double_up();
    range.upper = std::min(range.upper, add_up(add_up(weight_decay, lambda), residual));
    if (stage == last || is_enough(range)) break;
  }
  return range;
}

HessianRange hessian_range(const StepEnclosure& step, double weight_decay, const StepMap& map,
                           const Tube& tube) {
  // With momentum λ nearly always matters, but not by so much as to be worth any price.
  constexpr Eigen::Index kMostRows = 512;
  const bool is_dear = map.kind != StepMap::Kind::kPlain &&
                       step.residuals.rows() * step.residuals.cols() > kMostRows;
  return hessian_range(
      step, weight_decay, [&](const HessianRange& range) { return tube.is_enough(map, range); },
      is_dear ? GaussNewtonStage::kSamples : GaussNewtonStage::kEigenvalue);
}

Magnitude step_lipschitz(const StepEnclosure& step, const Configuration& configuration) {
  const StepMap map{StepMap::Kind::kPlain, configuration.lr, 0};
  const Tube tube(map);
  return step_lipschitz(map, tube.coordinates(),
                        hessian_range(step, configuration.weight_decay, map, tube));
}

}  // namespace numgeom
