#include "numgeom/shadow/stepwise.hpp"

namespace numgeom::detail {

Magnitude loss_deviation(const BoundMatrix& residual_norms, const BoundMatrix& deviations) {
  const Magnitude root_two = sqrt_up(Magnitude(2));
  Magnitude sum;
  for (Eigen::Index i = 0; i < deviations.rows(); ++i) {
    const Magnitude e = deviations(i, 0);
    const Magnitude first_order = residual_norms(i, 0) * e + Magnitude(0.25) * e * e;
    const Magnitude lipschitz = root_two * e;
    sum += first_order < lipschitz ? first_order : lipschitz;
  }
  return divide_up(sum, Magnitude(static_cast<double>(deviations.rows())));
}

}  // namespace numgeom::detail
