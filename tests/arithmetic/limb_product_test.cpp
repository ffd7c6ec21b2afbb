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

void check(Random& random, const Case& c, int samples) {
  const LimbMatrix a = left_of(random, c);
  const LimbMatrix b = right_of(random, c);
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
