#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace numgeom {

/// The number in the first sizeof(Number) bytes.
template <class Number>
Number read_number(std::string_view bytes, std::endian order) {
  char raw[sizeof(Number)];
  std::memcpy(raw, bytes.data(), sizeof raw);
  if (order != std::endian::native) std::reverse(raw, raw + sizeof raw);
  Number number;
  std::memcpy(&number, raw, sizeof raw);
  return number;
}

/// The bytes as unsigned numbers.
inline std::vector<std::uint8_t> read_bytes(std::string_view bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {first, first + bytes.size()};
}

/// All numbers in `bytes`, converted to doubles.
template <class Number>
std::vector<double> read_numbers(std::string_view bytes, std::endian order) {
  std::vector<double> numbers(bytes.size() / sizeof(Number));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<double>(read_number<Number>(bytes.substr(i * sizeof(Number)), order));
  return numbers;
}

}  // namespace numgeom
