#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>

#include "numgeom/arithmetic/interval.hpp"

namespace numgeom::test {

/// How much more (or less) work the randomised tests do: NUMGEOM_TEST_MULTIPLIER, 1 by default.
inline double effort() {
  const char* text = std::getenv("NUMGEOM_TEST_MULTIPLIER");
  const double factor = text == nullptr ? 1.0 : std::atof(text);
  return factor > 0 ? factor : 1.0;
}

/// `base` repetitions, scaled by `effort()`, at least one.
inline int repetitions(int base) {
  const double count = base * effort();
  return count < 1 ? 1 : static_cast<int>(std::min(count, 2e9));
}

/// Doubles and intervals where arithmetic goes wrong, if it does: zeros of both signs, subnormals,
/// powers of two and their neighbours, values near overflow and underflow, short significands
/// (exact results and ties), numbers related to the one before (cancellation), and random bits.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// As above, and prints the seed to stderr under the test's name.
  static Random announced(const char* test, std::uint64_t seed) {
    std::fprintf(stderr, "%s: seed %llu, effort %g\n", test, static_cast<unsigned long long>(seed),
                 effort());
    return Random(seed);
  }

  std::uint64_t bits() { return engine_(); }
  /// A whole number in [0, count).
  int below(int count) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(count)); }
  bool coin() { return (engine_() & 1) != 0; }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

  /// A finite double.
  double finite() { return last_ = draw(); }
  /// A finite double of ordinary size, |x| in [2^-30, 2^30] or 0.
  double moderate() {
    return below(32) == 0 ? 0.0 : signed_value(std::ldexp(1 + unit(), below(60) - 30));
  }

  /// An interval: a point, thin, wide, around zero, or a half-line.
  Interval interval() {
    const double a = finite();
    switch (below(6)) {
      case 0:
        return a;
      case 1:
        return ordered(a, neighbour(a));
      case 2:
        return ordered(-std::fabs(a), std::fabs(finite()));
      case 3:
        return half_line(a);
      default:
        return ordered(a, finite());
    }
  }

  /// The same with bounds of ordinary size, where elementary functions neither over- nor underflow.
  Interval small_interval() {
    const double a = below(32) == 0 ? 0.0 : signed_value(std::ldexp(1 + unit(), below(22) - 14));
    switch (below(3)) {
      case 0:
        return a;
      case 1:
        return ordered(a, neighbour(a));
      default:
        return ordered(a, a + signed_value(std::ldexp(unit(), below(12) - 8)));
    }
  }

  /// A member of `x`: a bound, zero, or between.
  double member(const Interval& x) {
    const double lower = std::max(x.lower(), -rounding::kMax);
    const double upper = std::min(x.upper(), rounding::kMax);
    switch (below(4)) {
      case 0:
        return lower;
      case 1:
        return upper;
      case 2:
        return x.contains(0.0) ? 0.0 : lower;
      default:
        return between(lower, upper);
    }
  }

 private:
  static constexpr std::array kCorners = {
      0.0,       0x1p-1074,  0x1p-1073, 0x1.8p-1073, 0x1p-1023,
      0x1p-1022, 0x1p-969,   0x1p-968,  0x1p-537,    0x1p-53,
      0.1,       0.5,        1.0,       2.0,         3.0,
      10.0,      0x1p53,     0x1p511,   0x1p512,     0x1p1020,
      0x1p1023,  0x1.8p1023, 0x1p-500,  0x1p970,     std::numeric_limits<double>::max()};

  double signed_value(double v) { return coin() ? v : -v; }

  /// A few steps from `v`, never leaving the finite doubles.
  double neighbour(double v) {
    for (int step = below(4); step > 0; --step)
      v = coin() ? rounding::next_up(v) : rounding::next_down(v);
    return std::clamp(v, -rounding::kMax, rounding::kMax);
  }

  double random_bits() {
    const double v = std::bit_cast<double>(engine_());
    return std::isfinite(v) ? v : 1 + unit();
  }

  double related() {
    switch (below(4)) {
      case 0:
        return neighbour(-last_);
      case 1:
        return neighbour(last_);
      case 2:
        return neighbour(std::clamp(std::ldexp(last_, below(120) - 60), -1e308, 1e308));
      default:
        return last_ == 0 ? 1 : neighbour(std::clamp(1 / last_, -1e308, 1e308));
    }
  }

  double draw() {
    switch (below(10)) {
      case 0:
        return signed_value(kCorners[static_cast<std::size_t>(below(kCorners.size()))]);
      case 1:
        return signed_value(neighbour(std::ldexp(1.0, below(2098) - 1074)));
      case 2:
        return signed_value(std::ldexp(1.0 + below(16), below(2090) - 1074));
      case 3:
        return signed_value(static_cast<double>(engine_() & 0xfffffffffffff) * 0x1p-1074);
      case 4:
        return signed_value(std::ldexp(1 + unit(), 1000 + below(24)));
      case 5:
        return signed_value(std::ldexp(1 + unit(), -1074 + below(140)));
      case 6:
        return related();
      case 7:
        return random_bits();
      default:
        return moderate();
    }
  }

  static Interval ordered(double a, double b) { return a <= b ? Interval(a, b) : Interval(b, a); }

  Interval half_line(double a) {
    if (below(8) == 0) return Interval::entire();
    return coin() ? Interval(a, rounding::kInfinity) : Interval(-rounding::kInfinity, a);
  }

  double between(double lower, double upper) {
    const double t = unit();
    return std::clamp(lower * (1 - t) + upper * t, lower, upper);
  }

  std::mt19937_64 engine_;
  double last_ = 1;
};

}  // namespace numgeom::test
