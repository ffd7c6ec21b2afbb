#include "numgeom/shadow/cost.hpp"

#include "numgeom/arithmetic/limb_matrix.hpp"

namespace numgeom {
namespace {

/// Nanoseconds.
struct Constants {
  double multiply;  ///< a multiply–add
  double entry;     ///< an entry of a parameter, for its update
  double logit;     ///< a logit, for its exponential and logarithm
};

/// Fitted to `bench/rungs` (stepwise and direct at 53 to 2048 bits, hidden layers of 16 to 256).
constexpr Constants kInterval{0.12, 6, 120};
constexpr double kLipschitz = 0.12;  ///< a multiply–add of the step, for Λ

Constants constants_of(const Rung& rung) {
  if (rung.kind == Rung::Kind::kInterval) return kInterval;
  const double limbs = static_cast<double>(rung.bits) / LimbMatrix::kLimbBits;
  // Beyond the limbs' precision every multiply–add is MPFR's.
  if (rung.bits > 8192) return {40 + 3 * limbs, 200, 2000 * limbs};
  return {0.08 + 0.05 * limbs + 0.0004 * limbs * limbs, 20 + 6 * limbs,
          2500 + 500 * limbs + 12 * limbs * limbs};
}

struct Work {
  double multiplications = 0;  ///< of one sample, forward
  double parameters = 0;
};

Work work_of(const Problem& problem) {
  Work work;
  const auto inputs = static_cast<int>(problem.data.train.features.cols());
  for (const DenseShape& shape : problem.network.dense_shapes(inputs)) {
    const double weights = static_cast<double>(shape.inputs) * shape.units;
    work.multiplications += weights;
    work.parameters += weights + shape.units;
  }
  return work;
}

}  // namespace

double expected_seconds(const Problem& problem, int steps, const Rung& rung) {
  constexpr double kNano = 1e-9;
  const Constants constants = constants_of(rung);
  const Work work = work_of(problem);
  const double batch = problem.training.batch;
  const double outputs = problem.network.outputs();
  // Backpropagation takes as many multiplications again, and those of hidden layers once more.
  const double multiplications = 2 * batch * work.multiplications;
  const double lipschitz = rung.way == Rung::Way::kStepwise ? kLipschitz * multiplications : 0;
  const double step = multiplications * constants.multiply + work.parameters * constants.entry +
                      batch * outputs * constants.logit + lipschitz;
  const auto rows = static_cast<double>(problem.data.validation.samples());
  const double evaluation =
      rows * (work.multiplications * constants.multiply + outputs * constants.logit);
  return kNano * (steps * step + evaluation);
}

}  // namespace numgeom
