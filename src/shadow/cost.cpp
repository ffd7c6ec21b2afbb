#include "numgeom/shadow/cost.hpp"

#include "numgeom/arithmetic/limb_arithmetic.hpp"

namespace numgeom {
namespace {

/// Nanoseconds.
struct Constants {
  double multiply;  ///< a multiply–add
  double entry;     ///< an entry of a parameter, for its update
  double logit;     ///< a logit, for its exponential and logarithm
  double moved;     ///< an entry of windows, for gathers, activations and pools
};

/// Their sums are fitted to `bench/rungs` at 784-64-10, both ways, 53 to 1036 bits; how a sum is
/// shared among the kinds of work is an estimate.
constexpr Constants kInterval{0.12, 6, 120, 10};

Constants constants_of(const Rung& rung) {
  if (rung.kind == Rung::Kind::kInterval) return kInterval;
  const double limbs = static_cast<double>(rung.bits) / LimbMatrix::kLimbBits;
  // Beyond the limbs' precision every multiply–add is MPFR's.
  if (rung.bits > LimbMidpoints::kMostBits)
    return {40 + 3 * limbs, 200, 2000 * limbs, 200 + 20 * limbs};
  return {0.35 + 0.06 * limbs, 20 + 4 * limbs, 7800 + 1000 * limbs, 15 * limbs};
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
  double moved = 0;  ///< entries of windows of one sample
};

Work work_of(const Problem& problem) {
  Work work;
  const auto inputs = static_cast<int>(problem.data->train.features.cols());
  for (const DenseShape& shape : problem.network.dense_shapes(inputs)) {
    const double weights = static_cast<double>(shape.inputs) * shape.units;
    work.multiplications += weights * shape.windows;
    work.parameters += weights + shape.units;
    if (shape.windows > 1) work.moved += shape.windows * (shape.inputs + 3.0 * shape.units);
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
  const double lipschitz = lipschitz_of(rung, work.moved > 0) * multiplications;
  const double step = multiplications * constants.multiply + work.parameters * constants.entry +
                      batch * (outputs * constants.logit + work.moved * constants.moved) +
                      lipschitz;
  const auto rows = static_cast<double>(problem.data->validation.samples());
  const double evaluation = rows * (work.multiplications * constants.multiply +
                                    outputs * constants.logit + work.moved * constants.moved / 2);
  return kNano * (steps * step + evaluation);
}

}  // namespace numgeom
