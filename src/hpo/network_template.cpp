#include "numgeom/hpo/network_template.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

using Entry = NetworkTemplate::Entry;

constexpr int kMostRepetitions = 1000;

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Calls `text` for what stands between names, and `name` for each `$name`.
template <class Text, class Name>
void scan(std::string_view line, const Text& text, const Name& name) {
  while (!line.empty()) {
    const std::size_t dollar = std::min(line.find('$'), line.size());
    text(line.substr(0, dollar));
    line.remove_prefix(std::min(dollar + 1, line.size()));
    if (line.empty() && dollar == line.size()) break;
    const auto end = std::find_if_not(line.begin(), line.end(), is_name_character);
    const auto length = static_cast<std::size_t>(end - line.begin());
    if (length > 0) name(line.substr(0, length));
    line.remove_prefix(length);
  }
}

std::string substituted(const std::string& line, const Assignment& assignment) {
  std::string result;
  scan(
      line, [&](std::string_view text) { result += text; },
      [&](std::string_view name) {
        const Value* value = assignment.find(name);
        if (value == nullptr)
          throw Error(fmt::format("network: '{}': ${} has no value", line, name));
        result += to_string(*value);
      });
  return result;
}

int repetitions(const std::string& text, const Assignment& assignment) {
  const std::string number = substituted(text, assignment);
  int count = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (error != std::errc() || end != number.data() + number.size() || count < 0 ||
      count > kMostRepetitions)
    throw Error(fmt::format("network: repeat = '{}': an integer from 0 to {} expected, not {}",
                            text, kMostRepetitions, number));
  return count;
}

void expand(const std::vector<Entry>& entries, const Assignment& assignment,
            std::vector<std::string>& layers) {
  for (const Entry& entry : entries) {
    if (entry.repeat.empty()) {
      layers.push_back(substituted(entry.text, assignment));
      continue;
    }
    for (int i = repetitions(entry.repeat, assignment); i > 0; --i)
      expand(entry.layers, assignment, layers);
  }
}

void collect_names(const std::vector<Entry>& entries, std::vector<std::string>& names) {
  for (const Entry& entry : entries) {
    const auto add = [&names](std::string_view name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
    };
    scan(
        entry.text, [](std::string_view) {}, add);
    scan(
        entry.repeat, [](std::string_view) {}, add);
    collect_names(entry.layers, names);
  }
}

std::vector<std::string> described(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  for (const Entry& entry : entries)
    result.push_back(
        entry.repeat.empty()
            ? entry.text
            : fmt::format("{{{}}} × {}", fmt::join(described(entry.layers), ", "), entry.repeat));
  return result;
}

}  // namespace

NetworkTemplate::NetworkTemplate(const std::vector<std::string>& layers) {
  for (const std::string& layer : layers) entries_.push_back({layer, {}, {}});
}

Network NetworkTemplate::instantiate(const Assignment& assignment) const {
  std::vector<std::string> layers;
  expand(entries_, assignment, layers);
  return Network::parse(layers);
}

std::vector<std::string> NetworkTemplate::names() const {
  std::vector<std::string> result;
  collect_names(entries_, result);
  return result;
}

std::vector<std::string> NetworkTemplate::describe() const { return described(entries_); }

}  // namespace numgeom
