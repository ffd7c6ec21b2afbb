#include "numgeom/shadow/goal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace numgeom {
namespace {

constexpr int kSpareBits = 8;
/// Wider than this share of its value, an enclosure says nothing about how fast bits are lost.
constexpr double kSaturated = 0x1p-8;

}  // namespace

bool Goal::reached(const Enclosure& enclosure) const { return shortfall(enclosure).empty(); }

std::string Goal::shortfall(const Enclosure& enclosure) const {
  if (!enclosure.is_bounded()) return "the enclosure is unbounded";
  const double reached_width = enclosure.width();
  if (!(reached_width <= width))
    return fmt::format("the enclosure is {:.2g} wide, {:.2g} asked", reached_width, width);
  for (const ComputedValue& one : computed) {
    if (!std::isfinite(one.value)) continue;
    const double reached_tightness = certified_error(one.value, enclosure).tightness();
    if (!(reached_tightness <= tightness))
      return fmt::format("the error of {} is known to a factor of {:.4g}, {:.6g} asked", one.value,
                         reached_tightness, tightness);
  }
  return {};
}

double Goal::expected_width() const {
  double result = width;
  for (const ComputedValue& one : computed)
    if (std::isfinite(one.value) && one.value != 0)
      result = std::min(result, (tightness - 1) * one.unit_roundoff * std::abs(one.value) / 8);
  return result;
}

int Goal::next_bits(int bits, const Enclosure& enclosure) const {
  const double reached_width = enclosure.width();
  if (!(reached_width < kSaturated * std::max(1e-3, std::abs(enclosure.midpoint()))))
    return 2 * bits;
  double needed = width;
  for (const ComputedValue& one : computed) {
    if (!std::isfinite(one.value)) continue;
    const double error = certified_error(one.value, enclosure).lower;
    needed = std::min(needed, error > 0 ? (tightness - 1) * error : reached_width * 0x1p-32);
  }
  const double missing = std::max(0.0, std::log2(reached_width / needed));
  return bits + std::max(64, static_cast<int>(std::ceil(std::min(missing, 1e6))) + kSpareBits);
}

}  // namespace numgeom
