#pragma once

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

#include "numgeom/arithmetic/strict_math.hpp"

#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2
#error "numgeom needs doubles without excess precision: compile with -mfpmath=sse"
#endif
#ifdef __clang__
#pragma float_control(precise, on, push)  // clang announces its unsafe modes by no macro
#endif

/// Correctly directed-rounded double arithmetic that never touches the rounding mode.
///
/// For an operation ∘ and doubles a, b, `op_down(a, b)` is the greatest double ≤ a∘b and
/// `op_up(a, b)` the least double ≥ a∘b, in the whole range: overflow gives ±DBL_MAX on the inner
/// side and ±∞ on the outer side, underflow is gradual and never loses the direction.
///
/// How: the nearest double is computed first and the sign of its error exactly. A sum's error is a
/// double (TwoSum); the residuals a·b − p, a − q·b and a − s² each come from one fused
/// multiply-add, a single rounding, which keeps the sign unless it underflows; where it could,
/// operands are scaled by powers of two. A wrong sign would make a false enclosure, so every
/// intermediate passes through `opaque`, and the compiler can neither contract nor reassociate,
/// whatever -ffp-contract says.
///
/// Operands may be infinite, as limits of intervals: 0·∞ = 0, x/∞ = 0, and where the limit is not
/// unique (∞ − ∞, ∞/∞, x/0) the result is the widest bound: an infinity outward, or 0 where the
/// sign of the quotient allows. The sign of a zero carries no meaning. NaN gives NaN.
///
/// Needs: round-to-nearest, gradual underflow and a correctly rounded std::fma
/// (`require_ieee_environment`).
/// Source: Knuth, TAOCP 2, 4.2.2 (TwoSum); Boldo, Graillat & Muller, "On the robustness of the 2Sum
/// and Fast2Sum algorithms", ACM TOMS 44(1), 2017 (overflow); Shewchuk, Discrete Comput. Geom. 18,
/// 1997, Theorem 10 (expansions).
namespace numgeom::rounding {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kMax = std::numeric_limits<double>::max();

/// `v`, with its origin hidden from the optimiser: no contraction, reassociation or folding across.
inline double opaque(double v) {
#if defined(__x86_64__)
  asm("" : "+x"(v));
  return v;
#elif defined(__aarch64__)
  asm("" : "+w"(v));
  return v;
#else
  volatile double hidden = v;
  return hidden;
#endif
}

/// The least double > v; ∞ and NaN stay.
constexpr double next_up(double v) {
  if (v == 0) return std::numeric_limits<double>::denorm_min();
  if (!(v < kInfinity)) return v;
  const auto bits = std::bit_cast<std::int64_t>(v);
  return std::bit_cast<double>(v > 0 ? bits + 1 : bits - 1);
}

/// The greatest double < v; −∞ and NaN stay.
constexpr double next_down(double v) { return -next_up(-v); }

/// Where a directed operation rounds to.
enum class Toward { kBelow, kAbove };

namespace detail {

/// From here on a product's (quotient's, square's) residual is at least 2^-1074, unless it is 0:
/// it is a multiple of 2^(e-105), where e ≥ -968 is the exponent of the product.
inline constexpr double kResidualSafe = 0x1p-968;
/// Sums below this cannot overflow inside TwoSum.
inline constexpr double kSumSafe = 0x1p1023;
/// Products and addends below this can be added without overflow.
inline constexpr double kFmaSafe = 0x1p1020;

template <Toward toward>
inline constexpr double kOutward = toward == Toward::kBelow ? -kInfinity : kInfinity;

inline bool within(double v, double least, double greatest) {
  return std::fabs(v) >= least && std::fabs(v) <= greatest;
}

/// The neighbour of a finite `nearest` on the side of an error exact − nearest of the given sign,
/// if that is the side to round to. Without branches: half of all roundings step.
/// Requires nearest ≠ 0 or error = 0.
template <Toward toward>
inline double step(double nearest, double error) {
  const auto bits = std::bit_cast<std::int64_t>(nearest);
  const std::int64_t outward =
      (bits >> 63) | 1;  // bits + outward is the neighbour with greater |·|
  if constexpr (toward == Toward::kBelow)
    return std::bit_cast<double>(bits - (error < 0 ? outward : 0));
  else
    return std::bit_cast<double>(bits + (error > 0 ? outward : 0));
}

/// As `step`, where `nearest` may be zero with an error.
template <Toward toward>
inline double step_anywhere(double nearest, double error) {
  if constexpr (toward == Toward::kBelow)
    return error < 0 ? next_down(nearest) : nearest;
  else
    return error > 0 ? next_up(nearest) : nearest;
}

/// The bound when finite operands overflowed to `infinity`.
template <Toward toward>
inline double overflowed(double infinity) {
  return infinity == kOutward<toward> ? infinity : -std::copysign(kMax, kOutward<toward>);
}

/// The error a + b − s of s = fl(a + b), exactly. Requires |s| < kSumSafe.
inline double sum_error(double a, double b, double s) {
  const double b_part = opaque(s - a);
  const double a_part = opaque(s - b_part);
  return opaque(opaque(a - a_part) + opaque(b - b_part));
}

/// The same for any finite s: the larger operand first, nothing overflows (Fast2Sum).
inline double large_sum_error(double a, double b, double s) {
  const bool a_first = std::fabs(a) >= std::fabs(b);
  const double larger = a_first ? a : b;
  const double smaller = a_first ? b : a;
  return opaque(smaller - opaque(s - larger));
}

template <Toward toward>
[[gnu::noinline, gnu::cold]] inline double add_special(double a, double b, double s) {
  if (std::isnan(s)) return std::isnan(a) || std::isnan(b) ? s : kOutward<toward>;
  if (std::isinf(a) || std::isinf(b)) return s;
  if (std::isinf(s)) return overflowed<toward>(s);
  return step<toward>(s, large_sum_error(a, b, s));
}

template <Toward toward>
inline double add(double a, double b) {
  a = opaque(a);
  b = opaque(b);
  const double s = opaque(a + b);
  if (std::fabs(s) < kSumSafe) [[likely]]
    return step<toward>(s, sum_error(a, b, s));
  return add_special<toward>(a, b, s);
}

/// Sign of a·b − p where |a·b| is too small for an unscaled residual. Requires a, b ≠ 0.
inline double scaled_product_error(double a, double b, double p) {
  int ea = 0;
  int eb = 0;
  const double ma = std::frexp(a, &ea);
  const double mb = std::frexp(b, &eb);
  return std::fma(ma, mb, -std::ldexp(p, -(ea + eb)));
}

template <Toward toward>
[[gnu::noinline, gnu::cold]] inline double mul_special(double a, double b, double p) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  if (std::isinf(a) || std::isinf(b)) return p;
  if (std::isinf(p)) return overflowed<toward>(p);
  return step_anywhere<toward>(p, scaled_product_error(a, b, p));
}

inline bool zero_factor(double a, double b) {
  return (a == 0 && !std::isnan(b)) || (b == 0 && !std::isnan(a));
}

template <Toward toward>
inline double mul(double a, double b) {
  a = opaque(a);
  b = opaque(b);
  const double p = opaque(a * b);
  if (within(p, kResidualSafe, kMax)) [[likely]]
    return step<toward>(p, opaque(std::fma(a, b, -p)));
  if (zero_factor(a, b)) return 0;
  return mul_special<toward>(a, b, p);
}

/// Sign of a/b − q from the sign of the residual a − q·b.
inline double quotient_error(double residual, double b) {
  const auto sign = std::bit_cast<std::uint64_t>(b) & (std::uint64_t{1} << 63);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(residual) ^ sign);
}

