#include "numgeom/shadow/certify_algorithm.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "numgeom/arithmetic/environment.hpp"

namespace numgeom {
namespace {

/// Keeps the narrower of the two; both are proved.
void keep_best(CertifiedValue& value, const Enclosure& found, const Rung& rung) {
  if (!(found.width() < value.exact.width())) return;
  value.exact = found;
  value.rung = rung;
}

}  // namespace

CertifiedValue certify_values(float native_float, double native_double,
                              const std::function<Enclosure(const Rung&)>& enclose,
                              const CertifyOptions& options) {
  options.validate();
  require_ieee_environment();
  CertifiedValue value;
  value.native_float = native_float;
  value.native_double = native_double;
  const Goal goal{options.width,
                  options.tightness,
                  {{native_float, unit_roundoff(Precision::kFp32)},
                   {native_double, unit_roundoff(Precision::kFp64)}}};
  Rung rung;
  for (;;) {
    const Enclosure found = enclose(rung);
    keep_best(value, found, rung);
    const std::string missing = goal.shortfall(value.exact);
    if (missing.empty()) {
      value.status = CertificationStatus::kCertified;
      value.reason.clear();
      break;
    }
    value.reason = fmt::format("{} at {} bits", missing, rung.bits);
    if (rung.bits >= options.max_bits) break;
    rung = Rung::for_bits(std::min(goal.next_bits(rung.bits, found), options.max_bits));
    rung.bits = std::min(rung.bits, options.max_bits);
  }
  value.float_error = certified_error(native_float, value.exact);
  value.double_error = certified_error(native_double, value.exact);
  return value;
}

}  // namespace numgeom
