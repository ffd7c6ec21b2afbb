#pragma once

#include "numgeom/arithmetic/activation.hpp"
#include "support/operands.hpp"

/// Activations and losses by their definitions, with kBits bits.
namespace numgeom::test {

/// The order of exact numbers; the members of operands are points.
inline bool less(const Ball& a, const Ball& b) {
  return mpfr_less_p(a.midpoint().get(), b.midpoint().get()) != 0;
}
inline int sign_of(const Ball& x) { return mpfr_sgn(x.midpoint().get()); }

inline Ball sigmoid(const Ball& z) { return Ball(1.0, kBits) / (Ball(1.0, kBits) + exp(-z)); }
inline Ball normal(const Ball& z) {
  return (Ball(1.0, kBits) + erf(z / sqrt(Ball(2.0, kBits)))) / Ball(2.0);
}
inline Ball softplus(const Ball& z) { return log1p(exp(z)); }
inline Ball value_of(const Activation& f, const Ball& z) {
  switch (f.kind) {
    case Activation::Kind::kLeakyRelu:
      return sign_of(z) > 0 ? z : Ball(f.slope) * z;
    case Activation::Kind::kSigmoid:
      return sigmoid(z);
    case Activation::Kind::kSoftplus:
      return softplus(z);
    default:
      return z * normal(z);
  }
}
inline Ball slope_of(const Activation& f, const Ball& z) {
  switch (f.kind) {
    case Activation::Kind::kLeakyRelu:
      return Ball(sign_of(z) > 0 ? 1.0 : f.slope, kBits);
    case Activation::Kind::kSigmoid:
      return sigmoid(z) * sigmoid(-z);
    case Activation::Kind::kSoftplus:
      return sigmoid(z);
    default:
      return normal(z) + z * exp(-(z * z / Ball(2.0))) / sqrt(real(2 * Constant::pi()));
  }
}

inline Ball loss_of(const EntryLoss& loss, const Ball& o, const Ball& t) {
  const Ball e = o - t;
  const Ball size = abs(e);
  const Ball delta(loss.delta, kBits);
  switch (loss.kind) {
    case EntryLoss::Kind::kBinaryCrossEntropy:
      return softplus(o) - t * o;
    case EntryLoss::Kind::kSquaredError:
      return e * e;
    default:
      return less(delta, size) ? delta * (size - delta / Ball(2.0)) : e * e / Ball(2.0);
  }
}
inline Ball loss_slope_of(const EntryLoss& loss, const Ball& o, const Ball& t) {
  const Ball e = o - t;
  switch (loss.kind) {
    case EntryLoss::Kind::kBinaryCrossEntropy:
      return sigmoid(o) - t;
    case EntryLoss::Kind::kSquaredError:
      return Ball(2.0) * e;
    default:
      return max(min(e, Ball(loss.delta, kBits)), Ball(-loss.delta, kBits));
  }
}

}  // namespace numgeom::test
