#pragma once

#include <nlohmann/json.hpp>

#include "numgeom/train/assignment.hpp"

namespace numgeom {

using OrderedJson = nlohmann::ordered_json;

/// Doubles read back to the same double; infinities and NaN are the strings "inf", "-inf", "nan".
[[nodiscard]] OrderedJson number_json(double x);
[[nodiscard]] OrderedJson value_json(const Value& value);
/// Integers stay integers, other numbers are real ones. Throws `Error` for other JSON.
[[nodiscard]] Value value_from_json(const OrderedJson& json);
/// A real number, written as a number or as one of the strings above. Throws `Error` otherwise.
[[nodiscard]] double number_from_json(const OrderedJson& json);
/// An object, names in order.
[[nodiscard]] OrderedJson assignment_json(const Assignment& assignment);
[[nodiscard]] Assignment assignment_from_json(const OrderedJson& json);

}  // namespace numgeom
