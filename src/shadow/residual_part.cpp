#include "residual_part.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "numgeom/arithmetic/double_product.hpp"

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
    const Matrix<double> gram = product_nt(point.midpoint(), point.midpoint());
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
      units.emplace_back(product_tn(scaled, product(gram, scaled)), error);
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

/// to = slope · Σ_j weights_j · from_j, for neighbouring rows from_j of `size` entries.
void combine(double slope, const double* weights, Eigen::Index rows, const double* from,
             Eigen::Index size, double* to) {
  // A few entries at a time, so that their sums stay in registers.
  constexpr Eigen::Index kWidth = 8;
  using Chunk = Eigen::Array<double, kWidth, 1>;
  Eigen::Index p = 0;
  for (; p + kWidth <= size; p += kWidth) {
    Chunk sum = Chunk::Zero();
    for (Eigen::Index j = 0; j < rows; ++j)
      sum += weights[j] * Eigen::Map<const Chunk>(from + j * size + p);
    Eigen::Map<Chunk>(to + p) = slope * sum;
  }
  for (; p < size; ++p) {
    double sum = 0;
    for (Eigen::Index j = 0; j < rows; ++j) sum += weights[j] * from[j * size + p];
    to[p] = slope * sum;
  }
}

/// to += weight · from.
void add_scaled(double weight, const double* from, Eigen::Index size, double* to) {
  using Vector = Eigen::ArrayXd;
  Eigen::Map<Vector>(to, size) += weight * Eigen::Map<const Vector>(from, size);
}

/// The blocks of a convolution l and the later operations m, written down: M_h with the entries
/// Σ_r ∂(input f of m in row r)/∂(U_l)_ph · Δ_m,ro for every unit h of l, as o × (f, p).
///
/// The derivatives are carried forward from the windows Â_l in the directions of the weights of one
/// unit at a time, some samples at a time. Where m follows l, the units touch different inputs of
/// m, and the norm of the block is max_h σ_max(M_h); further apart it is that of all M_h together.
class WindowCouplings {
 public:
  /// `deltas` are the Δ of all operations.
  WindowCouplings(const StepEnclosure& step, const std::vector<NormBall>& deltas, std::size_t l)
      : step_(step), deltas_(deltas), l_(l), directions_(step.inputs[l].cols()) {
    reach();
  }

  /// Bounds on the norms of the blocks (l, l+1), (l, l+2), …, as far as they take no more than a
  /// few times what a step itself takes.
  [[nodiscard]] std::vector<Magnitude> bounds() {
    const auto units = static_cast<int>(step_.slopes[l_].cols());
    Magnitude neighbour;
    for (int h = 0; h < units; ++h) {
      contract(h);
      Matrix<double>& first = parts_.front()[static_cast<std::size_t>(h)];
      if (neighbour < frobenius_norm(first))
        neighbour = std::max(neighbour, norm_of({std::move(first)}));
    }
    std::vector<Magnitude> result{neighbour};
    for (std::size_t m = l_ + 2; m <= last_; ++m) result.push_back(norm_of(parts_[m - l_ - 1]));
    for (std::size_t m = l_ + 1; m <= last_; ++m) result[m - l_ - 1] += deviation(m);
    return result;
  }

 private:
  /// Inputs of an operation, and their derivatives in the directions of the weights of one unit:
  /// rows × (inputs, directions).
  struct Derivatives {
    std::vector<int> inputs;
    Matrix<double> entries;
  };

  /// Multiplications for the block of l and m, its Gram matrix aside.
  [[nodiscard]] double work_of(std::size_t m) const {
    const auto outputs = static_cast<double>(step_.slopes[m].cols());
    const auto rows = static_cast<double>(step_.inputs[m].rows());
    const auto inputs = static_cast<double>(step_.inputs[m].cols() - 1);
    const auto units = static_cast<double>(step_.slopes[l_].cols());
    return static_cast<double>(directions_) * rows * inputs * outputs * (m == l_ + 1 ? 1 : units);
  }

  /// Decides which blocks are written down; the first one always is.
  void reach() {
    constexpr double kMostMultiplications = 4e9;
    last_ = l_;
    double work = 0;
    while (last_ + 1 < step_.inputs.size()) {
      work += work_of(last_ + 1);
      if (last_ > l_ && work > kMostMultiplications) break;
      ++last_;
    }
    parts_.resize(last_ - l_,
                  std::vector<Matrix<double>>(static_cast<std::size_t>(step_.slopes[l_].cols())));
  }

  /// All M_h of unit h.
  void contract(int h) {
    const Eigen::Index batch = step_.batch();
    Eigen::Index count = 0;
    for (Eigen::Index first = 0; first < batch; first += count) {
      count = std::min(batch - first, samples_at_once());
      Derivatives now = from_windows(h, first, count);
      for (std::size_t m = l_ + 1;; ++m) {
        const Eigen::Index rows = step_.positions(m);
        const Matrix<double> delta = deltas_[m].midpoint().middleRows(first * rows, count * rows);
        Matrix<double>& part = parts_[m - l_ - 1][static_cast<std::size_t>(h)];
        if (first == 0)
          part = product_tn(delta, now.entries);
        else
          part += product_tn(delta, now.entries);
        if (m == last_) break;
        now = advanced(m, now, first, count);
      }
    }
  }

  /// So many that the derivatives stay in the cache.
  [[nodiscard]] Eigen::Index samples_at_once() const {
    constexpr double kEntries = 1 << 19;
    double most = 1;
    for (std::size_t m = l_ + 1; m <= last_; ++m) {
      const auto entries = static_cast<double>(step_.positions(m) * directions_) *
                           static_cast<double>(step_.inputs[m].cols() - 1);
      most = std::max(
          most, m == l_ + 1 ? entries / static_cast<double>(step_.slopes[l_].cols()) : entries);
    }
    return std::max<Eigen::Index>(1, static_cast<Eigen::Index>(kEntries / most));
  }

