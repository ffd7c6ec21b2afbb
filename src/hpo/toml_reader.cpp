#include "toml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

std::optional<Value> value_of(const toml::node& node) {
  if (node.is_boolean()) return *node.value<bool>();
  if (node.is_integer()) return *node.value<std::int64_t>();
  if (node.is_floating_point()) return *node.value<double>();
  if (node.is_string()) return *node.value<std::string>();
  return std::nullopt;
}

}  // namespace

const toml::node* TomlReader::find(const char* key) {
  known_.insert(key);
  return table_.get(key);
}

std::string TomlReader::place(const std::string& key) const {
  const toml::node* node = key.empty() ? nullptr : table_.get(key);
  const toml::source_region& where = node ? node->source() : table_.source();
  const std::string path = name_.empty() ? key : key.empty() ? name_ : name_ + "." + key;
  return fmt::format("{}: {}", where.begin.line, path);
}

void TomlReader::fail(const std::string& key, const std::string& message) const {
  throw Error(fmt::format("{}:{}: {}", file_.string(), place(key), message));
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

std::optional<bool> TomlReader::boolean(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) fail_type(key, "true or false", *node);
  return node->value<bool>();
}

std::optional<Value> TomlReader::scalar(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  auto value = value_of(*node);
  if (!value) fail_type(key, "a number, true, false or a string", *node);
  return value;
}

std::optional<std::vector<Value>> TomlReader::scalars(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::vector<Value> result;
  if (!node->is_array()) return std::vector<Value>{*scalar(key)};
  for (const toml::node& entry : *node->as_array()) {
    const auto value = value_of(entry);
    if (!value)
      fail(key, fmt::format("numbers, truth values or strings expected, entry {} is {}",
                            result.size() + 1, describe(entry)));
    result.push_back(*value);
  }
  return result;
}

std::optional<std::vector<NetworkTemplate::Entry>> TomlReader::layers(const char* key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_array()) fail_type(key, "an array of layers", *node);
  std::vector<NetworkTemplate::Entry> result;
  for (const toml::node& entry : *node->as_array()) {
    if (entry.is_string()) {
      result.push_back({*entry.value<std::string>(), {}, {}});
      continue;
    }
    const std::string name = fmt::format("{}.{}[{}]", name_, key, result.size() + 1);
    if (!entry.is_table())
      fail(key, fmt::format("layers expected, entry {} is {}", result.size() + 1, describe(entry)));
    TomlReader group(file_, *entry.as_table(), name);
    const auto repeat = group.scalar("repeat");
    auto inner = group.layers("layers");
    if (!repeat || !inner) group.fail("", "repeat and layers expected");
    group.finish();
    result.push_back({{}, to_string(*repeat), std::move(*inner)});
  }
  return result;
}

std::vector<std::string> TomlReader::keys() const {
  std::vector<std::pair<toml::source_position, std::string>> found;
  for (const auto& [key, node] : table_) found.emplace_back(key.source().begin, key.str());
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> result;
  for (auto& [position, name] : found) result.push_back(std::move(name));
  return result;
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
