#include "numgeom/train/assignment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "numgeom/error.hpp"

namespace numgeom {

std::string to_string(const Value& value) {
  return std::visit([](const auto& x) { return fmt::format("{}", x); }, value);
}

double to_number(const Value& value) {
  return std::visit(
      [](const auto& x) -> double {
        if constexpr (std::is_same_v<std::decay_t<decltype(x)>, std::string>)
          throw Error(fmt::format("a number expected, not '{}'", x));
        else
          return static_cast<double>(x);
      },
      value);
}

const Value* Assignment::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.first == name; });
  return found == entries_.end() ? nullptr : &found->second;
}

const Value& Assignment::at(std::string_view name) const {
  const Value* value = find(name);
  if (value == nullptr) throw Error(fmt::format("{}: no value for this hyperparameter", name));
  return *value;
}

}  // namespace numgeom
