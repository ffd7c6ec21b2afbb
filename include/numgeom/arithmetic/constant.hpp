#pragma once

#include <memory>
#include <utility>

namespace numgeom {

/// A real constant, kept as the formula that defines it: doubles, π, + − · /, √ and powers.
///
///     Constant beta(0.999);  Constant correction = 1 - pow(beta, 12);
///
/// Every arithmetic evaluates it with as much precision as it has: exact training means these reals
/// and not their roundings.
class Constant {
 public:
  Constant(double x);  // NOLINT(google-explicit-constructor)
  static Constant pi();

  friend Constant operator+(const Constant& a, const Constant& b) { return {Kind::kSum, a, b}; }
  friend Constant operator-(const Constant& a, const Constant& b) {
    return {Kind::kDifference, a, b};
  }
  friend Constant operator*(const Constant& a, const Constant& b) { return {Kind::kProduct, a, b}; }
  friend Constant operator/(const Constant& a, const Constant& b) {
    return {Kind::kQuotient, a, b};
  }
  friend Constant sqrt(const Constant& a) { return {Kind::kRoot, a, a}; }
  friend Constant pow(const Constant& a, int exponent);

  /// Evaluated in doubles, one rounding an operation: what a framework computes.
  [[nodiscard]] double nearest() const;

  /// Evaluated in T: `leaves(double)` and `leaves.pi()` make the leaves; T has the operators, sqrt
  /// and pow(T, int).
  template <class T, class Leaves>
  [[nodiscard]] T evaluate(const Leaves& leaves) const {
    const auto operand = [&](const std::shared_ptr<const Node>& node) {
      return Constant(node).template evaluate<T>(leaves);
    };
    const Node& n = *node_;
    switch (n.kind) {
      case Kind::kDouble:
        return leaves(n.value);
      case Kind::kPi:
        return leaves.pi();
      case Kind::kSum:
        return operand(n.left) + operand(n.right);
      case Kind::kDifference:
        return operand(n.left) - operand(n.right);
      case Kind::kProduct:
        return operand(n.left) * operand(n.right);
      case Kind::kQuotient:
        return operand(n.left) / operand(n.right);
      case Kind::kRoot:
        return sqrt(operand(n.left));
      case Kind::kPower:
        break;
    }
    return pow(operand(n.left), n.exponent);
  }

 private:
  enum class Kind { kDouble, kPi, kSum, kDifference, kProduct, kQuotient, kRoot, kPower };
  struct Node {
    Kind kind = Kind::kDouble;
    double value = 0;
    int exponent = 0;
    std::shared_ptr<const Node> left;
    std::shared_ptr<const Node> right;
  };

  explicit Constant(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  Constant(Kind kind, const Constant& a, const Constant& b)
      : node_(std::make_shared<const Node>(Node{kind, 0, 0, a.node_, b.node_})) {}

  std::shared_ptr<const Node> node_;
};

}  // namespace numgeom
