#include "arithmetic/limb_product.hpp"

#include <gmp.h>

#include <catch2/catch.hpp>

#include "arithmetic/residue_basis.hpp"
#include "numgeom/error.hpp"
#include "support/limbs.hpp"

// Products of integers are compared with GMP's, digit by digit, on every path of this processor.

using namespace numgeom;

namespace {

using Eigen::Index;
using test::Random;

std::vector<LimbPath> paths() {
  std::vector<LimbPath> result;
  for (const LimbPath path : {LimbPath::kPortable, LimbPath::kAvx2, LimbPath::kIfma})
    if (is_available(path)) result.push_back(path);
  return result;
}

struct Integer {
  Integer() { mpz_init(value); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  ~Integer() { mpz_clear(value); }
  mpz_t value;
};

void read(mpz_ptr result, const LimbMatrix& x, Index i, Index j) {
  mpz_set_si(result, x.is_negative(i, j) ? -1 : 0);
  for (int s = x.limbs() - 1; s >= 0; --s) {
    mpz_mul_2exp(result, result, LimbMatrix::kLimbBits);
    mpz_add_ui(result, result, x.limb(i, j, s));
  }
}

LimbMatrix multiplied(const LimbMatrix& a, const LimbMatrix& b, Transposed transposed,
                      LimbPath path) {
  LimbMatrix result;
  exact_product(a, b, transposed, kernels_for(path), result);
  return result;
}

struct Case {
  Transposed transposed;
  Index rows, terms, cols;
  int left_limbs, right_limbs;
};

LimbMatrix left_of(Random& random, const Case& c) {
  const bool flip = c.transposed == Transposed::kLeft;
  return test::random_limbs(random, flip ? c.terms : c.rows, flip ? c.rows : c.terms, c.left_limbs);
}
LimbMatrix right_of(Random& random, const Case& c) {
  const bool flip = c.transposed == Transposed::kRight;
  return test::random_limbs(random, flip ? c.cols : c.terms, flip ? c.terms : c.cols,
                            c.right_limbs);
}

/// Entry (i, j) of the product by GMP.
void expect(mpz_ptr sum, const LimbMatrix& a, const LimbMatrix& b, const Case& c, Index i,
            Index j) {
  Integer x;
  Integer y;
  mpz_set_ui(sum, 0);
  for (Index k = 0; k < c.terms; ++k) {
    c.transposed == Transposed::kLeft ? read(x.value, a, k, i) : read(x.value, a, i, k);
    c.transposed == Transposed::kRight ? read(y.value, b, j, k) : read(y.value, b, k, j);
    mpz_addmul(sum, x.value, y.value);
  }
}

void check(Random& random, const Case& c, const LimbMatrix& a, const LimbMatrix& b, int samples) {
  std::vector<LimbMatrix> products;
  for (const LimbPath path : paths()) products.push_back(multiplied(a, b, c.transposed, path));
  Integer exact;
  Integer found;
  const Index entries = c.rows * c.cols;
  for (int n = 0; n < samples; ++n) {
    const Index at = samples >= entries ? n % entries : random.below(static_cast<int>(entries));
    const Index i = at / c.cols;
    const Index j = at % c.cols;
    expect(exact.value, a, b, c, i, j);
    for (std::size_t p = 0; p < products.size(); ++p) {
      read(found.value, products[p], i, j);
      INFO(name_of(paths()[p]) << ", form " << static_cast<int>(c.transposed) << ", " << c.rows
                               << "×" << c.terms << "×" << c.cols << ", limbs " << c.left_limbs
                               << " and " << c.right_limbs << ", entry " << i << "," << j);
      REQUIRE(mpz_cmp(found.value, exact.value) == 0);
    }
  }
}

/// One limb with |entries| ≤ 2^bits, both ends among them, and zeros.
LimbMatrix narrow(Random& random, Index rows, Index cols, int bits) {
  LimbMatrix result(rows, cols, 1, 0);
  const auto most = std::int64_t{1} << bits;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < cols; ++j) {
      std::int64_t x = static_cast<std::int64_t>(random.bits() % (2 * most + 1)) - most;
      if (random.below(4) == 0) x = 0;
      if (random.below(4) == 0) x = random.coin() ? most : -most;
      result.block(i, j / LimbMatrix::kLanes)->lane[j % LimbMatrix::kLanes] =
          static_cast<std::uint64_t>(x) & LimbMatrix::kLimbMask;
    }
  return result;
}

void check(Random& random, const Case& c, int samples) {
  const LimbMatrix a = left_of(random, c);
  check(random, c, a, right_of(random, c), samples);
}

constexpr Transposed kForms[] = {Transposed::kNone, Transposed::kLeft, Transposed::kRight};

}  // namespace

