#pragma once

#include <gmpxx.h>

#include <stdexcept>
#include <string>

namespace verify {

/// Why a certificate is not accepted: the place in it and what was expected there.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What this program has no code for. It is not passed: nothing was decided.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw Refusal(what);
}

/// Exact.
using Rational = mpq_class;

/// x·2^exponent.
inline Rational shifted(Rational x, long exponent) {
  if (exponent >= 0)
    mpq_mul_2exp(x.get_mpq_t(), x.get_mpq_t(), static_cast<mp_bitcnt_t>(exponent));
  else
    mpq_div_2exp(x.get_mpq_t(), x.get_mpq_t(), static_cast<mp_bitcnt_t>(-exponent));
  return x;
}

/// From `-0x1a2bp-7`: sign, hexadecimal integer, exponent of two, neither with more digits than any
/// certificate needs.
inline Rational parse_number(const std::string& text) {
  const std::size_t x = text.find("0x");
  const std::size_t p = text.find('p');
  const bool fits = p != std::string::npos && p < 20000 && text.size() - p < 8 && x < 2 &&
                    text.substr(0, x) == std::string(x, '-') && p > x + 2 &&
                    text.find_first_not_of("0123456789abcdef", x + 2) == p;
  const std::string exponent = fits ? text.substr(p + 1) : "";
  const std::size_t sign = exponent.starts_with('-') ? 1 : 0;
  require(fits && exponent.size() > sign &&
              exponent.find_first_not_of("0123456789", sign) == std::string::npos,
          "a number as -0x1a2bp-7 expected, not '" + text.substr(0, 40) + "'");
  return shifted(mpz_class(text.substr(0, p), 0), std::stol(exponent));
}

}  // namespace verify
