#include <array>

#include "numgeom/arithmetic/rounding.hpp"
#include "soundness.hpp"
#include "support/reference.hpp"

namespace numgeom::soundness {
namespace {

constexpr std::size_t kBatch = 256;

struct Batch {
  std::array<double, kBatch> a{}, b{}, c{}, lower{}, upper{};
};

/// Fills the bounds `lower` and `upper` of an operation on `a`, `b`, `c`, element by element.
using Loop = void (*)(Batch&);

// Each operation is inlined into a plain loop, where an optimiser would vectorise, hoist, contract.
void add_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::add_down(s.a[i], s.b[i]);
    s.upper[i] = rounding::add_up(s.a[i], s.b[i]);
  }
}
void sub_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::sub_down(s.a[i], s.b[i]);
    s.upper[i] = rounding::sub_up(s.a[i], s.b[i]);
  }
}
void mul_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::mul_down(s.a[i], s.b[i]);
    s.upper[i] = rounding::mul_up(s.a[i], s.b[i]);
  }
}
void div_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::div_down(s.a[i], s.b[i]);
    s.upper[i] = rounding::div_up(s.a[i], s.b[i]);
  }
}
void square_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::mul_down(s.a[i], s.a[i]);
    s.upper[i] = rounding::mul_up(s.a[i], s.a[i]);
  }
}
void reciprocal_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::div_down(1.0, s.a[i]);
    s.upper[i] = rounding::div_up(1.0, s.a[i]);
  }
}
void sqrt_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::sqrt_down(std::fabs(s.a[i]));
    s.upper[i] = rounding::sqrt_up(std::fabs(s.a[i]));
  }
}
void fma_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = rounding::fma_down(s.a[i], s.b[i], s.c[i]);
    s.upper[i] = rounding::fma_up(s.a[i], s.b[i], s.c[i]);
  }
}

[[gnu::noinline]] double mul_down_out_of_line(double a, double b) {
  return rounding::mul_down(a, b);
}
[[gnu::noinline]] double mul_up_out_of_line(double a, double b) { return rounding::mul_up(a, b); }
void out_of_line_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    s.lower[i] = mul_down_out_of_line(s.a[i], s.b[i]);
    s.upper[i] = mul_up_out_of_line(s.a[i], s.b[i]);
  }
}

/// (a·b) + c with the product rounded first: a contracted sum would be that of another term.
void product_plus_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    const double product = s.a[i] * s.b[i];
    s.lower[i] = rounding::add_down(product, s.c[i]);
    s.upper[i] = rounding::add_up(product, s.c[i]);
  }
}
/// The same with both terms products, and a difference.
void products_loop(Batch& s) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    const double ab = s.a[i] * s.b[i];
    const double cb = s.c[i] * s.b[i];
    s.lower[i] = rounding::sub_down(ab, cb);
    s.upper[i] = rounding::sub_up(ab, cb);
  }
}

void compare(Tally& tally, const char* name, const test::Reference& exact,
             std::initializer_list<double> operands, double lower, double upper) {
  const std::uint64_t slack = std::max(test::doubles_between(lower, exact.tight_down()),
                                       test::doubles_between(upper, exact.tight_up()));
  tally.record(exact.inside(lower, upper), slack,
               [&] { return test::describe(name, operands, lower, upper); });
}

template <class Function>
auto unary(const char* name, Loop loop, Function f) {
  return [=](Tally& tally, test::Random& random, std::int64_t operations) {
    Batch batch;
    test::Reference exact;
    while (tally.operations < operations) {
      for (double& v : batch.a) v = random.finite();
      loop(batch);
      for (std::size_t i = 0; i < kBatch; ++i) {
        exact.evaluate(f, batch.a[i]);
        if (exact.is_real())
          compare(tally, name, exact, {batch.a[i]}, batch.lower[i], batch.upper[i]);
      }
    }
  };
}

template <class Function>
auto binary(const char* name, Loop loop, Function f) {
  return [=](Tally& tally, test::Random& random, std::int64_t operations) {
    Batch batch;
    test::Reference exact;
    while (tally.operations < operations) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        batch.a[i] = random.finite();
        batch.b[i] = random.finite();
      }
      loop(batch);
      for (std::size_t i = 0; i < kBatch; ++i) {
        exact.evaluate(f, batch.a[i], batch.b[i]);
        if (exact.is_real())
          compare(tally, name, exact, {batch.a[i], batch.b[i]}, batch.lower[i], batch.upper[i]);
      }
    }
  };
}

