#pragma once

#include <string>
#include <vector>

#include "numgeom/train/assignment.hpp"

namespace numgeom {

/// A condition between hyperparameters, such as `width2 <= width1` or `lr * batch < 10`.
///
/// An arithmetic expression that is neither zero nor NaN where the constraint holds, in the syntax
/// of muParser:
/// + - * / ^, comparisons, && and ||, functions such as log and sqrt. Names are hyperparameters;
/// truth values count as 0 and 1.
class Constraint {
 public:
  /// Throws `Error` that quotes the text where it is no expression.
  explicit Constraint(std::string text);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// The hyperparameters that it mentions.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// True where a hyperparameter that it mentions is not active. Throws `Error` where one is a
  /// name instead of a number.
  [[nodiscard]] bool holds(const Assignment& assignment) const;

 private:
  std::string text_;
  std::vector<std::string> names_;
};

}  // namespace numgeom
