#pragma once

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "numgeom/error.hpp"
#include "numgeom/hpo/network_template.hpp"

namespace numgeom {

/// Reads one table of a TOML file strictly: each key is asked for once with its type, and what was
/// not asked for is an error. Messages are `FILE:LINE: KEY: what was expected`.
class TomlReader {
 public:
  TomlReader(const std::filesystem::path& file, const toml::table& table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  [[nodiscard]] std::optional<std::string> string(const char* key);
  [[nodiscard]] std::optional<std::int64_t> integer(const char* key, std::int64_t low,
                                                    std::int64_t high);
  /// An integer or floating-point number.
  [[nodiscard]] std::optional<double> number(const char* key);
  [[nodiscard]] std::optional<bool> boolean(const char* key);
  [[nodiscard]] std::optional<std::vector<std::string>> strings(const char* key);
  /// A number, integer, truth value or string.
  [[nodiscard]] std::optional<Value> scalar(const char* key);
  /// An array of those, or one as an array of its own.
  [[nodiscard]] std::optional<std::vector<Value>> scalars(const char* key);
  /// Layers: strings, and tables with `repeat` and `layers`.
  [[nodiscard]] std::optional<std::vector<NetworkTemplate::Entry>> layers(const char* key);
  /// All keys, in the order of the file.
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] std::optional<TomlReader> table(const char* key);
  [[nodiscard]] std::optional<std::vector<TomlReader>> tables(const char* key);
  [[nodiscard]] bool is_table(const char* key) const { return table_[key].is_table(); }
  [[nodiscard]] bool is_string(const char* key) const { return table_[key].is_string(); }
  [[nodiscard]] bool contains(const char* key) { return find(key) != nullptr; }

  /// Throws for keys that were never asked for, naming the known ones.
  void finish() const;
  /// Where an error about `key` is: `LINE: TABLE.KEY`.
  [[nodiscard]] std::string place(const std::string& key) const;
  /// Throws an error at the line of `key`.
  [[noreturn]] void fail(const std::string& key, const std::string& message) const;
  /// Runs `check`, and puts file, line and key in front of the message if it throws.
  template <class Check>
  auto at(const std::string& key, const Check& check) const {
    try {
      return check();
    } catch (const Error& error) {
      fail(key, error.what());
    }
  }

 private:
  const toml::node* find(const char* key);
  [[noreturn]] void fail_type(const char* key, const char* expected, const toml::node& found) const;

  std::filesystem::path file_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string> known_;
};

}  // namespace numgeom