TEST_CASE("products of integers are exact on every path") {
  Random random = Random::announced("products of integers", 11);
  for (int n = 0; n < test::repetitions(150); ++n) {
    const auto extent = [&random] {
      return Index{1} + random.below(random.below(4) == 0 ? 70 : 9);
    };
    const auto limbs = [&random] { return 1 + random.below(random.below(4) == 0 ? 40 : 4); };
    for (const Transposed form : kForms)
      check(random, {form, extent(), extent(), extent(), limbs(), limbs()}, 60);
  }
}

TEST_CASE("long sums and high precision stay exact") {
  Random random = Random::announced("long sums", 12);
  for (const Transposed form : kForms) {
    for (const Index terms : {255, 256, 257, 2047, 2049, 5000})
      for (const int limbs : {1, 2, 5}) check(random, {form, 9, terms, 17, limbs, limbs}, 12);
    for (const int limbs : {79, 158}) check(random, {form, 5, 30, 9, limbs, limbs}, 10);
    check(random, {form, 3, 700, 9, 1, 158}, 6);
    check(random, {form, 3, 20, 9, 158, 1}, 6);
    check(random, {form, 300, 3, 20, 2, 3}, 300);
  }
}

TEST_CASE("short left operands give exact products") {
  Random random = Random::announced("short operands", 14);
  for (const Transposed form : {Transposed::kNone, Transposed::kLeft})
    for (const int bits : {1, 8, 25, 26, 27, 49, 50})
      for (const int limbs : {1, 2, 9, 10, 11, 20, 41}) {
        const Case c{form, 67, 1 + random.below(300), 9, 1, limbs};
        const bool flip = form == Transposed::kLeft;
        const LimbMatrix a = narrow(random, flip ? c.terms : c.rows, flip ? c.rows : c.terms, bits);
        check(random, c, a, right_of(random, c), 30);
      }
}

namespace {

/// The entry and 2^(52·left_out) times what was found for it differ by at most `error` units of the
/// last place that rounding to `limbs` limbs leaves.
void check_upper(const LimbMatrix& a, const LimbMatrix& b, const Case& c, int limbs,
                 LimbPath path) {
  const auto& kernels = kernels_for(path);
  LimbMatrix found;
  const double error = upper_product(a, b, c.transposed, kernels, limbs, found);
  const auto left_out = static_cast<mp_bitcnt_t>(found.exponent() - a.exponent() - b.exponent());
  const int cut = found.significant_bits() - (limbs * LimbMatrix::kLimbBits - 2);
  INFO(kernels.name << ", form " << static_cast<int>(c.transposed) << ", " << limbs << " limbs");
  REQUIRE((error == 0) == (left_out == 0));
  if (error > 0) REQUIRE(cut > 61);
  Integer exact;
  Integer difference;
  for (Index i = 0; i < c.rows; ++i)
    for (Index j = 0; j < c.cols; ++j) {
      expect(exact.value, a, b, c, i, j);
      read(difference.value, found, i, j);
      if (mpz_sgn(exact.value) == 0) {
        REQUIRE(mpz_sgn(difference.value) == 0);
        continue;
      }
      if (error > 0) REQUIRE(mpz_odd_p(difference.value) != 0);
      mpz_mul_2exp(difference.value, difference.value, left_out);
      mpz_sub(difference.value, difference.value, exact.value);
      // In units of 2^-40 of the last place, rounded up.
      mpz_cdiv_q_2exp(difference.value, difference.value, left_out + std::max(cut, 40) - 40);
      REQUIRE(mpz_cmpabs_ui(difference.value, error > 0 ? 1 : 0) <= 0);
    }
}

}  // namespace

TEST_CASE("upper limbs of products err by what they say, and zeros are exact") {
  Random random = Random::announced("upper limbs", 15);
  for (const Transposed form : kForms)
    for (const int limbs : {2, 4, 7, 12, 20}) {
      const Case c{form, 5, 6, 9, limbs, limbs + random.below(3)};
      LimbMatrix a = left_of(random, c);
      const LimbMatrix b = right_of(random, c);
      // A row of zeros.
      for (Index k = 0; k < c.terms; ++k)
        form == Transposed::kLeft ? a.set_zero(k, 2) : a.set_zero(2, k);
      for (const LimbPath path : paths())
        for (const int kept : {limbs, limbs / 2 + 1}) check_upper(a, b, c, kept, path);
    }
}

