#pragma once

#include <mpfr.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>

#include "numgeom/arithmetic/big_float.hpp"

namespace numgeom::test {

/// The exact value t of an operation on doubles, between two MPFR numbers of many more bits.
///
/// Doubles are numbers of that precision, so for a double b: b ≤ t exactly if b ≤ `down`, and the
/// greatest double ≤ t is `down` rounded down.
class Reference {
 public:
  static constexpr int kBits = 160;

  /// t = f(a, …) for a correctly rounded MPFR function f(result, a, …, direction).
  template <class Function, class... Operands>
  void evaluate(Function f, Operands... operands) {
    std::size_t i = 0;
    ((mpfr_set_d(operands_[i++].get(), operands, MPFR_RNDN)), ...);
    call(f, down_.get(), MPFR_RNDD, std::index_sequence_for<Operands...>());
    call(f, up_.get(), MPFR_RNDU, std::index_sequence_for<Operands...>());
  }

  /// Whether t is a real number: the operation is defined there.
  [[nodiscard]] bool is_real() const { return down_.is_finite() || up_.is_finite(); }
  [[nodiscard]] bool is_nan() const { return down_.is_nan(); }
  [[nodiscard]] bool at_least(double bound) const { return mpfr_cmp_d(down_.get(), bound) >= 0; }
  [[nodiscard]] bool at_most(double bound) const { return mpfr_cmp_d(up_.get(), bound) <= 0; }
  [[nodiscard]] bool inside(double lower, double upper) const {
    return at_least(lower) && at_most(upper);
  }
  /// The greatest double ≤ t, the least double ≥ t.
  [[nodiscard]] double tight_down() const { return down_.to_double_down(); }
  [[nodiscard]] double tight_up() const { return up_.to_double_up(); }

 private:
  template <class Function, std::size_t... I>
  void call(Function f, mpfr_ptr result, mpfr_rnd_t direction, std::index_sequence<I...>) {
    f(result, operands_[I].get()..., direction);
  }

  BigFloat operands_[3];
  BigFloat down_{kBits};
  BigFloat up_{kBits};
};

/// How many steps from double to double lie between a and b; 0 and -0 are one double.
inline std::uint64_t doubles_between(double a, double b) {
  const auto position = [](double v) {
    const auto bits = std::bit_cast<std::uint64_t>(std::fabs(v));
    return v < 0 ? -bits : bits;
  };
  return a < b ? position(b) - position(a) : position(a) - position(b);
}

/// "name(0x1.8p+1, …) = [0x…, 0x…]": what a failed check prints.
inline std::string describe(const std::string& name, std::initializer_list<double> operands,
                            double lower, double upper) {
  const auto hex = [](double v) {
    char text[64];
    std::snprintf(text, sizeof text, "%a", v);
    return std::string(text);
  };
  std::string line = name + "(";
  for (const double v : operands) line += (line.back() == '(' ? "" : ", ") + hex(v);
  return line + ") = [" + hex(lower) + ", " + hex(upper) + "]";
}

}  // namespace numgeom::test