inline double scaled_quotient_error(double a, double b, double q) {
  int ea = 0;
  int eb = 0;
  const double ma = std::frexp(a, &ea);
  const double mb = std::frexp(b, &eb);
  return quotient_error(std::fma(-std::ldexp(q, eb - ea), mb, ma), b);
}

/// ∞/∞ and x/0: zero where the quotients end there, else an infinity.
template <Toward toward>
inline double div_indeterminate(double a, double b) {
  if (b == 0) return kOutward<toward>;
  const bool positive = std::signbit(a) == std::signbit(b);
  return positive == (toward == Toward::kBelow) ? 0.0 : kOutward<toward>;
}

template <Toward toward>
[[gnu::noinline, gnu::cold]] inline double div_special(double a, double b, double q) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  if (b == 0 || (std::isinf(a) && std::isinf(b))) return div_indeterminate<toward>(a, b);
  if (a == 0 || std::isinf(b)) return 0;
  if (std::isinf(a)) return q;
  if (std::isinf(q)) return overflowed<toward>(q);
  return step_anywhere<toward>(q, scaled_quotient_error(a, b, q));
}

template <Toward toward>
inline double div(double a, double b) {
  a = opaque(a);
  b = opaque(b);
  const double q = opaque(a / b);
  if (within(q, DBL_MIN, kMax) && std::fabs(a) >= kResidualSafe) [[likely]]
    return step<toward>(q, quotient_error(opaque(std::fma(-q, b, a)), b));
  return div_special<toward>(a, b, q);
}

template <Toward toward>
inline double sqrt(double a) {
  a = opaque(a);
  const double s = opaque(std::sqrt(a));
  if (a >= kResidualSafe && a <= kMax) [[likely]]
    return step<toward>(s, opaque(std::fma(-s, s, a)));
  if (a > 0 && a < kResidualSafe) return sqrt<toward>(a * 0x1p200) * 0x1p-100;
  return a == 0 ? 0 : s;
}

