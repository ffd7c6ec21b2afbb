#pragma once

#include <algorithm>
#include <vector>

#include "numgeom/arithmetic/magnitude.hpp"

namespace numgeom {

/// Cross-entropy of one sample and its derivative with respect to the logits.
template <class Enclosure>
struct SoftmaxRow {
  Enclosure loss;                    ///< log Σ_k exp(o_k) − o_label
  std::vector<Enclosure> residuals;  ///< softmax(o) − onehot(label)
};

/// Softmax cross-entropy of one row, enclosed in mean-value form.
///
/// With m the midpoints and r the radii of the logits, P_k = softmax(m)_k and Q_k = 1 − P_k (summed
/// from the other terms, without cancellation):
///
///     |p_k(o) − P_k|    ≤ F·P_k·(Q_k r_k + Σ_{j≠k} P_j r_j)
///     |loss(o) − loss(m)| ≤ e^{2r}·(Q_y r_y + Σ_{j≠y} P_j r_j),     F = e^{4r}, r = max_k r_k
///
/// since ∂p_k/∂o_j = p_k(δ_kj − p_j), and on the box p_j ≤ P_j e^{2r} and 1 − p_j ≤ Q_j e^{2r}.
/// Where that is no better than ½, p_k is enclosed by [0, 1]. The logarithm is taken at m − c with
/// the exact constant c, the greatest midpoint. Inclusion: for every o in the logits. Precision:
/// that of the logits. `context` builds enclosures: point, widened, magnitude. Source:
/// proofs/inclusion.md.
template <class Enclosure, class Context>
SoftmaxRow<Enclosure> softmax_row(const std::vector<Enclosure>& logits, int label,
                                  const Context& context) {
  const std::size_t classes = logits.size();
  const auto target = static_cast<std::size_t>(label);
  std::vector<Enclosure> points;
  std::vector<Magnitude> radii;
  Magnitude widest;
  for (const Enclosure& logit : logits) {
    points.push_back(context.midpoint_of(logit));
    radii.push_back(context.radius_of(logit));
    widest = std::max(widest, radii.back(), [](auto& a, auto& b) { return a < b; });
  }
  Enclosure greatest = points[0];
  for (const Enclosure& point : points)
    if (certainly_less(greatest, point)) greatest = point;

  std::vector<Enclosure> terms;
  Enclosure sum(0.0);
  for (const Enclosure& point : points) {
    terms.push_back(exp(point - greatest));
    sum += terms.back();
  }
  std::vector<Enclosure> p;
  std::vector<Magnitude> size;
  for (const Enclosure& term : terms) {
    p.push_back(term / sum);
    size.push_back(context.magnitude_of(p.back()));
  }
  const Magnitude growth = context.exp_up(widest + widest);

  SoftmaxRow<Enclosure> row{log(sum) - (points[target] - greatest), {}};
  for (std::size_t k = 0; k < classes; ++k) {
    Enclosure rest(0.0);
    Magnitude spread;
    for (std::size_t j = 0; j < classes; ++j) {
      if (j == k) continue;
      rest += terms[j];
      spread += size[j] * radii[j];
    }
    const Enclosure complement = rest / sum;
    spread += context.magnitude_of(complement) * radii[k];
    if (k == target) row.loss = context.widened(row.loss, growth * spread);

    const Magnitude radius = growth * growth * size[k] * spread;
    const bool useful = radius < Magnitude(0.5);
    const Enclosure unit_interval = context.widened(Enclosure(0.5), Magnitude(0.5));
    if (k == target)
      row.residuals.push_back(useful ? context.widened(-complement, radius) : -unit_interval);
    else
      row.residuals.push_back(useful ? context.widened(p[k], radius) : unit_interval);
  }
  return row;
}

}  // namespace numgeom