TEST_CASE("sums that cancel to zero are exact zeros among upper limbs") {
  Random random = Random::announced("zero sums", 17);
  constexpr int kLimbs = 12;
  const Case c{Transposed::kNone, 4, 2, 9, kLimbs, kLimbs};
  LimbMatrix a(c.rows, c.terms, kLimbs, 0);
  LimbMatrix b(c.terms, c.cols, kLimbs, 0);
  const auto fill = [&random](LimbLanes* block, int lane) {
    for (int s = 0; s < kLimbs; ++s)
      block[s].lane[lane] = random.bits() & (LimbMatrix::kLimbMask >> (s == kLimbs - 1 ? 1 : 0));
  };
  for (Index j = 0; j < c.cols; ++j)
    fill(b.block(0, j / LimbMatrix::kLanes), static_cast<int>(j % LimbMatrix::kLanes));
  // All rows but the last have x·y − x·y.
  for (Index i = 0; i < c.rows; ++i) {
    fill(a.block(i, 0), 0);
    for (int s = 0; s < kLimbs; ++s) a.block(i, 0)[s].lane[1] = a.block(i, 0)[s].lane[0];
  }
  fill(a.block(c.rows - 1, 0), 1);
  for (Index j = 0; j < c.cols; ++j) {
    BigFloat negative = b.entry(0, j);
    mpfr_neg(negative.get(), negative.get(), MPFR_RNDN);
    b.set(1, j, negative);
  }
  for (const LimbPath path : paths()) {
    LimbMatrix found;
    CHECK(upper_product(a, b, c.transposed, kernels_for(path), kLimbs, found) > 0);
    check_upper(a, b, c, kLimbs, path);
  }
}

TEST_CASE("sums that cancel are multiplied again in full") {
  Random random = Random::announced("cancelling sums", 16);
  constexpr int kLimbs = 12;
  const Case c{Transposed::kNone, 3, 2, 8, kLimbs, kLimbs};
  // x·y − (x + 1)·y = −y: 12 limbs where terms have 24.
  LimbMatrix a = left_of(random, c);
  LimbMatrix b = right_of(random, c);
  for (Index i = 0; i < c.rows; ++i)
    for (int s = 0; s < kLimbs; ++s) {
      const std::uint64_t digit = s == kLimbs - 1 ? 5 : random.bits() & (LimbMatrix::kLimbMask - 1);
      a.block(i, 0)[s].lane[0] = digit;
      a.block(i, 0)[s].lane[1] = digit + (s == 0 ? 1 : 0);
    }
  for (Index j = 0; j < c.cols; ++j) {
    const BigFloat entry = b.entry(0, j);
    BigFloat negative(entry);
    mpfr_neg(negative.get(), negative.get(), MPFR_RNDN);
    b.set(1, j, negative);
  }
  for (const LimbPath path : paths()) {
    check_upper(a, b, c, kLimbs, path);
    LimbMatrix found;
    CHECK(upper_product(a, b, c.transposed, kernels_for(path), kLimbs, found) == 0);
  }
}

TEST_CASE("padding lanes of products are zero") {
  Random random(13);
  for (const LimbPath path : paths())
    for (const Transposed form : kForms) {
      const Case c{form, 5, 6, 11, 2, 2};
      const LimbMatrix product = multiplied(left_of(random, c), right_of(random, c), form, path);
      for (Index i = 0; i < product.rows(); ++i)
        for (int s = 0; s < product.limbs(); ++s)
          for (int lane = 3; lane < LimbMatrix::kLanes; ++lane)
            CHECK(product.block(i, 1)[s].lane[lane] == 0);
    }
}

TEST_CASE("a basis of residues is large enough, and its primes are prime") {
  for (const LimbPath path : paths()) {
    const auto& kernels = kernels_for(path);
    for (const int bits : {1, 22, 23, 46, 47, 500, 4096, 16500}) {
      const auto basis = ResidueBasis::of(kernels, bits);
      Integer product;
      mpz_set_ui(product.value, 1);
      for (int i = 0; i < basis->count(); ++i) {
        const std::uint64_t prime = basis->primes()[i].prime;
        CHECK(prime < (std::uint64_t{1} << kernels.prime_bits));
        CHECK(prime != (i == 0 ? 0 : basis->primes()[i - 1].prime));
        Integer m;
        mpz_set_ui(m.value, prime);
        CHECK(mpz_probab_prime_p(m.value, 20) != 0);
        mpz_mul_ui(product.value, product.value, prime);
      }
      // |n| ≤ 2^bits must lie within M/8.
      CHECK(mpz_sizeinbase(product.value, 2) >= static_cast<std::size_t>(bits) + 4);
      CHECK(mpz_sizeinbase(product.value, 2) <=
            static_cast<std::size_t>(basis->limbs()) * LimbMatrix::kLimbBits);
    }
  }
}

TEST_CASE("products of matrices that do not fit are refused") {
  CHECK_THROWS_AS(multiplied(LimbMatrix(2, 3, 1, 0), LimbMatrix(2, 3, 1, 0), Transposed::kNone,
                             LimbPath::kBest),
                  Error);
}

TEST_CASE("products of too many bits are refused") {
  LimbMatrix wide(1, 1, 300, 0);
  wide.block(0, 0)[298].lane[0] = 1;
  for (const LimbPath path : paths())
    CHECK_THROWS_AS(multiplied(wide, wide, Transposed::kNone, path), Error);
}