/// A random c that tends to cancel with ±a·b.
double addend(test::Random& random, double a, double b) {
  if (random.below(3) != 0) return random.finite();
  const double product = random.coin() ? a * b : -a * b;
  return std::isfinite(product) ? rounding::next_up(product) : 1.0;
}

void check_fma(Tally& tally, test::Random& random, std::int64_t operations) {
  Batch batch;
  test::Reference exact;
  while (tally.operations < operations) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.a[i] = random.finite();
      batch.b[i] = random.finite();
      batch.c[i] = addend(random, batch.a[i], batch.b[i]);
    }
    fma_loop(batch);
    for (std::size_t i = 0; i < kBatch; ++i) {
      exact.evaluate(mpfr_fma, batch.a[i], batch.b[i], batch.c[i]);
      compare(tally, "fma", exact, {batch.a[i], batch.b[i], batch.c[i]}, batch.lower[i],
              batch.upper[i]);
    }
  }
}

/// A loop over sums of rounded products, where `terms(batch, i)` are the two terms as rounded.
template <class Terms, class Function>
auto contraction(const char* name, Loop loop, Terms terms, Function f) {
  return [=](Tally& tally, test::Random& random, std::int64_t operations) {
    Batch batch;
    test::Reference exact;
    while (tally.operations < operations) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        batch.a[i] = random.moderate();
        batch.b[i] = random.moderate();
        batch.c[i] = addend(random, batch.a[i], batch.b[i]);
      }
      loop(batch);
      for (std::size_t i = 0; i < kBatch; ++i) {
        const auto [x, y] = terms(batch, i);
        if (!std::isfinite(x) || !std::isfinite(y)) continue;
        exact.evaluate(f, x, y);
        compare(tally, name, exact, {batch.a[i], batch.b[i], batch.c[i]}, batch.lower[i],
                batch.upper[i]);
      }
    }
  };
}

double rounded_product(double a, double b) { return rounding::opaque(a * b); }

constexpr auto kProductAndAddend = [](const Batch& s, std::size_t i) {
  return std::pair(rounded_product(s.a[i], s.b[i]), s.c[i]);
};
constexpr auto kTwoProducts = [](const Batch& s, std::size_t i) {
  return std::pair(rounded_product(s.a[i], s.b[i]), rounded_product(s.c[i], s.b[i]));
};

int square_root_of_magnitude(mpfr_ptr result, mpfr_srcptr a, mpfr_rnd_t direction) {
  mpfr_abs(result, a, MPFR_RNDN);
  return mpfr_sqrt(result, result, direction);
}
int reciprocal(mpfr_ptr result, mpfr_srcptr a, mpfr_rnd_t direction) {
  return mpfr_ui_div(result, 1, a, direction);
}

}  // namespace

std::vector<Check> rounding_checks() {
  return {
      {"rounding: add", 4, 0, binary("add", add_loop, mpfr_add)},
      {"rounding: sub", 4, 0, binary("sub", sub_loop, mpfr_sub)},
      {"rounding: mul", 4, 0, binary("mul", mul_loop, mpfr_mul)},
      {"rounding: mul, out of line", 2, 0, binary("mul", out_of_line_loop, mpfr_mul)},
      {"rounding: div", 4, 0, binary("div", div_loop, mpfr_div)},
      {"rounding: a*a", 2, 0, unary("a*a", square_loop, mpfr_sqr)},
      {"rounding: 1/a", 2, 0, unary("1/a", reciprocal_loop, reciprocal)},
      {"rounding: sqrt", 4, 0, unary("sqrt|a|", sqrt_loop, square_root_of_magnitude)},
      {"rounding: fma", 4, 0, check_fma},
      {"rounding: (a*b)+c", 2, 0,
       contraction("(a*b)+c", product_plus_loop, kProductAndAddend, mpfr_add)},
      {"rounding: (a*b)-(c*b)", 2, 0,
       contraction("(a*b)-(c*b)", products_loop, kTwoProducts, mpfr_sub)},
  };
}

}  // namespace numgeom::soundness
