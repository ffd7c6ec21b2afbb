#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "numgeom/hpo/constraint.hpp"
#include "numgeom/hpo/parameter.hpp"

namespace numgeom {

/// The space that configurations are drawn from: parameters in an order, conditions, constraints.
///
/// Samplers work in its unit cube: one coordinate for each parameter that is not fixed. Coordinates
/// of inactive parameters do not matter, and are 0.5 after `encode`.
struct Space {
  std::vector<Parameter> parameters;
  std::vector<Constraint> constraints;

  /// Throws `Error` for a parameter that is not valid, a name that occurs twice, a condition on
  /// something that is not an earlier parameter or on values that it never takes, and a constraint
  /// on names that are not parameters or on a parameter that may be a name instead of a number.
  void validate() const;

  [[nodiscard]] const Parameter* find(std::string_view name) const;
  /// The parameters that are tuned, in order: the coordinates of the unit cube.
  [[nodiscard]] std::vector<const Parameter*> free() const;
  [[nodiscard]] int dimensions() const { return static_cast<int>(free().size()); }

  /// The active parameters at a point of the unit cube.
  [[nodiscard]] Assignment decode(const Eigen::VectorXd& unit) const;
  /// Throws `Error` where an active parameter has no value or one that it cannot take.
  [[nodiscard]] Eigen::VectorXd encode(const Assignment& assignment) const;
  /// Every constraint holds; one that mentions an inactive parameter does.
  [[nodiscard]] bool feasible(const Assignment& assignment) const;
};

}  // namespace numgeom