  /// Of the inputs of operation l + 1: the windows of l where unit h is active, linked.
  [[nodiscard]] Derivatives from_windows(int h, Eigen::Index first, Eigen::Index count) const {
    const Eigen::Index rows = step_.positions(l_);
    const auto windows = step_.inputs[l_].midpoint().middleRows(first * rows, count * rows);
    const auto slopes = step_.slopes[l_].midpoint().col(h).segment(first * rows, count * rows);
    const Matrix<double> outputs = windows.array().colwise() * slopes.array();
    return linked(l_, outputs, step_.links[l_].inputs_of(h), h, count);
  }

  /// Through the weights and the activation of operation k, and on to the inputs of the next one.
  [[nodiscard]] Derivatives advanced(std::size_t k, const Derivatives& x, Eigen::Index first,
                                     Eigen::Index count) const {
    const Matrix<double>& weights = step_.weights[k].midpoint();
    const Matrix<double>& slopes = step_.slopes[k].midpoint();
    const Eigen::Index start = first * step_.positions(k);
    const Matrix<double> by_output = weights(x.inputs, Eigen::all).transpose();
    Matrix<double> outputs = Matrix<double>::Zero(x.entries.rows(), slopes.cols() * directions_);
    for (Eigen::Index r = 0; r < outputs.rows(); ++r)
      for (Eigen::Index o = 0; o < slopes.cols(); ++o) {
        const double slope = slopes(start + r, o);
        if (slope == 0) continue;
        combine(slope, &by_output(o, 0), by_output.cols(), &x.entries(r, 0), directions_,
                &outputs(r, o * directions_));
      }
    std::vector<int> inputs(static_cast<std::size_t>(step_.inputs[k + 1].cols() - 1));
    std::iota(inputs.begin(), inputs.end(), 0);
    return linked(k, outputs, std::move(inputs), 0, count);
  }

  /// From the outputs of operation k, of the units from `first_unit` on, to inputs of the next one.
  [[nodiscard]] Derivatives linked(std::size_t k, const Matrix<double>& outputs,
                                   std::vector<int> inputs, int first_unit,
                                   Eigen::Index samples) const {
    const Link& link = step_.links[k];
    Derivatives result{std::move(inputs), {}};
    if (link.is_identity()) {
      result.entries = outputs;
      return result;
    }
    const auto width = static_cast<Eigen::Index>(result.inputs.size()) * directions_;
    result.entries.setZero(samples * link.rows_out(), width);
    for (Eigen::Index s = 0; s < samples; ++s)
      for (Eigen::Index r = 0; r < link.rows_out(); ++r) {
        double* to = &result.entries(s * link.rows_out() + r, 0);
        for (const int input : result.inputs) {
          link.for_terms(r, input, [&](const Link::Term& term) {
            const double* from =
                &outputs(s * link.rows_in() + term.row, (term.unit - first_unit) * directions_);
            add_scaled(term.weight, from, directions_, to);
          });
          to += directions_;
        }
      }
    return result;
  }

  /// ‖·‖₂ of some units' M_h together, as the matrix from p to (o, f); by the Frobenius norm where
  /// the Gram matrix would be large.
  [[nodiscard]] Magnitude norm_of(const std::vector<Matrix<double>>& parts) const {
    constexpr Eigen::Index kMostRows = 512;
    const auto units = static_cast<Eigen::Index>(parts.size());
    const Eigen::Index outputs = parts.front().rows();
    const Eigen::Index inputs = parts.front().cols() / directions_;
    Matrix<double> all(outputs * inputs, units * directions_);
    for (Eigen::Index h = 0; h < units; ++h)
      for (Eigen::Index o = 0; o < outputs; ++o)
        for (Eigen::Index f = 0; f < inputs; ++f)
          all.row(o * inputs + f).segment(h * directions_, directions_) =
              parts[static_cast<std::size_t>(h)].row(o).segment(f * directions_, directions_);
    const NormBall ball(std::move(all));
    return std::min(ball.rows(), ball.cols()) <= kMostRows ? spectral_norm(ball) : ball.norm();
  }

  /// What rounding and the members of the balls add to the norm of the block. It is a product of
  /// as many factors as there are below, linear in each, and its norm at most the product of
  /// theirs.
  [[nodiscard]] Magnitude deviation(std::size_t m) const {
    std::vector<NormBounds> factors{{step_.inputs[l_].size(), step_.inputs[l_].radius()},
                                    {deltas_[m].size(), deltas_[m].radius()}};
    Magnitude links(1);
    Magnitude roundings = gamma(deltas_[m].rows() + 16, Magnitude(kUnit));
    for (std::size_t k = l_; k < m; ++k) {
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
  const std::vector<NormBall>& deltas_;
  std::size_t l_;
  Eigen::Index directions_;
  std::size_t last_ = 0;
  std::vector<std::vector<Matrix<double>>> parts_;  ///< M_h by operation and unit
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
    for (std::size_t l = 0; l + 1 < layers_; ++l) add_couplings(l);
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

  /// The blocks of operation l and those behind it.
  void add_couplings(std::size_t l) {
    std::size_t next = l + 1;
    if (step_.positions(l) > 1) {
      for (const Magnitude& bound : WindowCouplings(step_, deltas_, l).bounds())
        add(l, next++, bound);
    } else {
      add(l, next++, NeighbourCoupling(step_.inputs[l], step_.slopes[l], deltas_[l + 1]).bound());
    }
    for (std::size_t m = next; m < layers_; ++m)
      add(l, m, input_norm(l) * path(l, m) * spectral_norm(deltas_[m]));
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
