#include "toml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace numgeom {
namespace {

std::string describe(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

}  // namespace

const toml::node* TomlReader::find(const char* key) {
  known_.insert(key);
  return table_.get(key);
}

void TomlReader::fail(const std::string& key, const std::string& message) const {
  const toml::node* node = key.empty() ? nullptr : table_.get(key);
  const toml::source_region& where = node ? node->source() : table_.source();
  const std::string path = name_.empty() ? key : key.empty() ? name_ : name_ + "." + key;
  throw Error(fmt::format("{}:{}: {}: {}", file_.string(), where.begin.line, path, message));
}

void TomlReader::fail_type(const char* key, const char* expected, const toml::node& found) const {
  fail(key, fmt::format("{} expected, not {}", expected, describe(found)));
}

std::optional<std::string> TomlReader::string(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) fail_type(key, "a string", *node);
  return node->value<std::string>();
}

std::optional<std::int64_t> TomlReader::integer(const char* key, std::int64_t low,
                                                std::int64_t high) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_integer()) fail_type(key, "an integer", *node);
  const std::int64_t value = *node->value<std::int64_t>();
  if (value < low || value > high)
    fail(key, fmt::format("an integer from {} to {} expected, not {}", low, high, value));
  return value;
}

std::optional<double> TomlReader::number(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_number()) fail_type(key, "a number", *node);
  return node->value<double>();
}

std::optional<std::vector<std::string>> TomlReader::strings(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_array()) fail_type(key, "an array of strings", *node);
  std::vector<std::string> result;
  for (const toml::node& entry : *node->as_array()) {
    if (!entry.is_string())
      fail(key, fmt::format("an array of strings expected, entry {} is {}", result.size() + 1,
                            describe(entry)));
    result.push_back(*entry.value<std::string>());
  }
  return result;
}

std::optional<TomlReader> TomlReader::table(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) fail_type(key, "a table", *node);
  return TomlReader(file_, *node->as_table(), name_.empty() ? key : name_ + "." + key);
}

std::optional<std::vector<TomlReader>> TomlReader::tables(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_array()) fail_type(key, "an array of tables", *node);
  std::vector<TomlReader> result;
  for (const toml::node& entry : *node->as_array()) {
    if (!entry.is_table())
      fail(key, fmt::format("an array of tables expected, entry {} is {}", result.size() + 1,
                            describe(entry)));
    result.emplace_back(file_, *entry.as_table(),
                        fmt::format("{}.{}[{}]", name_, key, result.size() + 1));
  }
  return result;
}

void TomlReader::finish() const {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (!known_.contains(name))
      fail(name, fmt::format("unknown key; expected one of {}", fmt::join(known_, ", ")));
  }
}

}  // namespace numgeom
