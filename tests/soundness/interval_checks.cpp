#include <algorithm>
#include <functional>

#include "numgeom/arithmetic/interval.hpp"
#include "soundness.hpp"
#include "support/reference.hpp"

namespace numgeom::soundness {
namespace {

using test::Random;
using test::Reference;

/// Members drawn from each pair of operands.
constexpr int kSamples = 3;

std::string describe(const char* name, std::initializer_list<Interval> operands,
                     const Interval& result) {
  std::string line = std::string(name) + " of";
  for (const Interval& x : operands) line += test::describe(" ", {}, x.lower(), x.upper());
  return line + test::describe(" gives", {}, result.lower(), result.upper()) +
         (result.is_defined() ? "" : "_trv");
}

/// The tightest interval around limits of exact results, built corner by corner.
class Hull {
 public:
  void add(const Reference& exact) {
    lower_ = std::min(lower_, exact.tight_down());
    upper_ = std::max(upper_, exact.tight_up());
  }
  void add_zero() {
    lower_ = std::min(lower_, 0.0);
    upper_ = std::max(upper_, 0.0);
  }
  [[nodiscard]] std::uint64_t slack(const Interval& x) const {
    return std::max(test::doubles_between(x.lower(), lower_),
                    test::doubles_between(x.upper(), upper_));
  }

 private:
  double lower_ = rounding::kInfinity;
  double upper_ = -rounding::kInfinity;
};

/// The hull of a monotone-by-parts operation from its corners. An undetermined corner is 0 for a
/// product (0·∞) and adds nothing for a sum or a quotient, where another corner is as extreme.
template <class Function>
Hull corner_hull(Reference& exact, Function f, const Interval& x, const Interval& y,
                 bool is_product) {
  Hull hull;
  for (const double a : {x.lower(), x.upper()}) {
    for (const double b : {y.lower(), y.upper()}) {
      exact.evaluate(f, a, b);
      if (!exact.is_nan())
        hull.add(exact);
      else if (is_product)
        hull.add_zero();
    }
  }
  return hull;
}

template <class Function>
bool contains_samples(Reference& exact, Random& random, Function f, const Interval& x,
                      const Interval& y, const Interval& result) {
  for (int sample = 0; sample < kSamples; ++sample) {
    exact.evaluate(f, random.member(x), random.member(y));
    if (exact.is_real() && !exact.inside(result.lower(), result.upper())) return false;
  }
  return true;
}

enum class Kind { kSum, kProduct, kQuotient };

template <class Operation, class Function>
auto binary(const char* name, Kind kind, Operation operation, Function f) {
  return [=](Tally& tally, Random& random, std::int64_t operations) {
    Reference exact;
    while (tally.operations < operations) {
      const Interval x = random.interval();
      const Interval y = random.interval();
      const Interval result = operation(x, y);
      const bool pole = kind == Kind::kQuotient && y.contains(0.0);
      const bool sound = contains_samples(exact, random, f, x, y, result);
      const std::uint64_t slack =
          pole ? 0 : corner_hull(exact, f, x, y, kind == Kind::kProduct).slack(result);
      tally.record(sound && result.is_defined() == !pole, slack, [&] {
        return describe(name, {x, y}, result);
      });
    }
  };
}

/// The hull of a·b + c over bounded operands.
Hull fma_hull(Reference& exact, const Interval& x, const Interval& y, const Interval& z) {
  Hull hull;
  for (const double a : {x.lower(), x.upper()}) {
    for (const double b : {y.lower(), y.upper()}) {
      for (const double c : {z.lower(), z.upper()}) {
        exact.evaluate(mpfr_fma, a, b, c);
        hull.add(exact);
      }
    }
  }
  return hull;
}

void check_fma(Tally& tally, Random& random, std::int64_t operations) {
  Reference exact;
  while (tally.operations < operations) {
    const Interval x = random.interval();
    const Interval y = random.interval();
    const Interval z = random.interval();
    const Interval result = fma(x, y, z);
    bool sound = result.is_defined();
    for (int sample = 0; sample < kSamples; ++sample) {
      exact.evaluate(mpfr_fma, random.member(x), random.member(y), random.member(z));
      sound = sound && exact.inside(result.lower(), result.upper());
    }
    const bool bounded = x.is_bounded() && y.is_bounded() && z.is_bounded();
    tally.record(sound, bounded ? fma_hull(exact, x, y, z).slack(result) : 0, [&] {
      return describe("fma", {x, y, z}, result);
    });
  }
}

enum class Shape { kIncreasing, kEven };

/// A function that is monotone on its domain { a ≥ least }, or even and increasing for a ≥ 0.
struct Unary {
  const char* name;
  Interval (*operation)(const Interval&);
  int (*exact_function)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
  Shape shape = Shape::kIncreasing;
  double least = -rounding::kInfinity;
  bool least_in_domain = true;

  [[nodiscard]] bool outside(double a) const { return least_in_domain ? a < least : a <= least; }

