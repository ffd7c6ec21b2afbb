#pragma once

#include <concepts>
#include <exception>
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

/// Thrown by `decided_less` where an enclosure leaves a branch open; `certify` takes more bits
/// then.
class OpenBranch : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override {
    return "a branch that the enclosures do not decide";
  }
};

/// a < b, for the branches of an algorithm that runs natively and in enclosures alike.
///
/// In an enclosure the answer holds for all members. Throws `OpenBranch` where there is none: the
/// enclosures overlap or are not defined. Two equal numbers are told apart from a < b only if their
/// enclosures are points or touch.
template <class T>
[[nodiscard]] bool decided_less(const T& a, const T& b) {
  if constexpr (std::floating_point<T>) {
    return a < b;
  } else {
    if (certainly_less(a, b)) return true;
    if (certainly_less_equal(b, a)) return false;
    throw OpenBranch();
  }
}

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
/// matrices of it. Branches are decided by `decided_less`; a comparison with < does not compile.
/// Inclusion: `exact` contains the real number that the algorithm yields in real arithmetic, if it
/// is defined; an algorithm that left the domain of a function is undecided.
/// Returns undecided with a reason at `options.max_bits`. Throws what the algorithm throws.
template <class Algorithm>
requires std::invocable<Algorithm&, Reals<double>>
[[nodiscard]] CertifiedValue certify(Algorithm&& algorithm, const CertifyOptions& options = {}) {
  static_assert(std::same_as<std::invoke_result_t<Algorithm&, Reals<Interval>>, Interval> &&
                    std::same_as<std::invoke_result_t<Algorithm&, Reals<Ball>>, Ball>,
                "the algorithm must return the scalar that it is run with");
  const auto enclose = [&algorithm](const Rung& rung) -> Enclosure {
    try {
      if (rung.kind == Rung::Kind::kInterval)
        return Enclosure(Interval(algorithm(Reals<Interval>())));
      return Enclosure(Ball(algorithm(Reals<Ball>(rung.bits))));
    } catch (const OpenBranch&) {
      return {};
    }
  };
  return certify_values(algorithm(Reals<float>()), algorithm(Reals<double>()), enclose, options);
}

}  // namespace numgeom
