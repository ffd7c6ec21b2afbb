#pragma once

#include "numgeom/arithmetic/constant.hpp"

namespace numgeom {

/// An elementwise activation other than ReLU and tanh.
///
///     leaky ReLU  f(z) = z for z > 0, else slope·z         f′(0) = slope
///     sigmoid     f(z) = 1/(1 + e^−z)
///     softplus    f(z) = log(1 + e^z)
///     GELU        f(z) = z·Φ(z), Φ the normal distribution (the form with erf)
struct Activation {
  enum class Kind { kLeakyRelu, kSigmoid, kSoftplus, kGelu };
  Kind kind = Kind::kSigmoid;
  double slope = 0;  ///< of a leaky ReLU, 0 … 1

  friend bool operator==(const Activation&, const Activation&) = default;
};

/// Losses that are means over all entries of outputs o against targets t.
///
///     binary cross-entropy  log(1 + e^o) − t·o
///     squared error         (o − t)²
///     Huber                 ½e² for e = |o − t| ≤ δ, else δ(e − ½δ)
struct EntryLoss {
  enum class Kind { kBinaryCrossEntropy, kSquaredError, kHuber };
  Kind kind = Kind::kSquaredError;
  double delta = 1;  ///< Huber's

  friend bool operator==(const EntryLoss&, const EntryLoss&) = default;
};

/// Enclosures of smooth functions and their derivatives; `context` makes constants (`real`) and
/// takes enclosures apart. The values at a point come from few operations and have nearly the
/// precision of the scalar; around it they are widened by a bound on the derivative
/// (mean-value form). Inclusion: for every member of z. Source: proofs/inclusion.md.
namespace smooth {

template <class E, class Context>
E sigmoid_at(const E& z, const Context& /*context*/) {
  return E(1.0) / (E(1.0) + exp(-z));
}

/// e^−|z| stays small, whatever the sign of a point z.
template <class E, class Context>
E softplus_at(const E& z, const Context& context) {
  if (context.is_positive(z)) return z + log1p(exp(-z));
  return log1p(exp(z));
}

template <class E, class Context>
E normal_cdf_at(const E& z, const Context& context) {
  return E(0.5) + E(0.5) * erf(z * context.real(sqrt(Constant(0.5))));
}

template <class E, class Context>
E normal_density_at(const E& z, const Context& context) {
  return exp(-(E(0.5) * sqr(z))) * context.real(1 / sqrt(2 * Constant::pi()));
}

/// f, f′ and f″ by natural extension.
template <class E, class Context>
E value(Activation::Kind kind, const E& z, const Context& context) {
  switch (kind) {
    case Activation::Kind::kSoftplus:
      return softplus_at(z, context);
    case Activation::Kind::kGelu:
      return z * normal_cdf_at(z, context);
    default:
      return sigmoid_at(z, context);
  }
}

template <class E, class Context>
E slope(Activation::Kind kind, const E& z, const Context& context) {
  switch (kind) {
    case Activation::Kind::kSoftplus:
      return sigmoid_at(z, context);
    case Activation::Kind::kGelu:
      return normal_cdf_at(z, context) + z * normal_density_at(z, context);
    default:
      return sigmoid_at(z, context) * sigmoid_at(-z, context);
  }
}

template <class E, class Context>
E curvature(Activation::Kind kind, const E& z, const Context& context) {
  switch (kind) {
    case Activation::Kind::kSoftplus:
      return sigmoid_at(z, context) * sigmoid_at(-z, context);
    case Activation::Kind::kGelu:
      return normal_density_at(z, context) * (E(2.0) - sqr(z));
    default:
      return sigmoid_at(z, context) * sigmoid_at(-z, context) *
             (sigmoid_at(-z, context) - sigmoid_at(z, context));
  }
}

/// f(m) widened by sup |f′|·r over the members of z.
template <class E, class Context, class Function, class Derivative>
E mean_value(const E& z, const Context& context, const Function& f, const Derivative& derivative) {
  const auto radius = context.radius_of(z);
  const E at_midpoint = f(context.midpoint_of(z));
  if (radius.is_zero()) return at_midpoint;
  return context.widened(at_midpoint, context.magnitude_of(derivative(z)) * radius);
}

/// The activation and its derivative.
template <class E, class Context>
E activation(Activation::Kind kind, const E& z, const Context& context) {
  return mean_value(
      z, context, [&](const E& x) { return value(kind, x, context); },
      [&](const E& x) { return slope(kind, x, context); });
}

template <class E, class Context>
E derivative(Activation::Kind kind, const E& z, const Context& context) {
  return mean_value(
      z, context, [&](const E& x) { return slope(kind, x, context); },
      [&](const E& x) { return curvature(kind, x, context); });
}

/// The derivative of a loss by its output: 2e, clamp(e, ±δ), sigmoid(o) − t.
template <class E, class Context>
E loss_slope(const EntryLoss& loss, const E& output, double target, const Context& context) {
  const E e = output - E(target);
  switch (loss.kind) {
    case EntryLoss::Kind::kBinaryCrossEntropy:
      return activation(Activation::Kind::kSigmoid, output, context) - E(target);
    case EntryLoss::Kind::kHuber: {
      const E delta = context.real(Constant(loss.delta));  // with the bits of the context
      return max(min(e, delta), -delta);
    }
    default:
      return E(2.0) * e;
  }
}

/// The loss of one entry: convex, so that the slope over all members bounds what they change.
template <class E, class Context>
E loss_value(const EntryLoss& loss, const E& output, double target, const Context& context) {
  const auto at = [&](const E& x) -> E {
    if (loss.kind == EntryLoss::Kind::kBinaryCrossEntropy)
      return softplus_at(x, context) - E(target) * x;
    const E e = x - E(target);
    if (loss.kind == EntryLoss::Kind::kSquaredError) return sqr(e);
    // ½c² + δ(|e| − c) with c = min(|e|, δ).
    const E delta = context.real(Constant(loss.delta));
    const E c = min(abs(e), delta);
    return E(0.5) * sqr(c) + delta * (abs(e) - c);
  };
  return mean_value(output, context, at,
                    [&](const E& x) { return loss_slope(loss, x, target, context); });
}

}  // namespace smooth
}  // namespace numgeom
