#include "numgeom/shadow/enclosure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "numgeom/arithmetic/ball.hpp"
#include "numgeom/arithmetic/interval.hpp"
#include "numgeom/arithmetic/rounding.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

BigFloat infinite(int sign) {
  BigFloat result;
  mpfr_set_inf(result.get(), sign);
  return result;
}

/// |a − b| as a double rounded in the given direction.
double distance(const BigFloat& a, double b, mpfr_rnd_t direction) {
  BigFloat difference;
  const BigFloat other = BigFloat::exact(b);
  const bool a_is_less = mpfr_less_p(a.get(), other.get()) != 0;
  mpfr_sub(difference.get(), a_is_less ? other.get() : a.get(), a_is_less ? a.get() : other.get(),
           direction);
  return mpfr_get_d(difference.get(), direction);
}

/// Significant decimal digits after which two more tell the bounds apart.
int useful_digits(const Enclosure& x) {
  constexpr int kMost = 4000;
  const double size = std::max(std::abs(x.lower.to_double()), std::abs(x.upper.to_double()));
  BigFloat width;
  mpfr_sub(width.get(), x.upper.get(), x.lower.get(), MPFR_RNDU);
  if (width.is_zero()) return std::clamp(static_cast<int>(x.lower.bits() * 0.302) + 3, 17, kMost);
  const double width_digits = std::log10(2.0) * static_cast<double>(mpfr_get_exp(width.get()));
  const double leading = size > 0 ? std::log10(std::min(size, 1e308)) : width_digits;
  return static_cast<int>(std::clamp(std::ceil(leading - width_digits) + 3, 2.0, double{kMost}));
}

/// Plain decimal notation with `places` digits after the point, rounded outward.
std::string fixed(const BigFloat& x, int places, mpfr_rnd_t direction) {
  char* text = nullptr;
  const char* format = direction == MPFR_RNDD ? "%.*RDf" : "%.*RUf";
  if (mpfr_asprintf(&text, format, places, x.get()) < 0) throw std::bad_alloc();
  std::string result = text;
  mpfr_free_str(text);
  return result;
}

/// Digits after the point so that the last two differ between bounds that are `width` apart.
int decimal_places(const BigFloat& width, int most) {
  if (width.is_zero()) return most;
  const double digits = std::log10(2.0) * static_cast<double>(mpfr_get_exp(width.get()));
  return std::clamp(static_cast<int>(std::ceil(-digits)) + 1, 1, most);
}

}  // namespace

Enclosure::Enclosure() : lower(infinite(-1)), upper(infinite(1)) {}

Enclosure::Enclosure(BigFloat lower_bound, BigFloat upper_bound)
    : lower(std::move(lower_bound)), upper(std::move(upper_bound)) {
  if (mpfr_lessequal_p(lower.get(), upper.get()) == 0)
    throw Error("enclosure: lower bound ≤ upper bound expected");
}

Enclosure::Enclosure(const Interval& x) : Enclosure() {
  if (!x.is_defined() || x.is_empty()) return;
  lower = BigFloat::exact(x.lower());
  upper = BigFloat::exact(x.upper());
}

Enclosure::Enclosure(const Ball& x) : Enclosure() {
  if (!x.is_defined()) return;
  lower = x.lower();
  upper = x.upper();
}

double Enclosure::width() const {
  if (!is_bounded()) return kInfinity;
  BigFloat difference;
  mpfr_sub(difference.get(), upper.get(), lower.get(), MPFR_RNDU);
  return difference.to_double_up();
}

double Enclosure::midpoint() const {
  BigFloat sum(std::max(lower.bits(), upper.bits()));
  mpfr_add(sum.get(), lower.get(), upper.get(), MPFR_RNDN);
  return sum.to_double() / 2;
}

bool Enclosure::contains(const BigFloat& x) const {
  return mpfr_lessequal_p(lower.get(), x.get()) != 0 && mpfr_lessequal_p(x.get(), upper.get()) != 0;
}

bool Enclosure::intersects(const Enclosure& other) const {
  return mpfr_lessequal_p(lower.get(), other.upper.get()) != 0 &&
         mpfr_lessequal_p(other.lower.get(), upper.get()) != 0;
}

std::string Enclosure::lower_string() const {
  if (!is_bounded()) return lower.is_finite() ? lower.to_string(17, MPFR_RNDD) : "-inf";
  return lower.to_string(useful_digits(*this), MPFR_RNDD);
}

std::string Enclosure::upper_string() const {
  if (!is_bounded()) return upper.is_finite() ? upper.to_string(17, MPFR_RNDU) : "inf";
  return upper.to_string(useful_digits(*this), MPFR_RNDU);
}

std::string Enclosure::digits(int places) const {
  if (!is_bounded()) return "[-inf,inf]";
  BigFloat difference;
  mpfr_sub(difference.get(), upper.get(), lower.get(), MPFR_RNDU);
  const int shown = decimal_places(difference, places);
  const std::string low = fixed(lower, shown, MPFR_RNDD);
  const std::string high = fixed(upper, shown, MPFR_RNDU);
  if (low == high) return low;
  if (low.size() != high.size()) return "[" + low + "," + high + "]";
  const auto split = std::mismatch(low.begin(), low.end(), high.begin()).first - low.begin();
  return low.substr(0, split) + "[" + low.substr(split) + "," + high.substr(split) + "]";
}

double CertifiedError::tightness() const {
  if (upper == 0) return 1;
  if (lower == 0 || !std::isfinite(upper)) return kInfinity;
  return rounding::div_up(upper, lower);
}

CertifiedError certified_error(double computed, const Enclosure& exact) {
  if (!std::isfinite(computed)) return {kInfinity, kInfinity};
  CertifiedError error;
  error.upper = exact.is_bounded() ? std::max(distance(exact.lower, computed, MPFR_RNDU),
                                              distance(exact.upper, computed, MPFR_RNDU))
                                   : kInfinity;
  if (mpfr_cmp_d(exact.lower.get(), computed) > 0)
    error.lower = distance(exact.lower, computed, MPFR_RNDD);
  else if (mpfr_cmp_d(exact.upper.get(), computed) < 0)
    error.lower = distance(exact.upper, computed, MPFR_RNDD);
  return error;
}

}  // namespace numgeom
