#pragma once

#include <concepts>

#include "numgeom/arithmetic/concept.hpp"

namespace numgeom {

/// An arithmetic of machine numbers, which rounds: matrices are of floats or doubles.
template <class A>
concept NativeArithmetic = Arithmetic<A> && std::floating_point<typename A::Scalar> &&
    std::same_as<typename A::Matrix, Matrix<typename A::Scalar>> && requires(const A a) {
  /// u of the coarsest format that it rounds to.
  { a.unit_roundoff() } -> std::same_as<double>;
  /// u of the format that weights, updates and the optimiser's state are rounded to.
  { a.weight_roundoff() } -> std::same_as<double>;
};

}  // namespace numgeom
