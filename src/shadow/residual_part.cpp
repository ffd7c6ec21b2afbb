#include "residual_part.hpp"

#include <algorithm>
#include <vector>

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;

/// A matrix whose entries were rounded once; `size` bounds the norm of the exact one.
NormBall rounded_once(Matrix<double> x, const Magnitude& size) {
  const Magnitude underflow =
      Magnitude(static_cast<double>(x.size())) * Magnitude::power_of_two(-1074);
  return {std::move(x), Magnitude(kUnit) * size + underflow};
}

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
      greatest = std::max(greatest, largest_eigenvalue(unit));
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
    const Magnitude scale = inputs_.size() * NormBall(d).largest() * deltas_.size();
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
    const Magnitude slope = slopes_.largest();
    const Magnitude& a = inputs_.size();
    return inputs_.radius() * slope * deltas_.norm() + a * slopes_.radius() * deltas_.norm() +
           a * slope * deltas_.radius();
  }

  const NormBall& inputs_;
  const NormBall& slopes_;
  const NormBall& deltas_;
};

/// The block of a convolution l and a later operation m, written down: M_h with the entries
/// Σ_r ∂(input f of m in row r)/∂(U_l)_ph · Δ_m,ro for every unit h of l, as (inputs+1) × (f, o).
///
/// The derivatives are carried forward from the windows Â_l in the directions of the weights of one
/// unit at a time. Where m follows l, the units touch different inputs of m, and the norm of the
/// block is max_h σ_max(M_h); further apart it is that of all M_h one below the other.
class WindowCoupling {
 public:
  WindowCoupling(const StepEnclosure& step, const NormBall& deltas, std::size_t l, std::size_t m)
      : step_(step), deltas_(deltas), l_(l), m_(m), directions_(step.inputs[l].cols()) {}

  /// Whether writing it down takes no more than a few times what a step itself takes.
  [[nodiscard]] bool is_cheap() const {
    constexpr double kMostMultiplications = 8e9;
    const auto units = static_cast<double>(step_.slopes[l_].cols());
    double work = 0;
    for (std::size_t k = l_ + 1; k <= m_; ++k) {
      const auto rows = static_cast<double>(step_.inputs[k].rows());
      double inputs = static_cast<double>(step_.inputs[k].cols() - 1);
      if (k == l_ + 1) inputs /= units;
      const auto outputs = static_cast<double>(k == m_ ? deltas_.cols() : step_.slopes[k].cols());
      work += units * static_cast<double>(directions_) * rows * inputs * outputs;
    }
    return work < kMostMultiplications;
  }

  [[nodiscard]] Magnitude bound() const {
    const bool neighbours = l_ + 1 == m_;
    const auto units = static_cast<int>(step_.slopes[l_].cols());
    const Magnitude error = deviation();
    Magnitude greatest;
    std::vector<Matrix<double>> parts;
    for (int h = 0; h < units; ++h) {
      Matrix<double> part = contracted(derivatives(h));
      if (!neighbours)
        parts.push_back(std::move(part));
      else if (greatest < frobenius_norm(part))
        greatest = std::max(greatest, spectral_norm(NormBall(std::move(part))));
    }
    if (!neighbours) greatest = norm_of(parts);
    return greatest + error;
  }

 private:
  /// Derivatives of some columns of an operation's inputs: a row a column, the entries of which are
  /// rows × directions.
  struct Derivatives {
    std::vector<int> inputs;
    Matrix<double> entries;
  };

  /// Of the inputs of operation m in the directions of the weights of unit h.
  [[nodiscard]] Derivatives derivatives(int h) const {
    const NormBall& windows = step_.inputs[l_];
    Matrix<double> outputs(1, windows.midpoint().size());
    Eigen::Map<Matrix<double>>(outputs.data(), windows.rows(), windows.cols()) =
        windows.midpoint().array().colwise() * step_.slopes[l_].midpoint().col(h).array();
    Derivatives result = linked(l_, outputs, h);
    for (std::size_t k = l_ + 1; k < m_; ++k) result = advanced(k, result);
    return result;
  }

  /// Through the weights and the activation of operation k, and on to the inputs of the next one.
  [[nodiscard]] Derivatives advanced(std::size_t k, const Derivatives& x) const {
    const Matrix<double> weights = step_.weights[k].midpoint()(x.inputs, Eigen::all);
    Matrix<double> outputs = weights.transpose() * x.entries;
    const Matrix<double>& slopes = step_.slopes[k].midpoint();
    for (Eigen::Index o = 0; o < outputs.rows(); ++o)
      for (Eigen::Index r = 0; r < slopes.rows(); ++r)
        outputs.row(o).segment(r * directions_, directions_) *= slopes(r, o);
    return linked(k, outputs, -1);
  }

