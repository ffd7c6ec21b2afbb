#include "gauss_newton_part.hpp"

#include <cmath>
#include <utility>

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;

NormBall gram(const NormBall& x) { return product_nt(x, x); }

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

/// All rows, `count` times.
NormBall repeated(const NormBall& x, Eigen::Index count) {
  return {x.midpoint().replicate(count, 1),
          sqrt_up(Magnitude(static_cast<double>(count))) * x.radius()};
}

/// Some neighbouring rows of all members.
NormBall rows_of(const NormBall& x, Eigen::Index first, Eigen::Index count) {
  return {x.midpoint().middleRows(first, count), x.radius()};
}

}  // namespace

GaussNewtonPart::GaussNewtonPart(const StepEnclosure& step)
    : step_(step), batch_(step.batch()), classes_(step.residuals.cols()) {
  factor_softmax();
  backpropagate();
}

Magnitude GaussNewtonPart::bound(GaussNewtonStage stage) {
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

Magnitude GaussNewtonPart::by_trace() {
  Magnitude trace;
  for (std::size_t m = 0; m < seeds_.size(); ++m) {
    if (step_.positions(m) > 1) {
      trace += jacobians_[m].norm() * jacobians_[m].norm();
      continue;
    }
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

Magnitude GaussNewtonPart::by_samples() {
  for (std::size_t m = 0; m < seeds_.size(); ++m)
    if (step_.positions(m) > 1) return by_trace();
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

const NormBall& GaussNewtonPart::matrix() {
  if (matrix_.rows() > 0) return matrix_;
  for (std::size_t m = 0; m < seeds_.size(); ++m) {
    const NormBall part = step_.positions(m) > 1
                              ? gram(jacobians_[m])
                              : hadamard(in_blocks(input_products(m), classes_), gram(seeds_[m]));
    matrix_ = m == 0 ? part : matrix_ + part;
  }
  return matrix_;
}

Magnitude GaussNewtonPart::excess() const {
  Magnitude jacobian;
  Magnitude path(1);
  for (std::size_t m = step_.inputs.size(); m-- > 0;) {
    const Magnitude norm = step_.inputs[m].norm() * path;
    jacobian += norm * norm;
    if (m > 0)
      path *= step_.weights[m].norm() * step_.slopes[m - 1].largest() * step_.links[m - 1].norm();
  }
  return jacobian * softmax_error_;
}

void GaussNewtonPart::factor_softmax() {
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

void GaussNewtonPart::backpropagate() {
  std::size_t m = seeds_.size() - 1;
  for (; m > 0 && step_.positions(m - 1) == 1; --m)
    seeds_[m - 1] = hadamard(product_nt(seeds_[m], step_.weights[m]),
                             with_rows_repeated(step_.slopes[m - 1], classes_));
  if (m > 0) backpropagate_windows(m);
}

void GaussNewtonPart::backpropagate_windows(std::size_t end) {
  jacobians_.resize(end);
  std::vector<Matrix<double>> rows(end);
  std::vector<Magnitude> squares(end);
  for (std::size_t m = 0; m < end; ++m)
    rows[m].resize(batch_ * classes_, step_.inputs[m].cols() * step_.slopes[m].cols());
  for (Eigen::Index i = 0; i < batch_; ++i) {
    NormBall seeds = rows_of(seeds_[end], i * classes_, classes_);
    for (std::size_t m = end; m-- > 0;) {
      const Eigen::Index positions = step_.positions(m);
      const Eigen::Index first = i * positions;
      seeds = hadamard(step_.links[m].backward(product_nt(seeds, step_.weights[m + 1])),
                       repeated(rows_of(step_.slopes[m], first, positions), classes_));
      const NormBall inputs = rows_of(step_.inputs[m], first, positions);
      for (Eigen::Index k = 0; k < classes_; ++k) {
        const NormBall outer = product_tn(inputs, rows_of(seeds, k * positions, positions));
        rows[m].row(i * classes_ + k) =
            Eigen::Map<const Eigen::RowVectorXd>(outer.midpoint().data(), outer.midpoint().size());
        squares[m] += outer.radius() * outer.radius();
      }
    }
  }
  for (std::size_t m = 0; m < end; ++m)
    jacobians_[m] = NormBall(std::move(rows[m]), sqrt_up(squares[m]));
}

const NormBall& GaussNewtonPart::input_products(std::size_t m) {
  if (input_products_.empty()) input_products_.resize(step_.inputs.size());
  if (input_products_[m].rows() == 0) input_products_[m] = gram(step_.inputs[m]);
  return input_products_[m];
}

BoundMatrix GaussNewtonPart::seed_sizes(std::size_t m) const {
  std::vector<Magnitude> sizes;
  for (Eigen::Index i = 0; i < batch_; ++i) {
    const NormBall seed(seeds_[m].midpoint().middleRows(i * classes_, classes_),
                        seeds_[m].radius());
    sizes.push_back(sqrt_up(gram(seed).norm()));
  }
  return {batch_, 1, sizes};
}

}  // namespace numgeom
