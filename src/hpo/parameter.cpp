#include "numgeom/hpo/parameter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

/// Integers up to here are doubles exactly.
constexpr double kMostInteger = 0x1p53;

double clamped(double t) { return std::isnan(t) ? 0 : std::clamp(t, 0.0, 1.0); }

std::int64_t cell_at(double t, std::int64_t cells) {
  return std::min(static_cast<std::int64_t>(clamped(t) * static_cast<double>(cells)), cells - 1);
}

/// log(k − ½): where the cell of an integer begins on a logarithmic scale.
double cell_start(double k) { return std::log(k - 0.5); }

double step_of(const Parameter& p) {
  return p.kind == Parameter::Kind::kInt && p.step == 0 ? 1 : p.step;
}

/// Whether two numbers of a parameter's range differ by no more than a few roundings.
bool close(const Parameter& p, double x, double y) {
  return std::fabs(x - y) <= 0x1p-50 * std::max(std::fabs(p.low), std::fabs(p.high));
}

/// Rounding may not turn 0.1 + 2·0.1 into one step too few.
std::int64_t steps_between(const Parameter& p) {
  const double step = step_of(p);
  if (p.kind == Parameter::Kind::kInt)
    return (static_cast<std::int64_t>(p.high) - static_cast<std::int64_t>(p.low)) /
           static_cast<std::int64_t>(step);
  const double steps = std::floor((p.high - p.low) / step);
  const bool one_more = close(p, p.low + (steps + 1) * step, p.high);
  return static_cast<std::int64_t>(steps) + (one_more ? 1 : 0);
}

Value number_of(const Parameter& p, double x) {
  if (p.kind == Parameter::Kind::kInt) return static_cast<std::int64_t>(std::llround(x));
  return x;
}

Value stepped(const Parameter& p, std::int64_t k) {
  const double x = p.low + static_cast<double>(k) * step_of(p);
  const bool at_the_end = p.kind == Parameter::Kind::kFloat && close(p, x, p.high);
  return number_of(p, at_the_end ? p.high : std::min(x, p.high));
}

std::int64_t step_at(const Parameter& p, double x) {
  return std::clamp<std::int64_t>(std::llround((x - p.low) / step_of(p)), 0, p.cells() - 1);
}

double real_at(const Parameter& p, double t) {
  if (t <= 0) return p.low;
  if (t >= 1) return p.high;
  const double x = p.logarithmic
                       ? std::exp(std::log(p.low) + t * (std::log(p.high) - std::log(p.low)))
                       : p.low + t * (p.high - p.low);
  return std::clamp(x, p.low, p.high);
}

Value logarithmic_integer_at(const Parameter& p, double t) {
  const double from = cell_start(p.low);
  const double x = std::exp(from + t * (cell_start(p.high + 1) - from));
  return number_of(p, std::clamp(std::round(x), p.low, p.high));
}

/// Where the cell of the integer before `k` ends and that of `k` begins.
double logarithmic_edge(const Parameter& p, double k) {
  const double from = cell_start(p.low);
  return clamped((cell_start(k) - from) / (cell_start(p.high + 1) - from));
}

double position_of_real(const Parameter& p, double x) {
  if (!p.logarithmic) return clamped((x - p.low) / (p.high - p.low));
  return clamped((std::log(x) - std::log(p.low)) / (std::log(p.high) - std::log(p.low)));
}

}  // namespace

Parameter Parameter::real(std::string name, double low, double high, bool logarithmic) {
  Parameter p;
  p.name = std::move(name);
  p.low = low;
  p.high = high;
  p.logarithmic = logarithmic;
  return p;
}

Parameter Parameter::integer(std::string name, std::int64_t low, std::int64_t high,
                             bool logarithmic) {
  Parameter p =
      real(std::move(name), static_cast<double>(low), static_cast<double>(high), logarithmic);
  p.kind = Kind::kInt;
  return p;
}

Parameter Parameter::categorical(std::string name, std::vector<Value> choices) {
  Parameter p;
  p.name = std::move(name);
  p.kind = Kind::kCategorical;
  p.choices = std::move(choices);
  return p;
}

Parameter Parameter::boolean(std::string name) {
  Parameter p;
  p.name = std::move(name);
  p.kind = Kind::kBoolean;
  return p;
}

Parameter Parameter::fixed(std::string name, Value value) {
  return categorical(std::move(name), {std::move(value)});
}

