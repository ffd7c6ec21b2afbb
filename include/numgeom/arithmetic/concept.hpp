#pragma once

#include <concepts>
#include <vector>

#include "numgeom/arithmetic/activation.hpp"
#include "numgeom/arithmetic/constant.hpp"
#include "numgeom/arithmetic/gather.hpp"
#include "numgeom/arithmetic/matrix.hpp"

namespace numgeom {

/// Number of wrongly classified samples: an exact count has lower = upper.
struct ErrorCount {
  Eigen::Index lower = 0;
  Eigen::Index upper = 0;
};

/// Mean loss of a batch and its gradient with respect to the outputs.
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
///     activate(f, Z)              f(Z); activate_gradient(f, Z, D) is D ∘ f′(Z)
///     gather(X, g)                entries in other places, or sums of them: see `Gather`
///     add(X, Y)                   X + Y
///     scale(c, X)                 c·X for a real constant c
///     hide(X, M)                  X where the mask M is not 0, else 0
///     largest(X, n)               of every n neighbours in a row; largest_gradient(X, D, n) puts d
///                                 where the first greatest stands and 0 beside it
///     softmax_cross_entropy(O, y, ε) loss = mean_i(log Σ_k exp o_ik − Σ_k q_ik o_ik),
///                                 gradient = (softmax(O) − Q) / rows, Q = (1−ε)onehot(y) + ε/K
///     entry_loss(l, O, T)         mean over all entries, and its gradient
///     count_errors(O, y)          rows whose first greatest logit is not y_i
///     count_sign_errors(o, y)     rows whose only output is > 0 where y_i is 0, or ≤ 0 where it is
///     1
///
/// and for optimisers:
///
///     blend(β, M, G)              β·M + (1−β)·G; blend_squares(β, V, G) is β·V + (1−β)·G∘G
///     root_quotient(a, M, V, b, ε) a·M / (b·√V + ε), entry by entry, for V ≥ 0 and ε > 0
///     add_signs(λ, W, G)          G + λ·sign(W), sign(0) = 0
///     clipped(Gs, c)              Gs·min(1, c/(‖Gs‖₂ + 10⁻⁶)), the norm over all matrices
template <class A>
concept Arithmetic = requires(const A a, const typename A::Matrix m, typename A::Matrix changed,
                              const ExactMatrix exact, const Mask mask, const Indices indices,
                              const Gather places, const Activation activation,
                              const EntryLoss loss, const Constant constant,
                              const std::vector<typename A::Matrix> several) {
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
  { a.activate(activation, m) } -> std::same_as<typename A::Matrix>;
  { a.activate_gradient(activation, m, m) } -> std::same_as<typename A::Matrix>;
  { a.gather(m, places) } -> std::same_as<typename A::Matrix>;
  { a.add(m, m) } -> std::same_as<typename A::Matrix>;
  { a.scale(constant, m) } -> std::same_as<typename A::Matrix>;
  { a.hide(m, mask) } -> std::same_as<typename A::Matrix>;
  { a.largest(m, 2) } -> std::same_as<typename A::Matrix>;
  { a.largest_gradient(m, m, 2) } -> std::same_as<typename A::Matrix>;
  {
    a.softmax_cross_entropy(m, indices, 0.1)
    } -> std::same_as<LossAndGradient<typename A::Scalar, typename A::Matrix>>;
  {
    a.entry_loss(loss, m, exact)
    } -> std::same_as<LossAndGradient<typename A::Scalar, typename A::Matrix>>;
  { a.count_errors(m, indices) } -> std::same_as<ErrorCount>;
  { a.count_sign_errors(m, indices) } -> std::same_as<ErrorCount>;
  { a.blend(0.9, m, m) } -> std::same_as<typename A::Matrix>;
  { a.blend_squares(0.9, m, m) } -> std::same_as<typename A::Matrix>;
  { a.root_quotient(constant, m, m, constant, 1e-8) } -> std::same_as<typename A::Matrix>;
  { a.add_signs(0.1, m, m) } -> std::same_as<typename A::Matrix>;
  { a.clipped(several, 1.0) } -> std::same_as<std::vector<typename A::Matrix>>;
};

}  // namespace numgeom
