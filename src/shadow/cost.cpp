#include "numgeom/shadow/cost.hpp"

#include "numgeom/arithmetic/limb_arithmetic.hpp"

namespace numgeom {
namespace {

/// Nanoseconds.
struct Constants {
  double multiply;  ///< a multiply–add
  double entry;     ///< an entry of a parameter, for its update
  double logit;     ///< a logit, for its exponential and logarithm
};

/// Their sums are fitted to `bench/rungs` at 784-64-10, both ways, 53 to 1036 bits; how a sum is
/// shared among the kinds of work is an estimate.
constexpr Constants kInterval{0.12, 6, 120};

Constants constants_of(const Rung& rung) {
  if (rung.kind == Rung::Kind::kInterval) return kInterval;
  const double limbs = static_cast<double>(rung.bits) / LimbMatrix::kLimbBits;
  // Beyond the limbs' precision every multiply–add is MPFR's.
  if (rung.bits > LimbMidpoints::kMostBits) return {40 + 3 * limbs, 200, 2000 * limbs};
  return {0.35 + 0.06 * limbs, 20 + 4 * limbs, 7800 + 1000 * limbs};
}

/// A multiply–add of the step, for Λ.
double lipschitz_of(const Rung& rung, bool has_windows) {
  if (rung.way == Rung::Way::kDirect) return 0;
  if (has_windows) return 8;
  return rung.kind == Rung::Kind::kInterval ? 0.12 : 0.5;
}

struct Work {
  double multiplications = 0;  ///< of one sample, forward
  double parameters = 0;
  bool has_windows = false;
};

Work work_of(const Problem& problem) {
  Work work;
  const auto inputs = static_cast<int>(problem.data->train.features.cols());
  for (const DenseShape& shape : problem.network.dense_shapes(inputs)) {
    const double weights = static_cast<double>(shape.inputs) * shape.units;
    work.multiplications += weights * shape.windows;
    work.parameters += weights + shape.units;
    work.has_windows = work.has_windows || shape.windows > 1;
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
  const double lipschitz = lipschitz_of(rung, work.has_windows) * multiplications;
  const double step = multiplications * constants.multiply + work.parameters * constants.entry +
                      batch * outputs * constants.logit + lipschitz;
  const auto rows = static_cast<double>(problem.data->validation.samples());
  const double evaluation =
      rows * (work.multiplications * constants.multiply + outputs * constants.logit);
  return kNano * (steps * step + evaluation);
}

}  // namespace numgeom
