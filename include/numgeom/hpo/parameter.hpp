#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "numgeom/train/assignment.hpp"

namespace numgeom {

/// A hyperparameter is active only while another one has one of these values.
struct Condition {
  std::string parameter;
  std::vector<Value> values;
};

/// One hyperparameter and the values that it may take.
///
/// Samplers see it as a position t ∈ [0, 1]. Real numbers fill it evenly on their scale; integers,
/// stepped numbers, choices and truth values divide it into cells of equal size, integers on a
/// logarithmic scale into cells from log(k − ½) to log(k + ½).
struct Parameter {
  enum class Kind { kFloat, kInt, kCategorical, kBoolean };

  std::string name;
  Kind kind = Kind::kFloat;
  double low = 0;              ///< float, int
  double high = 0;             ///< float, int: included
  double step = 0;             ///< float: 0 for every value; int: 0 is 1
  bool logarithmic = false;    ///< float, int
  std::vector<Value> choices;  ///< categorical
  std::optional<Condition> condition;

  static Parameter real(std::string name, double low, double high, bool logarithmic = false);
  static Parameter integer(std::string name, std::int64_t low, std::int64_t high,
                           bool logarithmic = false);
  static Parameter categorical(std::string name, std::vector<Value> choices);
  static Parameter boolean(std::string name);
  /// One value, not tuned.
  static Parameter fixed(std::string name, Value value);

  [[nodiscard]] bool is_fixed() const { return kind != Kind::kBoolean && cells() == 1; }
  /// Has no order: categorical or boolean.
  [[nodiscard]] bool is_nominal() const {
    return kind == Kind::kCategorical || kind == Kind::kBoolean;
  }
  /// How many values there are; 0 for a real number without a step.
  [[nodiscard]] std::int64_t cells() const;
  /// The value at position t; t outside [0, 1] is moved to its end. The ends of a range are met
  /// exactly.
  [[nodiscard]] Value at(double t) const;
  /// The position of a value: the middle of its cell where there are cells.
  [[nodiscard]] double position(const Value& value) const;
  /// The positions that have this value, from the first to the last: its cell. For a real number
  /// without a step both are its position.
  [[nodiscard]] std::pair<double, double> cell(const Value& value) const;
  /// Numbers within a few roundings of a step count as that step: 0.3 is in 0, 0.1, ..., 1.
  [[nodiscard]] bool contains(const Value& value) const;
  /// Throws `Error` that names the parameter, the constraint and the value that breaks it.
  void validate() const;
};

}  // namespace numgeom
