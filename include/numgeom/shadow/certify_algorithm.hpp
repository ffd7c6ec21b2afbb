#pragma once

#include <concepts>
#include <functional>
#include <type_traits>

#include "numgeom/arithmetic/ball.hpp"
#include "numgeom/arithmetic/eigen.hpp"
#include "numgeom/arithmetic/interval.hpp"
#include "numgeom/shadow/certify.hpp"

namespace numgeom {

/// Makes the real constants of an algorithm in the scalar type that it is run with.
///
/// `real(0.1)` is the double 0.1, an exact real, rounded only if the scalar is native and narrower.
template <class T>
class Reals {
 public:
  using Scalar = T;
  T operator()(double x) const { return static_cast<T>(x); }
};

/// Balls get the precision of the rung.
template <>
class Reals<Ball> {
 public:
  using Scalar = Ball;
  explicit Reals(int bits) : bits_(bits) {}
  Ball operator()(double x) const { return Ball(x, bits_); }

 private:
  int bits_;
};

/// What an algorithm computes natively, and what it would compute without rounding.
struct CertifiedValue {
  float native_float = 0;
  double native_double = 0;
  CertifiedError float_error;
  CertifiedError double_error;
  CertificationStatus status = CertificationStatus::kUndecided;
  std::string reason = "certification was not run";  ///< empty when certified
  Enclosure exact;
  Rung rung;

  [[nodiscard]] bool certified() const { return status == CertificationStatus::kCertified; }
};

/// The part of `certify(algorithm)` that does not depend on the algorithm's type.
[[nodiscard]] CertifiedValue certify_values(float native_float, double native_double,
                                            const std::function<Enclosure(const Rung&)>& enclose,
                                            const CertifyOptions& options);

/// Certifies an algorithm of your own that is templated on its scalar.
///
///     auto result = certify([](auto real) {
///       auto x = real(0.3);
///       for (int i = 0; i < 50; ++i) x = real(3.9) * x * (real(1) - x);
///       return x;
///     });
///
/// Runs it natively in float and double, then in `Interval`, then in `Ball` with as many bits as it
/// takes until the enclosure is as narrow as `options` asks (for both native errors too).
/// The algorithm gets a `Reals<Scalar>` and returns a `Scalar` (the same one); it may use Eigen
/// matrices of it. Branches must be decided by `certainly_less` and the like, which exist for float
/// and double as well; a comparison with < does not compile.
/// Inclusion: `exact` contains the real number that the algorithm yields in real arithmetic, if it
/// is defined; an algorithm that left the domain of a function is undecided.
/// Returns undecided with a reason at `options.max_bits`. Throws what the algorithm throws.
template <class Algorithm>
requires std::invocable<Algorithm&, Reals<double>>
[[nodiscard]] CertifiedValue certify(Algorithm&& algorithm, const CertifyOptions& options = {}) {
  const auto enclose = [&algorithm](const Rung& rung) -> Enclosure {
    if (rung.kind == Rung::Kind::kInterval)
      return Enclosure(Interval(algorithm(Reals<Interval>())));
    return Enclosure(Ball(algorithm(Reals<Ball>(rung.bits))));
  };
  return certify_values(algorithm(Reals<float>()), algorithm(Reals<double>()), enclose, options);
}

/// Comparisons for algorithms that run natively and in enclosures alike.
template <std::floating_point T>
[[nodiscard]] bool certainly_less(T a, T b) {
  return a < b;
}
template <std::floating_point T>
[[nodiscard]] bool possibly_less(T a, T b) {
  return a < b;
}

}  // namespace numgeom
