#include "numgeom/hpo/constraint.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <cmath>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

Error unreadable(const std::string& text, const mu::Parser::exception_type& reason) {
  return Error(fmt::format("constraint '{}': {}", text, reason.GetMsg()));
}

}  // namespace

Constraint::Constraint(std::string text) : text_(std::move(text)) {
  try {
    mu::Parser parser;
    parser.SetExpr(text_);
    for (const auto& [name, address] : parser.GetUsedVar()) names_.push_back(name);
    // GetUsedVar only collects names: the rest of the grammar is checked by evaluating.
    // Constants, as muParser lets variables be assigned to: `lr = 1` is no condition.
    for (const std::string& name : names_) parser.DefineConst(name, 1.0);
    (void)parser.Eval();
  } catch (const mu::Parser::exception_type& reason) {
    throw unreadable(text_, reason);
  }
  if (names_.empty())
    throw Error(fmt::format("constraint '{}': it mentions no hyperparameter", text_));
}

bool Constraint::holds(const Assignment& assignment) const {
  std::vector<double> values;
  for (const std::string& name : names_) {
    const Value* value = assignment.find(name);
    if (value == nullptr) return true;
    values.push_back(to_number(*value));
  }
  try {
    mu::Parser parser;
    for (std::size_t i = 0; i < names_.size(); ++i) parser.DefineConst(names_[i], values[i]);
    parser.SetExpr(text_);
    const double result = parser.Eval();
    return !std::isnan(result) && result != 0;
  } catch (const mu::Parser::exception_type& reason) {
    throw unreadable(text_, reason);
  }
}

}  // namespace numgeom
