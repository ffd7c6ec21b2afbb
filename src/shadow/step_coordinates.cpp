#include "numgeom/shadow/step_coordinates.hpp"

#include <algorithm>
#include <cmath>

#include "numgeom/arithmetic/interval.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Steps that a choice of coordinates looks back on.
constexpr std::size_t kMemory = 32;
constexpr int kPlaces = 20;
constexpr double kRatio = 1.15;
constexpr int kMostPower = 60;

double sqr(double x) { return x * x; }

/// 2×2.
template <class T>
struct Square {
  T a, b, c, d;  ///< [a, b; c, d]
};

/// ‖X‖₂ = ½(√((a+d)² + (b−c)²) + √((a−d)² + (b+c)²)).
template <class T>
T spectral_norm(const Square<T>& x) {
  using std::sqrt;
  const T same = sqrt(sqr(x.a + x.d) + sqr(x.b - x.c));
  const T opposite = sqrt(sqr(x.a - x.d) + sqr(x.b + x.c));
  return (same + opposite) / T(2.0);
}

/// M(h).
template <class T>
T norm_along(const StepMap& map, const StepCoordinates& coordinates, const T& h) {
  using std::abs;
  const T eta = map.rate;
  if (map.kind == StepMap::Kind::kPlain) return abs(T(1.0) - eta * h);
  const bool nesterov = map.kind == StepMap::Kind::kNesterov;
  const T mu = map.momentum;
  const T kappa = coordinates.kappa;
  const T s = coordinates.scale;
  const T a = nesterov ? sqr(mu) : mu;
  const T b = nesterov ? T(1.0) + mu : T(1.0);
  const T kept = T(1.0) - (eta * b + kappa) * h;
  return spectral_norm<T>({kept, (kappa * kept - eta * a - kappa * mu) / s, s * h, kappa * h + mu});
}

/// From a double that may have overflowed; NaN is ∞.
Magnitude upper(const Interval& x) { return Magnitude(x.upper()); }

}  // namespace

bool StepMap::is_known(Optimizer optimizer) {
  return optimizer == Optimizer::kSgd || optimizer == Optimizer::kMomentum ||
         optimizer == Optimizer::kNesterov;
}

StepMap StepMap::of(Optimizer optimizer, const Configuration& configuration, double rate) {
  switch (optimizer) {
    case Optimizer::kSgd:
      return {Kind::kPlain, rate, 0};
    case Optimizer::kMomentum:
    case Optimizer::kNesterov:
      // Without momentum the velocity is forgotten in every step.
      if (configuration.momentum == 0) return {Kind::kPlain, rate, 0};
      return {optimizer == Optimizer::kMomentum ? Kind::kMomentum : Kind::kNesterov, rate,
              configuration.momentum};
    default:
      throw Error("no step map is known of " + to_string(optimizer));
  }
}

Magnitude step_lipschitz(const StepMap& map, const StepCoordinates& coordinates,
                         const HessianRange& range) {
  const bool bounded =
      std::isfinite(map.rate) && std::isfinite(range.lower) && std::isfinite(range.upper);
  if (!bounded) return Magnitude::infinity();
  const Magnitude low = upper(norm_along(map, coordinates, Interval(range.lower)));
  const Magnitude high = upper(norm_along(map, coordinates, Interval(range.upper)));
  return low < high ? high : low;
}

Magnitude change_norm(const StepCoordinates& from, const StepCoordinates& to) {
  if (from.kappa == to.kappa && from.scale == to.scale) return Magnitude(1);
  const Interval s = from.scale;
  return upper(spectral_norm<Interval>(
      {1.0, (Interval(from.kappa) - Interval(to.kappa)) / s, 0.0, Interval(to.scale) / s}));
}

Magnitude reach_of_weights(const StepCoordinates& coordinates) {
  if (coordinates.kappa == 0) return Magnitude(1);
  return upper(sqrt(Interval(1.0) + sqr(Interval(coordinates.kappa) / coordinates.scale)));
}

