#include "exact_text.hpp"

#include <fmt/format.h>
#include <gmp.h>

#include <vector>

namespace numgeom {

std::string exact_text(const BigFloat& x) {
  if (x.is_nan()) return "nan";
  if (!x.is_finite()) return mpfr_sgn(x.get()) > 0 ? "inf" : "-inf";
  if (x.is_zero()) return "0x0p0";
  mpz_t integer;
  mpz_init(integer);
  mpfr_exp_t exponent = mpfr_get_z_2exp(integer, x.get());
  const mp_bitcnt_t even = mpz_scan1(integer, 0);
  mpz_tdiv_q_2exp(integer, integer, even);
  exponent += static_cast<mpfr_exp_t>(even);
  std::vector<char> digits(mpz_sizeinbase(integer, 16) + 2);
  const bool negative = mpz_sgn(integer) < 0;
  mpz_abs(integer, integer);
  mpz_get_str(digits.data(), 16, integer);
  mpz_clear(integer);
  return fmt::format("{}0x{}p{}", negative ? "-" : "", digits.data(), exponent);
}

std::string exact_text(double x) { return exact_text(BigFloat::exact(x)); }

std::string exact_text(const Magnitude& x) {
  const BigFloat mantissa = BigFloat::exact(x.mantissa());
  if (x.is_zero() || !x.is_finite()) return exact_text(mantissa);
  BigFloat shifted = mantissa;
  mpfr_mul_2si(shifted.get(), shifted.get(), static_cast<long>(x.exponent()), MPFR_RNDN);
  return exact_text(shifted);
}

}  // namespace numgeom
