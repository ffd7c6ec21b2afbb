#include "numgeom/arithmetic/environment.hpp"

#include <mpfr.h>

#include <cmath>
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <limits>

#include "numgeom/arithmetic/strict_math.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kUnitRoundoff = 0x1p-53;

bool rounds_to_nearest() {
  const volatile double one = 1.0;
  const volatile double half_ulp = kUnitRoundoff;
  const volatile double more = 0x1.8p-53;
  return one + half_ulp == 1.0 && one + more > 1.0 && -one - half_ulp == -1.0 && -one - more < -1.0;
}

bool underflows_gradually() {
  const volatile double smallest_normal = std::numeric_limits<double>::min();
  const volatile double subnormal = std::numeric_limits<double>::denorm_min();
  const volatile double half = smallest_normal * 0.5;
  return half > 0 && half + half == smallest_normal &&
         subnormal + smallest_normal > smallest_normal;
}

bool fuses_multiply_add() {
  const volatile double x = 1 + 0x1p-52;
  const volatile double product = x * x;
  return std::fma(x, x, -product) == 0x1p-104;
}

/// The bounds on ball matrices rest on MPFR's default exponents, threads on its thread-local state.
bool mpfr_is_as_usual() {
  constexpr mpfr_exp_t kLeastRange = (mpfr_exp_t{1} << 30) - 1;
  return mpfr_get_emin() <= -kLeastRange && mpfr_get_emax() >= kLeastRange &&
         mpfr_buildopt_tls_p() != 0;
}

}  // namespace

void require_ieee_environment() {
  if (!rounds_to_nearest())
    throw Error("floating-point environment: the rounding mode must be round-to-nearest");
  if (!underflows_gradually())
    throw Error("floating-point environment: flush-to-zero is on, gradual underflow is needed");
  if (!fuses_multiply_add())
    throw Error("floating-point environment: std::fma is not correctly rounded");
  if (!mpfr_is_as_usual())
    throw Error("MPFR: thread safety and at least its default range of exponents are needed");
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kKept = 2000 << 20;
  constexpr int kPadding = 64 << 20;
  // One heap for all threads: those of single threads are small and given back again and again.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_TOP_PAD, kPadding);
#endif
}

}  // namespace numgeom
