#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace numgeom {

/// What a hyperparameter may hold: a real number, an integer, a truth value, one of several names.
using Value = std::variant<double, std::int64_t, bool, std::string>;

/// For people: numbers by the shortest decimal that reads back, truth values as true and false.
[[nodiscard]] std::string to_string(const Value& value);
/// The number that an arithmetic formula sees: truth values are 0 and 1. Throws `Error` for a name.
[[nodiscard]] double to_number(const Value& value);

/// θ by name: the active hyperparameters of a trial, in the order of their space.
class Assignment {
 public:
  using Entry = std::pair<std::string, Value>;

  Assignment() = default;
  Assignment(std::initializer_list<Entry> entries) : entries_(entries) {}

  void add(std::string name, Value value) {
    entries_.emplace_back(std::move(name), std::move(value));
  }
  /// Null where the hyperparameter is not active.
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// Throws `Error` naming the hyperparameter where it is not active.
  [[nodiscard]] const Value& at(std::string_view name) const;

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  friend bool operator==(const Assignment&, const Assignment&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace numgeom
