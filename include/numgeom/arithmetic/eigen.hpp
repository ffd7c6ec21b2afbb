#pragma once

#include <Eigen/Core>
#include <concepts>
#include <limits>

#include "numgeom/arithmetic/ball.hpp"
#include "numgeom/arithmetic/interval.hpp"

/// Eigen's matrices over enclosing scalars: sums, products, transposes and coefficient-wise
/// functions, also mixed with matrices of doubles.
///
/// Inclusion: every coefficient of a result contains the exact result for every choice of exact
/// matrices in the operands; the order of Eigen's summation changes the width only.
/// Eigen's norms and decompositions compare scalars; enclosures cannot be ordered, so what needs a
/// comparison does not compile.
namespace numgeom::detail {

/// What Eigen needs to know of a real scalar type that encloses.
template <class Scalar>
struct EnclosureTraits {
  using Real = Scalar;
  using NonInteger = Scalar;
  using Literal = double;
  using Nested = Scalar;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = 3,
    AddCost = 12,
    MulCost = 16
  };
  static Scalar epsilon() { return std::numeric_limits<double>::epsilon(); }
  static Scalar dummy_precision() { return 0.0; }
  static Scalar highest() { return std::numeric_limits<double>::max(); }
  static Scalar lowest() { return std::numeric_limits<double>::lowest(); }
  static int digits10() { return std::numeric_limits<double>::digits10; }
};

template <class Scalar>
inline constexpr bool is_enclosure =
    std::derived_from<Eigen::NumTraits<Scalar>, EnclosureTraits<Scalar>>;

/// A matrix product with an enclosing scalar on either side.
template <class Lhs, class Rhs>
concept EnclosureProduct = is_enclosure<typename Lhs::Scalar> || is_enclosure<typename Rhs::Scalar>;

}  // namespace numgeom::detail

namespace Eigen {

template <>
struct NumTraits<numgeom::Interval> : numgeom::detail::EnclosureTraits<numgeom::Interval> {};

template <>
struct NumTraits<numgeom::Ball> : numgeom::detail::EnclosureTraits<numgeom::Ball> {};

template <class Enclosure, class Operation>
requires numgeom::detail::is_enclosure<Enclosure>
struct ScalarBinaryOpTraits<Enclosure, double, Operation> {
  using ReturnType = Enclosure;
};
template <class Enclosure, class Operation>
requires numgeom::detail::is_enclosure<Enclosure>
struct ScalarBinaryOpTraits<double, Enclosure, Operation> {
  using ReturnType = Enclosure;
};

namespace internal {

// Not x·x, whose lower bound may be negative: norms would be roots of negative numbers.
template <class Enclosure>
requires numgeom::detail::is_enclosure<Enclosure>
struct abs2_impl<Enclosure> {
  static Enclosure run(const Enclosure& x) { return sqr(x); }
};

// Coefficient by coefficient: Eigen's blocked kernels compare scalars and do not mix their types.
template <class Lhs, class Rhs>
requires numgeom::detail::EnclosureProduct<Lhs, Rhs>
struct generic_product_impl<Lhs, Rhs, DenseShape, DenseShape, GemmProduct>
    : generic_product_impl<Lhs, Rhs, DenseShape, DenseShape, CoeffBasedProductMode> {
};
template <class Lhs, class Rhs>
requires numgeom::detail::EnclosureProduct<Lhs, Rhs>
struct generic_product_impl<Lhs, Rhs, DenseShape, DenseShape, GemvProduct>
    : generic_product_impl<Lhs, Rhs, DenseShape, DenseShape, CoeffBasedProductMode> {
};

}  // namespace internal
}  // namespace Eigen