  /// From the outputs of operation k to the inputs of the next one; rows of `outputs` are units,
  /// or the one unit `only` if that is ≥ 0.
  [[nodiscard]] Derivatives linked(std::size_t k, const Matrix<double>& outputs, int only) const {
    const Link& link = step_.links[k];
    Derivatives result;
    for (int unit = std::max(only, 0); unit < (only < 0 ? outputs.rows() : only + 1); ++unit)
      for (const int input : link.inputs_of(unit)) result.inputs.push_back(input);
    if (link.is_identity()) {
      result.entries = outputs;
      return result;
    }
    const Eigen::Index rows = step_.inputs[k + 1].rows();
    result.entries.setZero(static_cast<Eigen::Index>(result.inputs.size()), rows * directions_);
    const Eigen::Index samples = rows / link.rows_out();
    for (Eigen::Index j = 0; j < result.entries.rows(); ++j) {
      const int input = result.inputs[static_cast<std::size_t>(j)];
      for (Eigen::Index s = 0; s < samples; ++s)
        for (Eigen::Index r = 0; r < link.rows_out(); ++r) {
          auto to =
              result.entries.row(j).segment((s * link.rows_out() + r) * directions_, directions_);
          link.for_terms(r, input, [&](const Link::Term& term) {
            to += term.weight *
                  outputs.row(only < 0 ? term.unit : 0)
                      .segment((s * link.rows_in() + term.row) * directions_, directions_);
          });
        }
    }
    return result;
  }

  /// Σ_r derivative_rf · Δ_ro as directions × (f, o).
  [[nodiscard]] Matrix<double> contracted(const Derivatives& x) const {
    const Matrix<double>& delta = deltas_.midpoint();
    Matrix<double> result(directions_, x.entries.rows() * delta.cols());
    for (Eigen::Index j = 0; j < x.entries.rows(); ++j) {
      const Eigen::Map<const Matrix<double>> entries(x.entries.row(j).data(), delta.rows(),
                                                     directions_);
      result.middleCols(j * delta.cols(), delta.cols()).noalias() = entries.transpose() * delta;
    }
    return result;
  }

  /// Of the parts one below the other; by the Frobenius norm where the Gram matrix is large.
  static Magnitude norm_of(const std::vector<Matrix<double>>& parts) {
    constexpr Eigen::Index kMostRows = 512;
    const Eigen::Index rows = parts.front().rows();
    const auto count = static_cast<Eigen::Index>(parts.size());
    Matrix<double> all(count * rows, parts.front().cols());
    for (Eigen::Index h = 0; h < count; ++h)
      all.middleRows(h * rows, rows) = parts[static_cast<std::size_t>(h)];
    const NormBall ball(std::move(all));
    return std::min(ball.rows(), ball.cols()) <= kMostRows ? spectral_norm(ball) : ball.norm();
  }

  /// What rounding and the members of the balls add to the norm of the block. It is a product of
  /// as many factors as there are below, linear in each, and its norm at most the product of
  /// theirs.
  [[nodiscard]] Magnitude deviation() const {
    std::vector<NormBounds> factors{{step_.inputs[l_].size(), step_.inputs[l_].radius()},
                                    {deltas_.size(), deltas_.radius()}};
    Magnitude links(1);
    Magnitude roundings = gamma(deltas_.rows() + 16, Magnitude(kUnit));
    for (std::size_t k = l_; k < m_; ++k) {
      const NormBall& slopes = step_.slopes[k];
      factors.push_back({NormBall(slopes.midpoint()).largest(), slopes.radius()});
      links *= step_.links[k].norm();
      roundings += step_.links[k].rounding();
      if (k == l_) continue;
      const NormBall& weights = step_.weights[k];
      factors.push_back({weights.size(), weights.radius()});
      roundings += gamma(weights.rows() + 4, Magnitude(kUnit));
    }
    Magnitude of_midpoints(1);
    Magnitude of_members;
    Magnitude headroom(1);
    for (const auto& [size, radius] : factors) {
      of_members = of_members * (size + radius) + of_midpoints * radius;
      of_midpoints *= size;
      headroom *= Magnitude(1) + size;
    }
    // Twice, for all that is of second order in the roundings.
    return links * (of_members + Magnitude(2) * roundings * of_midpoints) +
           Magnitude::power_of_two(-1000) * (Magnitude(1) + links) * headroom;
  }
  struct NormBounds {
    Magnitude size;
    Magnitude radius;
  };