std::int64_t Parameter::cells() const {
  switch (kind) {
    case Kind::kBoolean:
      return 2;
    case Kind::kCategorical:
      return static_cast<std::int64_t>(choices.size());
    case Kind::kInt:
      return steps_between(*this) + 1;
    case Kind::kFloat:
      break;
  }
  if (low == high) return 1;
  return step > 0 ? steps_between(*this) + 1 : 0;
}

Value Parameter::at(double t) const {
  if (kind == Kind::kBoolean) return cell_at(t, 2) == 1;
  if (kind == Kind::kCategorical) return choices[static_cast<std::size_t>(cell_at(t, cells()))];
  if (kind == Kind::kInt && logarithmic) return logarithmic_integer_at(*this, clamped(t));
  return cells() > 0 ? stepped(*this, cell_at(t, cells())) : Value(real_at(*this, clamped(t)));
}

double Parameter::position(const Value& value) const {
  const auto [from, to] = cell(value);
  return from + 0.5 * (to - from);
}

std::pair<double, double> Parameter::cell(const Value& value) const {
  if (!contains(value))
    throw Error(fmt::format("{}: {} is not one of its values", name, to_string(value)));
  const auto of_equal_size = [&](std::int64_t index) -> std::pair<double, double> {
    const auto count = static_cast<double>(cells());
    return {static_cast<double>(index) / count, static_cast<double>(index + 1) / count};
  };
  if (kind == Kind::kBoolean) return of_equal_size(std::get<bool>(value) ? 1 : 0);
  if (kind == Kind::kCategorical)
    return of_equal_size(std::find(choices.begin(), choices.end(), value) - choices.begin());
  const double x = to_number(value);
  if (kind == Kind::kInt && logarithmic)
    return {logarithmic_edge(*this, x), logarithmic_edge(*this, x + 1)};
  if (cells() > 0) return of_equal_size(step_at(*this, x));
  const double t = position_of_real(*this, x);
  return {t, t};
}

bool Parameter::contains(const Value& value) const {
  switch (kind) {
    case Kind::kBoolean:
      return std::holds_alternative<bool>(value);
    case Kind::kCategorical:
      return std::find(choices.begin(), choices.end(), value) != choices.end();
    case Kind::kInt:
      if (!std::holds_alternative<std::int64_t>(value)) return false;
      break;
    case Kind::kFloat:
      if (!std::holds_alternative<double>(value)) return false;
      break;
  }
  const double x = to_number(value);
  if (!(low <= x && x <= high)) return false;
  if (logarithmic || step_of(*this) == 0) return true;
  const double nearest = to_number(stepped(*this, step_at(*this, x)));
  return kind == Kind::kInt ? nearest == x : close(*this, nearest, x);
}

void Parameter::validate() const {
  const auto fail = [this](const std::string& message) {
    throw Error(fmt::format("{}: {}", name, message));
  };
  if (kind == Kind::kBoolean) return;
  if (kind == Kind::kCategorical) {
    if (choices.empty()) fail("at least one choice expected");
    for (auto choice = choices.begin(); choice != choices.end(); ++choice)
      if (std::find(choices.begin(), choice, *choice) != choice)
        fail(fmt::format("the choice {} is named twice", to_string(*choice)));
    return;
  }
  if (!std::isfinite(low)) fail(fmt::format("low must be a finite number, not {}", low));
  if (!std::isfinite(high) || high < low)
    fail(fmt::format("high must be a finite number ≥ low = {}, not {}", low, high));
  if (!std::isfinite(high - low))
    fail(fmt::format("high - low must be a finite number, not {} - {}", high, low));
  if (logarithmic && !(low > 0))
    fail(fmt::format("low must be > 0 on a logarithmic scale, not {}", low));
  if (!std::isfinite(step) || step < 0)
    fail(fmt::format("step must be a finite number > 0, not {}", step));
  if (logarithmic && step > 0) fail("a step goes with a linear scale only");
  if (kind == Kind::kInt) {
    if (std::max({std::fabs(low), std::fabs(high), high - low}) > kMostInteger)
      fail("integers of at most 2^53 expected, and as large a range");
    for (const double x : {low, high, step})
      if (x != std::floor(x)) fail(fmt::format("an integer expected, not {}", x));
  }
  if (step > 0 && (high - low) / step > 0x1p40) fail("at most 2^40 steps expected");
}

}  // namespace numgeom
