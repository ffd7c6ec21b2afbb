#pragma once

#include <mpfr.h>

#include <string>

namespace numgeom {

/// A binary floating-point number with its own precision: MPFR with value semantics.
///
/// The precision is fixed at construction and travels with the object; MPFR's default precision is
/// neither read nor written. Arithmetic is done with MPFR's functions on `get()`, so that every
/// rounding direction is visible where it is chosen.
class BigFloat {
 public:
  static constexpr int kMinBits = 2;

  /// Zero with `bits` bits of precision.
  explicit BigFloat(int bits = 53) {
    mpfr_init2(value_, bits);
    mpfr_set_zero(value_, 1);
  }
  /// Exactly `x`, with as many bits as it takes but at least `bits`.
  static BigFloat exact(double x, int bits = 53) {
    BigFloat result(bits < 53 ? 53 : bits);
    mpfr_set_d(result.value_, x, MPFR_RNDN);
    return result;
  }
  BigFloat(const BigFloat& other) {
    mpfr_init2(value_, mpfr_get_prec(other.value_));
    mpfr_set(value_, other.value_, MPFR_RNDN);
  }
  BigFloat(BigFloat&& other) noexcept {
    mpfr_init2(value_, kMinBits);
    mpfr_swap(value_, other.value_);
  }
  /// Takes over the other's precision as well as its value.
  BigFloat& operator=(const BigFloat& other) {
    if (this != &other) {
      mpfr_set_prec(value_, mpfr_get_prec(other.value_));
      mpfr_set(value_, other.value_, MPFR_RNDN);
    }
    return *this;
  }
  BigFloat& operator=(BigFloat&& other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~BigFloat() { mpfr_clear(value_); }

  [[nodiscard]] mpfr_ptr get() { return value_; }
  [[nodiscard]] mpfr_srcptr get() const { return value_; }
  [[nodiscard]] int bits() const { return static_cast<int>(mpfr_get_prec(value_)); }

  [[nodiscard]] bool is_zero() const { return mpfr_zero_p(value_) != 0; }
  [[nodiscard]] bool is_finite() const { return mpfr_number_p(value_) != 0; }
  [[nodiscard]] bool is_nan() const { return mpfr_nan_p(value_) != 0; }

  /// The greatest double ≤ this, the least double ≥ this, a nearest double.
  [[nodiscard]] double to_double_down() const { return mpfr_get_d(value_, MPFR_RNDD); }
  [[nodiscard]] double to_double_up() const { return mpfr_get_d(value_, MPFR_RNDU); }
  [[nodiscard]] double to_double() const { return mpfr_get_d(value_, MPFR_RNDN); }

  /// Decimal string with `digits` significant digits, rounded in the given direction.
  [[nodiscard]] std::string to_string(int digits, mpfr_rnd_t direction) const;

 private:
  mpfr_t value_;
};

}  // namespace numgeom