Magnitude norm_in(const StepCoordinates& coordinates, const Magnitude& weights,
                  const Magnitude& velocity) {
  const Magnitude q = Magnitude(coordinates.scale) * velocity;
  if (q.is_zero() && coordinates.kappa == 0) return weights;
  const Magnitude u = weights + Magnitude(coordinates.kappa) * velocity;
  return sqrt_up(u * u + q * q);
}

// ---- The choice of coordinates ----------------------------------------------------------------

StepCoordinates CoordinateChoice::of(const Cell& cell) const {
  const double a =
      map_.kind == StepMap::Kind::kNesterov ? map_.momentum * map_.momentum : map_.momentum;
  return {a / (1 - map_.momentum) * cell.place / kPlaces, std::pow(kRatio, cell.power)};
}

StepCoordinates CoordinateChoice::at(const StepMap& map) const {
  constexpr double kLeast = 1e-150;
  constexpr double kMost = 1e150;
  if (map.kind == StepMap::Kind::kPlain) return {};
  // A norm in the coordinates of rate 1 is that in those of η times as much, for 1/η the slope.
  const double rate = std::clamp(map.rate, kLeast, kMost);
  const StepCoordinates unit = of(cell_);
  return {std::min(rate * unit.kappa, kMost), rate * unit.scale};
}

double CoordinateChoice::bits(const Cell& cell) const {
  StepMap unit = map_;
  unit.rate = 1;
  const StepCoordinates coordinates = of(cell);
  double sum = 0;
  for (const HessianRange& range : seen_)
    sum += std::log2(std::max(norm_along(unit, coordinates, range.lower),
                              norm_along(unit, coordinates, range.upper)));
  return sum;
}

bool CoordinateChoice::move() {
  const double here = bits(cell_);
  Cell best = cell_;
  double gain = 0;
  for (int place = std::max(cell_.place - 1, 0); place <= std::min(cell_.place + 1, kPlaces);
       ++place)
    for (int power = std::max(cell_.power - 1, -kMostPower);
         power <= std::min(cell_.power + 1, kMostPower); ++power) {
      const Cell cell{place, power};
      const double found = here - bits(cell) - change_norm(of(cell_), of(cell)).log2();
      if (!(found > gain)) continue;
      gain = found;
      best = cell;
    }
  cell_ = best;
  return gain > 0;
}

void CoordinateChoice::see(const StepMap& map, const HessianRange& range) {
  constexpr int kMostMoves = 100;
  constexpr int kMovesOfStep = 3;
  if (map.kind == StepMap::Kind::kPlain) return;
  const HessianRange scaled{map.rate * range.lower, map.rate * range.upper};
  const bool first = seen_.empty();
  // The first range stands for those of the steps to come.
  if (first) seen_.assign(kMemory, scaled);
  seen_.pop_front();
  seen_.push_back(scaled);
  for (int moves = first ? kMostMoves : kMovesOfStep; moves > 0 && move(); --moves) {
  }
}

// ---- The tube ---------------------------------------------------------------------------------

bool Tube::is_enough(const StepMap& map, const HessianRange& range) const {
  const StepCoordinates coordinates = choice_.at(map);
  return norm_along(map, coordinates, range.upper) <= norm_along(map, coordinates, range.lower);
}

Magnitude Tube::advance(const StepMap& map, const HessianRange& range) {
  choice_.see(map, range);
  const StepCoordinates next = choice_.at(map);
  const Magnitude factor = step_lipschitz(map, next, range) * change_norm(coordinates_, next);
  coordinates_ = next;
  rho_ *= factor;
  return factor;
}

Magnitude Tube::widen(const Magnitude& weights, const Magnitude& velocity) {
  const Magnitude defect = norm_in(coordinates_, weights, velocity);
  rho_ += defect;
  return defect;
}

}  // namespace numgeom
