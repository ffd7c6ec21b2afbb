#include "numgeom/arithmetic/constant.hpp"

#include <cmath>
#include <numbers>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// A double with the functions that `Constant::evaluate` looks up.
struct Rounded {
  double value = 0;
  friend Rounded operator+(Rounded a, Rounded b) { return {a.value + b.value}; }
  friend Rounded operator-(Rounded a, Rounded b) { return {a.value - b.value}; }
  friend Rounded operator*(Rounded a, Rounded b) { return {a.value * b.value}; }
  friend Rounded operator/(Rounded a, Rounded b) { return {a.value / b.value}; }
  friend Rounded sqrt(Rounded a) { return {std::sqrt(a.value)}; }
  friend Rounded pow(Rounded a, int exponent) { return {std::pow(a.value, exponent)}; }
};

struct DoubleLeaves {
  Rounded operator()(double x) const { return {x}; }
  [[nodiscard]] Rounded pi() const { return {std::numbers::pi}; }
};

}  // namespace

Constant::Constant(double x)
    : node_(std::make_shared<const Node>(Node{Kind::kDouble, x, 0, {}, {}})) {
  if (!std::isfinite(x))
    throw Error("constant: a finite number expected, not " + std::to_string(x));
}

Constant Constant::pi() {
  return Constant(std::make_shared<const Node>(Node{Kind::kPi, 0, 0, {}, {}}));
}

Constant pow(const Constant& a, int exponent) {
  return Constant(std::make_shared<const Constant::Node>(
      Constant::Node{Constant::Kind::kPower, 0, exponent, a.node_, {}}));
}

double Constant::nearest() const { return evaluate<Rounded>(DoubleLeaves()).value; }

}  // namespace numgeom