  const StepEnclosure& step_;
  const NormBall& deltas_;
  std::size_t l_;
  std::size_t m_;
  Eigen::Index directions_;
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
      bound = std::max(bound, divide_up(product, Magnitude(v[i])));
      next.push_back(product.to_double_up());
    }
    best = std::min(best, bound);
    // Shifted by the bound, so that the iteration does not swing; entries stay positive.
    const double shift = best.to_double_up();
    if (!(shift > 0x1p-400 && shift < 0x1p400)) break;
    for (std::size_t i = 0; i < n.size(); ++i) v[i] = std::max(next[i] / shift + v[i], 0x1p-400);
    const double largest = *std::max_element(v.begin(), v.end());
    for (double& x : v) x = std::max(x / largest, 0x1p-200);
  }
  return best;
}

/// The norms of the blocks of R, for all parameters in the ball.
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
    for (std::size_t m = 1; m < layers_; ++m)
      for (std::size_t l = 0; l < m; ++l) add(l, m, coupling(l, m));
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
      behind_[m - 1] = step_.links[m - 1].backward(product_nt(deltas_[m], step_.weights[m]));
      deltas_[m - 1] = hadamard(behind_[m - 1], step_.slopes[m - 1]);
    }
  }

  /// The norm of block (l, m), l < m.
  Magnitude coupling(std::size_t l, std::size_t m) const {
    if (step_.positions(l) > 1) {
      const WindowCoupling windows(step_, deltas_[m], l, m);
      if (windows.is_cheap()) return windows.bound();
    } else if (l + 1 == m) {
      return NeighbourCoupling(step_.inputs[l], step_.slopes[l], deltas_[m]).bound();
    }
    return input_norm(l) * path(l, m) * spectral_norm(deltas_[m]);
  }

  Magnitude input_norm(std::size_t m) const { return spectral_norm(step_.inputs[m]); }

  /// ‖∂(inputs of operation m)/∂(outputs of operation l)‖₂ for one sample.
  Magnitude path(std::size_t l, std::size_t m) const {
    Magnitude norm = step_.slopes[l].largest() * step_.links[l].norm();
    for (std::size_t k = l + 1; k < m; ++k)
      norm *= spectral_norm(step_.weights[k]) * step_.slopes[k].largest() * step_.links[k].norm();
    return norm;
  }

  /// Σ_ih c_ih ż_ih², ż the first derivative of the outputs of layer m in a direction.
  void add_curvature(std::size_t m) {
    const NormBall c = hadamard(behind_[m], step_.curvatures[m]);
    const Magnitude largest = c.largest();
    std::vector<Magnitude> reach;
    for (std::size_t l = 0; l < m; ++l)
      reach.push_back(input_norm(l) * path(l, m) * spectral_norm(step_.weights[m]));
    reach.push_back(input_norm(m));
    for (std::size_t l = 0; l <= m; ++l)
      for (std::size_t k = l; k <= m; ++k)
        if (l < m || k < m) add(l, k, largest * reach[l] * reach[k]);
    add(m, m, std::min(largest * reach[m] * reach[m], own_curvature(m, c)));
  }

  /// max_h ‖Âᵀ diag(c_h) Â‖_F, where ‖Âᵀ diag(c) Â‖_F² = cᵀ(K∘K)c and K = ÂÂᵀ.
  Magnitude own_curvature(std::size_t m, const NormBall& c) const {
    if (step_.positions(m) > 1) return own_curvature_of_windows(m, c);
    const NormBall point(step_.inputs[m].midpoint());
    const NormBall k = product_nt(point, point);
    const BoundMatrix squares = hadamard(BoundMatrix(k.midpoint()), BoundMatrix(k.midpoint()));
    const BoundMatrix sizes(c.midpoint());
    const BoundMatrix sums = column_sums(hadamard(sizes, product(squares, sizes)));
    const Magnitude& a = step_.inputs[m].size();
    const Magnitude& r = step_.inputs[m].radius();
    return sqrt_up(sums.largest()) + c.size() * k.radius() + c.norm() * r * (Magnitude(2) * a + r) +
           c.radius() * a * a;
  }

  /// The same where there are more windows than entries in one: the small matrices themselves.
  Magnitude own_curvature_of_windows(std::size_t m, const NormBall& c) const {
    const NormBall& a = step_.inputs[m];
    Magnitude greatest;
    for (Eigen::Index h = 0; h < c.cols(); ++h) {
      const Matrix<double> weighted = a.midpoint().array().colwise() * c.midpoint().col(h).array();
      const NormBall scaled = rounded_once(weighted, a.size() * NormBall(c.midpoint()).largest())
                                  .widened(a.radius() * c.largest() + a.size() * c.radius());
      greatest = std::max(greatest, product_tn(scaled, a).norm());
    }
    return greatest;
  }

  const StepEnclosure& step_;
  std::size_t layers_;
  std::vector<NormBall> deltas_;
  std::vector<NormBall> behind_;
  std::vector<std::vector<Magnitude>> bounds_;
};

}  // namespace

Magnitude residual_part_norm(const StepEnclosure& step) { return ResidualPart(step).norm(); }

}  // namespace numgeom
