#pragma once

#include <gmpxx.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace verify {

/// Why a certificate is not accepted: the place in it and what was expected there.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What this program has no code for. It is not passed: nothing was decided.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw Refusal(what);
}

/// Exact.
using Rational = mpq_class;

/// x·2^exponent.
inline Rational shifted(Rational x, long exponent) {
  if (exponent >= 0)
    mpq_mul_2exp(x.get_mpq_t(), x.get_mpq_t(), static_cast<mp_bitcnt_t>(exponent));
  else
    mpq_div_2exp(x.get_mpq_t(), x.get_mpq_t(), static_cast<mp_bitcnt_t>(-exponent));
  return x;
}

using Json = nlohmann::ordered_json;

/// One document and nothing behind it. Throws `Refusal`, also for duplicate keys, for numbers that
/// are no integers, and for nesting deeper than any certificate's. From here on the numbers that
/// are read take only so many bits together.
Json parse_json(const std::string& text);

/// A value with its place in the document, which every `Refusal` names.
class Field {
 public:
  Field(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  /// Refuses anything but an object with exactly these keys.
  const Field& with_keys(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] Field at(std::string_view key) const;
  [[nodiscard]] std::vector<Field> items() const;
  [[nodiscard]] std::vector<std::pair<std::string, Field>> members() const;
  [[nodiscard]] const std::string& string() const;
  [[nodiscard]] long integer(long least, long most) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] bool is_null() const { return json_.is_null(); }
  [[nodiscard]] Rational number() const;  ///< from `-0x1a2bp-7`: hexadecimal, exponent of two
  [[nodiscard]] Rational nonnegative() const;
  [[nodiscard]] std::string hash() const;  ///< 64 hexadecimal digits
  /// Refuses a string that is none of these.
  const std::string& one_of(std::initializer_list<const char*> words) const;
  /// Calls f(item) for every item of an array; the results.
  template <class F>
  auto map(const F& f) const {
    std::vector<decltype(f(*this))> result;
    for (const Field& item : items()) result.push_back(f(item));
    return result;
  }
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const Json& json_;
  std::string place_;
};

}  // namespace verify