/// A number of the sign of u1 + u2 + c + d, exactly. Requires |u2| ≤ ulp(u1)/2 and no overflow.
inline double sign_of_sum(double u1, double u2, double c, double d) {
  const double s1 = opaque(c + u2);
  const double e1 = sum_error(c, u2, s1);
  const double s2 = opaque(s1 + u1);
  const double e2 = sum_error(s1, u1, s2);
  double carry = d;
  double sign = 0;
  for (const double part : {e1, e2, s2}) {  // nonoverlapping, in order of magnitude
    const double sum = opaque(carry + part);
    const double error = sum_error(carry, part, sum);
    if (error != 0) sign = error;
    carry = sum;
  }
  return carry != 0 ? carry : sign;
}

/// The sign of a·b + c − f, f = fl(a·b + c), where the product's error is a double.
inline double fma_error(double a, double b, double c, double f) {
  const double p = opaque(a * b);
  return sign_of_sum(p, opaque(std::fma(a, b, -p)), c, -f);
}

/// The same for any finite operands, a·b ≠ 0 and c ≠ 0: scaled so that the larger of |a·b| and |c|
/// is near 1. Where the smaller is below 2^-300 only its sign matters, since the rest is 0 or
/// above 2^-110, so any number that small will do.
[[gnu::noinline, gnu::cold]] inline double scaled_fma_error(double a, double b, double c,
                                                            double f) {
  constexpr int kNegligible = -300;
  int ea = 0;
  int eb = 0;
  int ec = 0;
  const double ma = std::frexp(a, &ea);
  const double mb = std::frexp(b, &eb);
  const double mc = std::frexp(c, &ec);
  const int scale = ea + eb > ec ? ea + eb : ec;
  const auto shift = [scale](int e) { return e - scale < kNegligible ? kNegligible : e - scale; };
  return fma_error(ma, std::ldexp(mb, shift(ea + eb)), std::ldexp(mc, shift(ec)),
                   std::ldexp(f, -scale));
}

template <Toward toward>
inline double fma(double a, double b, double c) {
  if (zero_factor(a, b)) return c;
  if (c == 0) return mul<toward>(a, b);
  const double p = opaque(opaque(a) * opaque(b));
  if (!within(a, 0, kMax) || !within(b, 0, kMax)) return add<toward>(p, c);
  if (!within(c, 0, kMax)) return c;
  const double f = opaque(std::fma(a, b, c));
  if (std::isinf(f)) return overflowed<toward>(f);
  const bool safe = within(p, kResidualSafe, kFmaSafe) && std::fabs(c) <= kFmaSafe;
  return step_anywhere<toward>(f, safe ? fma_error(a, b, c, f) : scaled_fma_error(a, b, c, f));
}

}  // namespace detail

/// The greatest double ≤ a + b.
inline double add_down(double a, double b) { return detail::add<Toward::kBelow>(a, b); }
/// The least double ≥ a + b.
inline double add_up(double a, double b) { return detail::add<Toward::kAbove>(a, b); }
/// The greatest double ≤ a − b.
inline double sub_down(double a, double b) { return detail::add<Toward::kBelow>(a, -b); }
/// The least double ≥ a − b.
inline double sub_up(double a, double b) { return detail::add<Toward::kAbove>(a, -b); }
/// The greatest double ≤ a·b; 0·∞ = 0.
inline double mul_down(double a, double b) { return detail::mul<Toward::kBelow>(a, b); }
/// The least double ≥ a·b; 0·∞ = 0.
inline double mul_up(double a, double b) { return detail::mul<Toward::kAbove>(a, b); }
/// The greatest double ≤ a/b; −∞ for b = 0.
inline double div_down(double a, double b) { return detail::div<Toward::kBelow>(a, b); }
/// The least double ≥ a/b; ∞ for b = 0.
inline double div_up(double a, double b) { return detail::div<Toward::kAbove>(a, b); }
/// The greatest double ≤ √a; NaN for a < 0.
inline double sqrt_down(double a) { return detail::sqrt<Toward::kBelow>(a); }
/// The least double ≥ √a; NaN for a < 0.
inline double sqrt_up(double a) { return detail::sqrt<Toward::kAbove>(a); }
/// The greatest double ≤ a·b + c, rounded once; 0·∞ = 0.
inline double fma_down(double a, double b, double c) {
  return detail::fma<Toward::kBelow>(a, b, c);
}
/// The least double ≥ a·b + c, rounded once; 0·∞ = 0.
inline double fma_up(double a, double b, double c) { return detail::fma<Toward::kAbove>(a, b, c); }

}  // namespace numgeom::rounding

#ifdef __clang__
#pragma float_control(pop)
#endif
