#pragma once

#include "numgeom/hpo/search.hpp"

namespace numgeom {

/// log(φ(z) + z·Φ(z)): the logarithm of the expected improvement of a standard normal over −z.
///
/// Relative error about 1e-14 for every finite z; it does not underflow (−z²/2 − log(z²√(2π)) far
/// to the left). Source: for z < −10 by the asymptotic series of Mills' ratio; Ament et al.,
/// NeurIPS 2023 (LogEI).
[[nodiscard]] double log_improvement(double z);
/// Its derivative, Φ(z)/(φ(z) + z·Φ(z)).
[[nodiscard]] double log_improvement_slope(double z);

/// A normal distribution of the loss at a configuration, and a log-normal one of its uncertainty.
struct Belief {
  double mean = 0;
  double deviation = 1;            ///< > 0
  double log_delta = 0;            ///< mean of log Φ
  double log_delta_deviation = 0;  ///< ≥ 0
};

/// The value of an acquisition function and its derivatives by the members of a belief.
struct AcquisitionValue {
  double value = 0;
  Belief slope;
};

/// log E[max(0, best − L)].
[[nodiscard]] AcquisitionValue log_expected_improvement(const Belief& belief, double best);
/// E[max(0, best − L)].
[[nodiscard]] AcquisitionValue expected_improvement(const Belief& belief, double best);
/// exploration·σ − μ.
[[nodiscard]] AcquisitionValue confidence_bound(const Belief& belief, double exploration);
/// log α_PA,  α_PA(θ) = E[max(0, best − L − penalty·Φ)],  at the median of Φ: closed form.
[[nodiscard]] AcquisitionValue log_precision_aware_at_median(const Belief& belief, double best,
                                                             double penalty);
/// log α_PA, the expectation taken over the log-normal Φ too, by Gauss–Hermite quadrature with 16
/// nodes.
[[nodiscard]] AcquisitionValue log_precision_aware(const Belief& belief, double best,
                                                   double penalty);

}  // namespace numgeom
