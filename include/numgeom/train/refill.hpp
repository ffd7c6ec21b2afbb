#pragma once

#include <concepts>
#include <utility>

#include "numgeom/arithmetic/concept.hpp"

namespace numgeom {

/// An arithmetic that can fill matrices which are there already instead of making new ones. What it
/// computes is the same.
template <class A>
concept RefillingArithmetic = Arithmetic<A> &&
    requires(const A a, const typename A::Matrix m, typename A::Matrix filled,
             const Indices indices) {
  a.fill_with_rows(m, indices, filled);
  a.fill_dense(m, m, m, filled);
  a.fill_product_tn(m, m, filled);
  a.fill_product_nt(m, m, filled);
  a.fill_column_sums(m, filled);
  a.fill_relu(m, filled);
  a.fill_relu_gradient(m, m, filled);
  { a.fill_softmax_cross_entropy(m, indices, filled) } -> std::same_as<typename A::Scalar>;
};

/// An arithmetic that may multiply the gradient of the loss against underflow; `unscale` undoes it.
template <class A>
concept LossScalingArithmetic = Arithmetic<A> && requires(const A a, typename A::Matrix gradient) {
  a.unscale(gradient);
};

/// The operations of training with the result as last argument: filled again where the arithmetic
/// can.
namespace refill {

template <Arithmetic A, class M>
void gather_rows(const A& a, const M& x, const Indices& rows, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_with_rows(x, rows, result);
  else
    result = a.gather_rows(x, rows);
}

/// x·W + 1·b.
template <Arithmetic A, class M>
void dense(const A& a, const M& x, const M& weights, const M& bias, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_dense(x, weights, bias, result);
  else
    result = a.add_row(a.product(x, weights), bias);
}

template <Arithmetic A, class M>
void product_tn(const A& a, const M& x, const M& d, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_product_tn(x, d, result);
  else
    result = a.product_tn(x, d);
}

template <Arithmetic A, class M>
void product_nt(const A& a, const M& d, const M& weights, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_product_nt(d, weights, result);
  else
    result = a.product_nt(d, weights);
}

template <Arithmetic A, class M>
void column_sums(const A& a, const M& x, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_column_sums(x, result);
  else
    result = a.column_sums(x);
}

template <Arithmetic A, class M>
void relu(const A& a, const M& z, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_relu(z, result);
  else
    result = a.relu(z);
}

template <Arithmetic A, class M>
void relu_gradient(const A& a, const M& z, const M& d, M& result) {
  if constexpr (RefillingArithmetic<A>)
    a.fill_relu_gradient(z, d, result);
  else
    result = a.relu_gradient(z, d);
}

template <Arithmetic A, class M>
void tanh(const A& a, const M& z, M& result) {
  result = a.tanh(z);
}

template <Arithmetic A, class M>
void tanh_gradient(const A& a, const M& t, const M& d, M& result) {
  result = a.tanh_gradient(t, d);
}

/// The loss; `gradient` gets its derivatives.
template <Arithmetic A, class M>
typename A::Scalar softmax_cross_entropy(const A& a, const M& logits, const Indices& labels,
                                         M& gradient) {
  if constexpr (RefillingArithmetic<A>) {
    return a.fill_softmax_cross_entropy(logits, labels, gradient);
  } else {
    auto result = a.softmax_cross_entropy(logits, labels);
    gradient = std::move(result.gradient);
    return std::move(result.loss);
  }
}

/// Takes out of a gradient by what an arithmetic multiplied the gradient of the loss.
template <Arithmetic A, class M>
void unscale(const A& a, M& gradient) {
  if constexpr (LossScalingArithmetic<A>) a.unscale(gradient);
}

}  // namespace refill
}  // namespace numgeom