  [[nodiscard]] bool contains_samples(Reference& exact, Random& random, const Interval& x,
                                      const Interval& result) const {
    for (int sample = 0; sample < kSamples; ++sample) {
      const double a = random.member(x);
      exact.evaluate(exact_function, a);
      if (!outside(a) && !exact.inside(result.lower(), result.upper())) return false;
    }
    return true;
  }

  [[nodiscard]] Hull hull(Reference& exact, const Interval& x) const {
    const bool even = shape == Shape::kEven;
    Hull result;
    for (const double a :
         {even ? x.mignitude() : std::max(x.lower(), least), even ? x.magnitude() : x.upper()}) {
      exact.evaluate(exact_function, a);
      result.add(exact);
    }
    return result;
  }

  void operator()(Tally& tally, Random& random, std::int64_t operations) const {
    Reference exact;
    while (tally.operations < operations) {
      const Interval x = random.coin() ? random.interval() : random.small_interval();
      const Interval result = operation(x);
      const auto explain = [&] { return describe(name, {x}, result); };
      if (outside(x.upper())) {
        tally.record(result.is_empty() && !result.is_defined(), 0, explain);
        continue;
      }
      const bool sound =
          contains_samples(exact, random, x, result) && result.is_defined() == !outside(x.lower());
      tally.record(sound, hull(exact, x).slack(result), explain);
    }
  }
};

/// xⁿ for random n: inclusion of members; with points, also the tightest bounds.
void check_pow(Tally& tally, Random& random, std::int64_t operations) {
  Reference exact;
  while (tally.operations < operations) {
    const Interval x = random.coin() ? random.interval() : random.small_interval();
    const int n = random.below(64) - 32;
    const auto power = [n](mpfr_ptr result, mpfr_srcptr a, mpfr_rnd_t direction) {
      return mpfr_pow_si(result, a, n, direction);
    };
    const Interval result = pow(x, n);
    bool sound = result.is_defined() == !(n < 0 && x.contains(0.0));
    for (int sample = 0; sample < kSamples; ++sample) {
      exact.evaluate(power, random.member(x));
      if (exact.is_real()) sound = sound && exact.inside(result.lower(), result.upper());
    }
    Hull hull;
    exact.evaluate(power, x.lower());
    hull.add(exact);
    tally.record(sound, x.is_point() && exact.is_real() ? hull.slack(result) : 0, [&] {
      return describe("pow", {x, Interval(n)}, result);
    });
  }
}

// Overloaded names become function objects.
#define NUMGEOM_UNARY(function) [](const Interval& x) { return function(x); }

}  // namespace

std::vector<Check> interval_checks() {
  constexpr auto kSum = Kind::kSum;
  return {
      {"interval: +", 3, 0, binary("+", kSum, std::plus<Interval>(), mpfr_add)},
      {"interval: -", 3, 0, binary("-", kSum, std::minus<Interval>(), mpfr_sub)},
      {"interval: *", 3, 0, binary("*", Kind::kProduct, std::multiplies<Interval>(), mpfr_mul)},
      {"interval: /", 3, 0, binary("/", Kind::kQuotient, std::divides<Interval>(), mpfr_div)},
      {"interval: fma", 1, 0, check_fma},
      {"interval: sqr", 2, 0, Unary{"sqr", NUMGEOM_UNARY(sqr), mpfr_sqr, Shape::kEven}},
      {"interval: sqrt", 2, 0,
       Unary{"sqrt", NUMGEOM_UNARY(sqrt), mpfr_sqrt, Shape::kIncreasing, 0.0}},
      {"interval: abs", 1, 0, Unary{"abs", NUMGEOM_UNARY(abs), mpfr_abs, Shape::kEven}},
      {"interval: exp", 0.2, 0, Unary{"exp", NUMGEOM_UNARY(exp), mpfr_exp}},
      {"interval: expm1", 0.2, 0, Unary{"expm1", NUMGEOM_UNARY(expm1), mpfr_expm1}},
      {"interval: log", 0.2, 0,
       Unary{"log", NUMGEOM_UNARY(log), mpfr_log, Shape::kIncreasing, 0.0, false}},
      {"interval: log1p", 0.2, 0,
       Unary{"log1p", NUMGEOM_UNARY(log1p), mpfr_log1p, Shape::kIncreasing, -1.0, false}},
      {"interval: tanh", 0.2, 0, Unary{"tanh", NUMGEOM_UNARY(tanh), mpfr_tanh}},
      {"interval: sinh", 0.2, 0, Unary{"sinh", NUMGEOM_UNARY(sinh), mpfr_sinh}},
      {"interval: cosh", 0.2, 0, Unary{"cosh", NUMGEOM_UNARY(cosh), mpfr_cosh, Shape::kEven}},
      {"interval: pow", 0.2, 0, check_pow},
  };
}

#undef NUMGEOM_UNARY

}  // namespace numgeom::soundness
