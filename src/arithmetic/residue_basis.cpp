#include "residue_basis.hpp"

#include <gmp.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// An integer of any size with value semantics enough for constants.
class Integer {
 public:
  explicit Integer(std::uint64_t x = 0) { mpz_init_set_ui(value_, x); }
  Integer(const Integer& other) { mpz_init_set(value_, other.value_); }
  Integer& operator=(const Integer&) = delete;
  ~Integer() { mpz_clear(value_); }
  mpz_ptr get() { return value_; }
  [[nodiscard]] mpz_srcptr get() const { return value_; }

 private:
  mpz_t value_;
};

std::vector<std::uint64_t> greatest_primes(int bits, int count) {
  constexpr int kRounds = 32;
  std::vector<std::uint64_t> primes;
  Integer candidate;
  for (std::uint64_t n = (std::uint64_t{1} << bits) - 1; static_cast<int>(primes.size()) < count;
       n -= 2) {
    mpz_set_ui(candidate.get(), n);
    if (mpz_probab_prime_p(candidate.get(), kRounds) != 0) primes.push_back(n);
  }
  return primes;
}

/// factor·2^bits mod m; bits may be as large as it likes.
std::uint64_t shifted_residue(const Integer& factor, int bits, std::uint64_t m) {
  Integer x(factor);
  mpz_mul_2exp(x.get(), x.get(), bits);
  return mpz_fdiv_ui(x.get(), m);
}

std::uint64_t inverse(const Integer& x, const Integer& m) {
  Integer result;
  if (mpz_invert(result.get(), x.get(), m.get()) == 0)
    throw Error("matrix product: moduli that have no common factor expected");
  return mpz_get_ui(result.get());
}

void export_digits(const Integer& x, int digit_bits, std::uint64_t* digits) {
  constexpr int kWordBits = 64;
  mpz_export(digits, nullptr, -1, sizeof(std::uint64_t), 0, kWordBits - digit_bits, x.get());
}

}  // namespace

ResidueBasis::ResidueBasis(const kernels::Kernels& kernels, int count) {
  const auto moduli = greatest_primes(kernels.prime_bits, count);
  Integer product(1);
  for (const std::uint64_t m : moduli) mpz_mul_ui(product.get(), product.get(), m);
  const int product_bits = static_cast<int>(mpz_sizeinbase(product.get(), 2));
  bits_ = product_bits - 4;
  limbs_ = product_bits / kernels::kLimbBits + 1;

  // Operands have at most as many limbs as M.
  const int digits = limbs_ * kernels::kLimbBits / kernels.digit_bits;
  const std::size_t table = 2 * static_cast<std::size_t>(digits) + limbs_ + 1;
  tables_.resize(table * moduli.size());
  modulus_.resize(digits);
  export_digits(product, kernels.digit_bits, modulus_.data());
  Integer word;
  mpz_setbit(word.get(), kernels.word_bits);
  for (std::size_t i = 0; i < moduli.size(); ++i) {
    const std::uint64_t m = moduli[i];
    const Integer prime(m);
    std::uint64_t* powers = tables_.data() + i * table;
    std::uint64_t* cofactor_digits = powers + digits;
    std::uint64_t* negative = cofactor_digits + digits;
    const Integer one(1);
    for (int t = 0; t < digits; ++t)
      powers[t] = shifted_residue(one, kernels.digit_bits * t + 2 * kernels.word_bits, m);
    for (int s = 0; s <= limbs_; ++s)
      negative[s] = m - shifted_residue(one, kernels::kLimbBits * s + 2 * kernels.word_bits, m);
    Integer cofactor;
    mpz_divexact_ui(cofactor.get(), product.get(), m);
    export_digits(cofactor, kernels.digit_bits, cofactor_digits);
    const Integer factor(inverse(cofactor, prime));
    Integer negative_inverse(inverse(prime, word));
    mpz_sub(negative_inverse.get(), word.get(), negative_inverse.get());
    primes_.push_back({m, mpz_get_ui(negative_inverse.get()), 1 / static_cast<double>(m), powers,
                       negative, shifted_residue(factor, 4 * kernels.word_bits, m),
                       cofactor_digits});
  }
}

std::shared_ptr<const ResidueBasis> ResidueBasis::of(const kernels::Kernels& kernels, int bits) {
  static std::mutex mutex;
  static std::map<std::pair<const kernels::Kernels*, int>, std::shared_ptr<const ResidueBasis>>
      made;
  const std::lock_guard lock(mutex);
  for (int count = (bits + 3) / kernels.prime_bits + 1;; ++count) {
    auto& basis = made[{&kernels, count}];
    if (!basis) basis = std::make_shared<const ResidueBasis>(kernels, count);
    if (basis->bits() >= bits) return basis;
  }
}

}  // namespace numgeom
