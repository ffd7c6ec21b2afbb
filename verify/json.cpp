#include "json.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace verify {
namespace {

constexpr int kMostDepth = 16;
constexpr std::size_t kMostKeys = 1000;
constexpr long kMostBits = 1L << 32;
thread_local long bits_left = 0;

/// From `-0x1a2bp-7`: sign, hexadecimal integer, exponent of two.
Rational parse_number(const std::string& text) {
  const std::size_t x = text.find("0x");
  const std::size_t p = text.find('p');
  const bool fits = p != std::string::npos && p < 270000 && text.size() - p < 9 && x < 2 &&
                    text.substr(0, x) == std::string(x, '-') && p > x + 2 &&
                    text.find_first_not_of("0123456789abcdef", x + 2) == p;
  const std::string exponent = fits ? text.substr(p + 1) : "";
  const std::size_t sign = exponent.starts_with('-') ? 1 : 0;
  require(fits && exponent.size() > sign &&
              exponent.find_first_not_of("0123456789", sign) == std::string::npos,
          "a number as -0x1a2bp-7 expected, not '" + text.substr(0, 40) + "'");
  bits_left -= std::labs(std::stol(exponent)) + 4 * static_cast<long>(p);
  require(bits_left > 0, "numbers are longer than any certificate's");
  return shifted(mpz_class(text.substr(0, p), 0), std::stol(exponent));
}

}  // namespace

Json parse_json(const std::string& text) {
  bits_left = kMostBits;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMostDepth) throw Refusal("nested deeper than a certificate");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      throw Refusal("two keys '" + value.get<std::string>() + "' in one object");
    if (!keys.empty() && keys.back().size() > kMostKeys)
      throw Refusal("too many keys in one object");
    if (event == Json::parse_event_t::value && value.is_number_float())
      throw Refusal("a number that is no integer: " + value.dump());
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    throw Refusal(error.what());
  }
}

void Field::refuse(const std::string& what) const { throw Refusal(place_ + ": " + what); }

const Field& Field::with_keys(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : members())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) refuse("unknown key '" + key + "'");
  for (const std::string_view key : keys) (void)at(key);
  return *this;
}

Field Field::at(std::string_view key) const {
  const std::string name(key);
  if (!json_.is_object() || !json_.contains(name)) refuse("an object with '" + name + "' expected");
  return {json_.at(name), place_.empty() ? name : place_ + "." + name};
}

std::vector<Field> Field::items() const {
  if (!json_.is_array()) refuse("an array expected");
  std::vector<Field> result;
  for (std::size_t i = 0; i < json_.size(); ++i)
    result.emplace_back(json_[i], place_ + "[" + std::to_string(i) + "]");
  return result;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
  if (!json_.is_object()) refuse("an object expected");
  std::vector<std::pair<std::string, Field>> result;
  for (const auto& [name, value] : json_.items()) result.emplace_back(name, at(name));
  return result;
}

const std::string& Field::string() const {
  if (!json_.is_string()) refuse("a string expected");
  return json_.get_ref<const std::string&>();
}

bool Field::boolean() const {
  if (!json_.is_boolean()) refuse("true or false expected");
  return json_.get<bool>();
}

long Field::integer(long least, long most) const {
  const double x = json_.is_number_integer() ? json_.get<double>() : static_cast<double>(most) + 1;
  if (x < static_cast<double>(least) || x > static_cast<double>(most))
    refuse("an integer from " + std::to_string(least) + " to " + std::to_string(most) +
           " expected");
  return json_.get<long>();
}

Rational Field::number() const {
  try {
    return parse_number(string());
  } catch (const Refusal& refusal) {
    refuse(refusal.what());
  }
}

Rational Field::nonnegative() const {
  if (number() < 0) refuse("a number that is not negative expected");
  return number();
}

std::string Field::hash() const {
  if (string().size() != 64 || string().find_first_not_of("0123456789abcdef") != std::string::npos)
    refuse("64 hexadecimal digits expected");
  return string();
}

const std::string& Field::one_of(std::initializer_list<const char*> words) const {
  std::string list;
  for (const char* word : words) list += std::string(list.empty() ? "'" : ", '") + word + "'";
  if (std::find(words.begin(), words.end(), string()) == words.end())
    refuse(list + " expected, not '" + string().substr(0, 40) + "'");
  return string();
}

}  // namespace verify
