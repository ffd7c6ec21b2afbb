#include "numgeom/hpo/space.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kInactive = 0.5;

bool is_active(const Parameter& parameter, const Assignment& before) {
  if (!parameter.condition) return true;
  const Value* value = before.find(parameter.condition->parameter);
  const auto& wanted = parameter.condition->values;
  return value != nullptr && std::find(wanted.begin(), wanted.end(), *value) != wanted.end();
}

void validate_condition(const Space& space, std::size_t index) {
  const Parameter& parameter = space.parameters[index];
  if (!parameter.condition) return;
  const auto end = space.parameters.begin() + static_cast<std::ptrdiff_t>(index);
  const auto other = std::find_if(space.parameters.begin(), end, [&](const Parameter& p) {
    return p.name == parameter.condition->parameter;
  });
  if (other == end)
    throw Error(fmt::format("{}: when: '{}' is not a hyperparameter above it", parameter.name,
                            parameter.condition->parameter));
  if (parameter.condition->values.empty())
    throw Error(fmt::format("{}: when: at least one value expected", parameter.name));
  for (const Value& value : parameter.condition->values)
    if (!other->contains(value))
      throw Error(fmt::format("{}: when: {} never takes the value {}", parameter.name, other->name,
                              to_string(value)));
}

void validate_constraint(const Space& space, const Constraint& constraint) {
  for (const std::string& name : constraint.names()) {
    const Parameter* parameter = space.find(name);
    if (parameter == nullptr)
      throw Error(
          fmt::format("constraint '{}': '{}' is not a hyperparameter", constraint.text(), name));
    for (const Value& choice : parameter->choices)
      if (std::holds_alternative<std::string>(choice))
        throw Error(fmt::format("constraint '{}': {} may be '{}', which is no number",
                                constraint.text(), name, to_string(choice)));
  }
}

}  // namespace

void Space::validate() const {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].validate();
    validate_condition(*this, i);
    if (find(parameters[i].name) != &parameters[i])
      throw Error(fmt::format("{}: this name occurs twice", parameters[i].name));
  }
  for (const Constraint& constraint : constraints) validate_constraint(*this, constraint);
}

const Parameter* Space::find(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

std::vector<const Parameter*> Space::free() const {
  std::vector<const Parameter*> result;
  for (const Parameter& parameter : parameters)
    if (!parameter.is_fixed()) result.push_back(&parameter);
  return result;
}

Assignment Space::decode(const Eigen::VectorXd& unit) const {
  Assignment result;
  Eigen::Index next = 0;
  for (const Parameter& parameter : parameters) {
    const double t = parameter.is_fixed() ? 0 : unit[next++];
    if (is_active(parameter, result)) result.add(parameter.name, parameter.at(t));
  }
  return result;
}

Eigen::VectorXd Space::encode(const Assignment& assignment) const {
  Eigen::VectorXd unit(dimensions());
  Assignment before;
  Eigen::Index next = 0;
  for (const Parameter& parameter : parameters) {
    double t = kInactive;
    if (is_active(parameter, before)) {
      const Value& value = assignment.at(parameter.name);
      t = parameter.position(value);
      before.add(parameter.name, value);
    }
    if (!parameter.is_fixed()) unit[next++] = t;
  }
  return unit;
}

bool Space::feasible(const Assignment& assignment) const {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const Constraint& c) { return c.holds(assignment); });
}

}  // namespace numgeom
