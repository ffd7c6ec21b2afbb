#include "numgeom/train/optimizer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

template <class Value, std::size_t n>
using Names = std::array<std::pair<std::string_view, Value>, n>;

constexpr Names<Optimizer, 6> kOptimizers{{{"sgd", Optimizer::kSgd},
                                           {"momentum", Optimizer::kMomentum},
                                           {"nesterov", Optimizer::kNesterov},
                                           {"adam", Optimizer::kAdam},
                                           {"adamw", Optimizer::kAdamW},
                                           {"rmsprop", Optimizer::kRmsprop}}};
constexpr Names<Schedule::Kind, 4> kSchedules{{{"constant", Schedule::Kind::kConstant},
                                               {"step", Schedule::Kind::kStep},
                                               {"cosine", Schedule::Kind::kCosine},
                                               {"linear", Schedule::Kind::kLinear}}};

template <class Value, std::size_t n>
std::string name_in(const Names<Value, n>& names, Value value) {
  for (const auto& [name, known] : names)
    if (known == value) return std::string(name);
  return "?";
}

template <class Value, std::size_t n>
Value value_in(const Names<Value, n>& names, const std::string& text) {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known.push_back(name);
  }
  throw Error(fmt::format("one of {} expected, not '{}'", fmt::join(known, ", "), text));
}

void require(bool holds, const char* name, const char* expected, double value) {
  if (!holds) throw Error(fmt::format("{}: {} expected, not {}", name, expected, value));
}

void require_nonnegative(const char* name, double value) {
  require(std::isfinite(value) && value >= 0, name, "a finite number ≥ 0", value);
}

void require_share(const char* name, double value) {
  require(value >= 0 && value < 1, name, "a number ≥ 0 and < 1", value);
}

}  // namespace

std::string to_string(Optimizer optimizer) { return name_in(kOptimizers, optimizer); }
Optimizer parse_optimizer(const std::string& name) { return value_in(kOptimizers, name); }
std::string to_string(Schedule::Kind kind) { return name_in(kSchedules, kind); }
Schedule::Kind parse_schedule(const std::string& name) { return value_in(kSchedules, name); }

std::vector<double> Schedule::rates(double lr, int steps, int steps_per_epoch) const {
  std::vector<double> result;
  result.reserve(static_cast<std::size_t>(steps));
  for (int step = 0; step < steps; ++step) {
    if (step < warmup) {
      result.push_back(lr * (step + 1) / warmup);
      continue;
    }
    const double share = static_cast<double>(step - warmup) / std::max(1, steps - warmup);
    double now = 1;
    if (kind == Kind::kStep) now = std::pow(factor, step / steps_per_epoch / period);
    if (kind == Kind::kCosine) now = 0.5 * (1 + std::cos(std::numbers::pi * share));
    if (kind == Kind::kLinear) now = 1 - share;
    result.push_back(lr * now);
    if (!std::isfinite(result.back()))
      throw Error(
          fmt::format("schedule: in step {} the rate is beyond the range of doubles", step));
  }
  return result;
}

void Configuration::validate() const {
  require_nonnegative("lr", lr);
  require_nonnegative("weight_decay", weight_decay);
  require_nonnegative("l1", l1);
  require_nonnegative("clip_norm", clip_norm);
  require_share("momentum", momentum);
  require_share("beta1", beta1);
  require_share("beta2", beta2);
  require_share("decay", decay);
  require(std::isfinite(epsilon) && epsilon >= 1e-100, "epsilon", "a finite number ≥ 1e-100",
          epsilon);
}

}  // namespace numgeom
