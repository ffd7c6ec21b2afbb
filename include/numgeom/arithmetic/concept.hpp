#pragma once

#include <concepts>

#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// Number of wrongly classified samples: an exact count has lower = upper.
struct ErrorCount {
  Eigen::Index lower = 0;
  Eigen::Index upper = 0;
};

/// Mean cross-entropy of a batch and its gradient with respect to the logits.
template <class Scalar, class Matrix>
struct LossAndGradient {
  Scalar loss;
  Matrix gradient;
};

/// What training code may ask of an arithmetic; it sees nothing else.
///
/// A model of the concept is a value that carries its precision. Matrices hold one sample a row.
/// Every operation takes matrices by const reference and returns a new one; an *enclosing*
/// arithmetic guarantees that the exact result for every choice of exact matrices in its operands
/// lies in its result. Scalars given as `double` are exact reals.
///
///     embed(E)                    exact data or weights as a matrix of the arithmetic
///     gather_rows(X, rows)        the named rows, in that order
///     product(X, W)               X·W
///     product_tn(X, D)            Xᵀ·D
///     product_nt(D, W)            D·Wᵀ
///     add_row(X, b)               X + 1·b, b a 1×n row
///     column_sums(X)              1ᵀ·X, a 1×n row
///     axpy(α, X, Y)               α·X + Y
///     descend(η, ω, G, W)         W ← W − η·(G + ω·W), in place; η, ω ≥ 0
///     relu(Z)                     max(0, Z)
///     relu_gradient(Z, D)         D where Z > 0, else 0 (ReLU′(0) = 0)
///     tanh(Z)
///     tanh_gradient(T, D)         D ∘ (1 − T²), T = tanh(Z)
///     softmax_cross_entropy(O, y) loss = mean_i(log Σ_k exp o_ik − o_{i,y_i}),
///                                 gradient = (softmax(O) − onehot(y)) / rows
///     count_errors(O, y)          rows whose first greatest logit is not y_i
template <class A>
concept Arithmetic = requires(const A a, const typename A::Matrix m, typename A::Matrix changed,
                              const ExactMatrix exact, const Indices indices) {
  typename A::Scalar;
  { a.embed(exact) } -> std::same_as<typename A::Matrix>;
  { a.gather_rows(m, indices) } -> std::same_as<typename A::Matrix>;
  { a.product(m, m) } -> std::same_as<typename A::Matrix>;
  { a.product_tn(m, m) } -> std::same_as<typename A::Matrix>;
  { a.product_nt(m, m) } -> std::same_as<typename A::Matrix>;
  { a.add_row(m, m) } -> std::same_as<typename A::Matrix>;
  { a.column_sums(m) } -> std::same_as<typename A::Matrix>;
  { a.axpy(1.0, m, m) } -> std::same_as<typename A::Matrix>;
  { a.descend(1.0, 1.0, m, changed) } -> std::same_as<void>;
  { a.relu(m) } -> std::same_as<typename A::Matrix>;
  { a.relu_gradient(m, m) } -> std::same_as<typename A::Matrix>;
  { a.tanh(m) } -> std::same_as<typename A::Matrix>;
  { a.tanh_gradient(m, m) } -> std::same_as<typename A::Matrix>;
  {
    a.softmax_cross_entropy(m, indices)
    } -> std::same_as<LossAndGradient<typename A::Scalar, typename A::Matrix>>;
  { a.count_errors(m, indices) } -> std::same_as<ErrorCount>;
};

}  // namespace numgeom
