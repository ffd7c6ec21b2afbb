#include <algorithm>
#include <cmath>

#include "numgeom/arithmetic/exponential.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;
/// Takes in second-order terms.
constexpr double kMore = 1.01;
/// Takes in the roundings of a bound.
constexpr double kInflation = 1 + 0x1p-40;
constexpr double kTiny = 0x1p-1000;
/// The bounds on sums are proved for so many (proofs/exponential.md).
constexpr std::size_t kMostClasses = 1 << 17;
/// Wider logits go the general way.
constexpr double kWidest = 0x1p-4;

/// One row in doubles: values, and bounds on what rounding makes of them.
struct Row {
  std::vector<double> midpoints;
  std::vector<double> radii;
  double greatest = 0;
  double widest = 0;
  std::vector<double> terms;
  std::vector<double> errors;  ///< relative, of the terms
  double sum = 0;
  double sum_error = 0;  ///< relative

  [[nodiscard]] std::size_t classes() const { return midpoints.size(); }
};

/// False where the fast way does not apply.
bool load(const std::vector<Interval>& logits, Row& row) {
  if (logits.size() > kMostClasses) return false;
  for (const Interval& logit : logits) {
    row.midpoints.push_back(logit.midpoint());
    row.radii.push_back(logit.radius());
    if (!(row.radii.back() <= kWidest) || !std::isfinite(row.midpoints.back())) return false;
  }
  row.greatest = *std::max_element(row.midpoints.begin(), row.midpoints.end());
  row.widest = *std::max_element(row.radii.begin(), row.radii.end());
  const double least = *std::min_element(row.midpoints.begin(), row.midpoints.end());
  return least - row.greatest >= kLeastExponent;
}

void exponentiate(Row& row) {
  row.terms.resize(row.classes());
  row.errors.resize(row.classes());
  double weighted = 0;
  for (std::size_t k = 0; k < row.classes(); ++k) {
    const double d = row.midpoints[k] - row.greatest;
    row.terms[k] = exp_nearly(d);
    row.errors[k] = kExpError - d * 0x1p-52;
  }
  for (std::size_t k = 0; k < row.classes(); ++k) {
    row.sum += row.terms[k];
    weighted += row.terms[k] * row.errors[k];
  }
  row.sum_error =
      (weighted / row.sum + static_cast<double>(row.classes()) * kUnit) * kMore * kInflation;
}

/// log S for every S within the relative error of `sum` ≥ 1, itself below 2^-30. With y ≈ log(sum)
/// and v = sum·e^-y: log(sum) = y + log v, and v − 1 − (v − 1)² ≤ log v ≤ v − 1 near 1.
Interval logarithm(double sum, double error) {
  const double y = std::log(sum);
  const double v = sum * exp_nearly(-y);
  const Interval difference = Interval(v) - Interval(1.0);
  const double near = difference.magnitude();
  const double radius = near * near + (kExpError + error) * kMore + 4 * kUnit;
  if (!(std::abs(y) <= -kLeastExponent) || !(near < 0x1p-20) || !(error < 0x1p-30))
    return Interval(0.0, rounding::kInfinity);
  return Interval(y) + difference + Interval(-radius, radius);
}

Interval around(double midpoint, double radius) {
  return Interval(rounding::sub_down(midpoint, radius), rounding::add_up(midpoint, radius));
}

}  // namespace

SoftmaxRow<Interval> softmax_row(const std::vector<Interval>& logits, int label,
                                 const DoubleMidpoints& midpoints) {
  Row row;
  if (!load(logits, row)) return softmax_row<Interval, DoubleMidpoints>(logits, label, midpoints);
  exponentiate(row);
  const std::size_t classes = row.classes();
  const auto target = static_cast<std::size_t>(label);
  const double count = static_cast<double>(classes);
  const double r2 = 2 * row.widest;
  const double growth = 1 + r2 + r2 * r2;  // ≥ e^{2r}

  SoftmaxRow<Interval> result{Interval(0.0), {}};
  result.residuals.reserve(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    double rest = 0;
    double rest_weighted = 0;
    double spread = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      if (j == k) continue;
      rest += row.terms[j];
      rest_weighted += row.terms[j] * row.errors[j];
      spread += row.terms[j] * row.radii[j];
    }
    const double p = row.terms[k] / row.sum;
    const double q = rest / row.sum;
    const double p_error = p * (row.errors[k] + row.sum_error + 2 * kUnit) * kMore;
    const double q_error =
        (rest_weighted / row.sum + q * (row.sum_error + (count + 2) * kUnit)) * kMore;
    // P and Q from above are at most 1 + 2^-30 times the computed ones here.
    spread = (spread / row.sum + q * row.radii[k]) * (1 + 0x1p-30) * kInflation + kTiny;
    const double moved = growth * growth * p * (1 + 0x1p-30) * spread;
    if (k == target) {
      const Interval loss =
          logarithm(row.sum, row.sum_error) - (Interval(row.midpoints[k]) - Interval(row.greatest));
      const double radius = growth * spread * kInflation;
      result.loss = loss + Interval(-radius, radius);
      result.residuals.push_back(around(-q, (moved + q_error) * kInflation + kTiny));
    } else {
      result.residuals.push_back(around(p, (moved + p_error) * kInflation + kTiny));
    }
  }
  return result;
}

}  // namespace numgeom
