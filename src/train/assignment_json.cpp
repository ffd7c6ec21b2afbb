#include "assignment_json.hpp"

#include <cmath>
#include <limits>

#include "numgeom/error.hpp"

namespace numgeom {

OrderedJson number_json(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

OrderedJson value_json(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return number_json(*number);
  return std::visit([](const auto& x) { return OrderedJson(x); }, value);
}

Value value_from_json(const OrderedJson& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  throw Error("a number, a truth value or a string expected, not " + json.dump());
}

double number_from_json(const OrderedJson& json) {
  if (json.is_number()) return json.get<double>();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
  throw Error("a number, \"inf\", \"-inf\" or \"nan\" expected, not " + json.dump());
}

OrderedJson assignment_json(const Assignment& assignment) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, value] : assignment) json[name] = value_json(value);
  return json;
}

Assignment assignment_from_json(const OrderedJson& json) {
  Assignment assignment;
  for (const auto& [name, value] : json.items()) assignment.add(name, value_from_json(value));
  return assignment;
}

}  // namespace numgeom
