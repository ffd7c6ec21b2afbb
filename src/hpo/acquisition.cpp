#include "numgeom/hpo/acquisition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace numgeom {
namespace {

const double kLogRootTwoPi = 0.5 * std::log(2 * std::numbers::pi);
/// Left of here the asymptotic series is exact to the last digits, right of it erfc is.
constexpr double kSeries = -10;

double density(double z) { return std::exp(-0.5 * z * z - kLogRootTwoPi); }
double distribution(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

/// Φ(z)/φ(z) for z < 0.
double mills_ratio(double z) {
  return std::sqrt(std::numbers::pi / 2) * std::erfc(-z / std::numbers::sqrt2) *
         std::exp(0.5 * z * z);
}

/// Σ_{k≥1} (−1)^{k+1}·(2k−1)!!/z^{2k} = 1 + z·Φ(z)/φ(z), until terms no longer matter.
double improvement_series(double z) {
  const double inverse = 1 / (z * z);
  double term = inverse;
  double sum = 0;
  for (int k = 1; std::fabs(term) > 0x1p-60 * std::fabs(sum); ++k) {
    sum += term;
    term *= -(2 * k + 1) * inverse;
  }
  return sum;
}

/// log(1 + z·Φ(z)/φ(z)) for z < 0.
double log_share(double z) {
  if (z < kSeries) return z < -1e150 ? -2 * std::log(-z) : std::log(improvement_series(z));
  return std::log1p(z * mills_ratio(z));
}

struct Node {
  double position;  ///< in standard deviations
  double log_weight;
};

/// Gauss and Hermite's rule for a standard normal, its positive half.
constexpr std::array<Node, 8> kNodes = {{{0.3867606045005574, -1.2497776047982965},
                                         {1.1638291005549648, -1.8430209362213679},
                                         {1.9519803457163336, -3.051567395833779},
                                         {2.760245047630702, -4.924420313983548},
                                         {3.6008736241715487, -7.55023800234077},
                                         {4.492955302520012, -11.08765562744474},
                                         {5.472225705949343, -15.84847071959108},
                                         {6.6308781983931295, -22.621843735297293}}};

template <class Visit>
void for_each_node(const Visit& visit) {
  for (const Node& node : kNodes) {
    visit(node);
    visit(Node{-node.position, node.log_weight});
  }
}

/// best − penalty·exp(log_delta) as far as doubles go.
double lowered(double best, double penalty, double log_delta) {
  return std::max(best - penalty * std::exp(log_delta), std::numeric_limits<double>::lowest());
}

}  // namespace

double log_improvement(double z) {
  if (z > -1) return std::log(density(z) + z * distribution(z));
  return -0.5 * z * z - kLogRootTwoPi + log_share(z);
}

double log_improvement_slope(double z) {
  if (z > -1) return distribution(z) / (density(z) + z * distribution(z));
  if (z < kSeries) {
    const double share = z < -1e150 ? 0 : improvement_series(z);
    return share > 0 ? (1 - share) / (-z * share) : -z;
  }
  const double ratio = mills_ratio(z);
  return ratio / (1 + z * ratio);
}

AcquisitionValue log_expected_improvement(const Belief& belief, double best) {
  const double z = (best - belief.mean) / belief.deviation;
  const double slope = log_improvement_slope(z);
  AcquisitionValue result;
  result.value = std::log(belief.deviation) + log_improvement(z);
  result.slope.mean = -slope / belief.deviation;
  result.slope.deviation = (1 - z * slope) / belief.deviation;
  result.slope.log_delta = 0;
  return result;
}

AcquisitionValue expected_improvement(const Belief& belief, double best) {
  AcquisitionValue result = log_expected_improvement(belief, best);
  result.value = std::exp(result.value);
  result.slope.mean *= result.value;
  result.slope.deviation *= result.value;
  return result;
}

AcquisitionValue confidence_bound(const Belief& belief, double exploration) {
  AcquisitionValue result;
  result.value = exploration * belief.deviation - belief.mean;
  result.slope = {-1, exploration, 0, 0};
  return result;
}

AcquisitionValue log_precision_aware_at_median(const Belief& belief, double best, double penalty) {
  AcquisitionValue result =
      log_expected_improvement(belief, lowered(best, penalty, belief.log_delta));
  result.slope.log_delta = result.slope.mean * penalty * std::exp(belief.log_delta);
  return result;
}

AcquisitionValue log_precision_aware(const Belief& belief, double best, double penalty) {
  if (!(belief.log_delta_deviation > 0) || !(penalty > 0))
    return log_precision_aware_at_median(belief, best, penalty);
  std::array<AcquisitionValue, 2 * kNodes.size()> parts;
  std::size_t count = 0;
  double greatest = -std::numeric_limits<double>::infinity();
  for_each_node([&](const Node& node) {
    Belief at = belief;
    at.log_delta += belief.log_delta_deviation * node.position;
    AcquisitionValue part = log_precision_aware_at_median(at, best, penalty);
    part.value += node.log_weight;
    part.slope.log_delta_deviation = part.slope.log_delta * node.position;
    greatest = std::max(greatest, part.value);
    parts[count++] = part;
  });
  AcquisitionValue result;
  result.slope = {0, 0, 0, 0};
  result.value = greatest;
  if (!std::isfinite(greatest)) return result;  // no double is as small as that logarithm
  double sum = 0;
  for (const AcquisitionValue& part : parts) {
    const double share = std::exp(part.value - greatest);
    if (share == 0) continue;  // its slope may be infinite
    sum += share;
    result.slope.mean += share * part.slope.mean;
    result.slope.deviation += share * part.slope.deviation;
    result.slope.log_delta += share * part.slope.log_delta;
    result.slope.log_delta_deviation += share * part.slope.log_delta_deviation;
  }
  result.value = greatest + std::log(sum);
  result.slope.mean /= sum;
  result.slope.deviation /= sum;
  result.slope.log_delta /= sum;
  result.slope.log_delta_deviation /= sum;
  return result;
}

}  // namespace numgeom
