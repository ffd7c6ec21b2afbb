#include "numgeom/data/npy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "binary.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr std::string_view kMagic("\x93NUMPY");

struct Header {
  std::string type;  // NumPy's descr, for example "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t size = 0;  // bytes before the first value
};

[[noreturn]] void fail(const File& file, const std::string& what) {
  throw Error(fmt::format("{}: {}", file.name, what));
}

/// What follows `'key':` in the header's dictionary.
std::string_view value_of(const File& file, std::string_view dictionary, std::string_view key) {
  const auto position = dictionary.find(fmt::format("'{}':", key));
  if (position == std::string_view::npos)
    fail(file, fmt::format("found no '{}' in the NPY header, expected one", key));
  auto value = dictionary.substr(position + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::string parse_type(const File& file, std::string_view dictionary) {
  const auto value = value_of(file, dictionary, "descr");
  const auto end = value.find('\'', 1);
  if (!value.starts_with('\'') || end == std::string_view::npos)
    fail(file, "found a structured type in the NPY header, expected <f4, <f8, <i4, <i8 or |u1");
  return std::string(value.substr(1, end - 1));
}

bool parse_order(const File& file, std::string_view dictionary) {
  const auto value = value_of(file, dictionary, "fortran_order");
  if (value.starts_with("True")) return true;
  if (value.starts_with("False")) return false;
  fail(file, "'fortran_order' in the NPY header: expected True or False");
}

std::vector<std::int64_t> parse_shape(const File& file, std::string_view dictionary) {
  auto text = value_of(file, dictionary, "shape");
  const auto end = text.find(')');
  if (!text.starts_with('(') || end == std::string_view::npos)
    fail(file, "'shape' in the NPY header: expected a tuple");
  text = text.substr(1, end - 1);
  std::vector<std::int64_t> shape;
  while (text.find_first_not_of(", ") != std::string_view::npos) {
    text.remove_prefix(text.find_first_not_of(", "));
    std::int64_t length = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || length < 0)
      fail(file, fmt::format("'shape' in the NPY header: found '{}', expected lengths", text));
    shape.push_back(length);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  }
  return shape;
}

/// The length of the dictionary and the offset where it starts: both depend on the version.
std::pair<std::size_t, std::size_t> dictionary_extent(const File& file) {
  const std::string_view bytes = file.bytes;
  if (!bytes.starts_with(kMagic)) fail(file, "byte 0: expected the NPY magic \\x93NUMPY");
  if (bytes.size() < 12) fail(file, "truncated in the NPY header");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version == 1) return {read_number<std::uint16_t>(bytes.substr(8), std::endian::little), 10};
  if (version == 2 || version == 3)
    return {read_number<std::uint32_t>(bytes.substr(8), std::endian::little), 12};
  fail(file, fmt::format("byte 6: found NPY version {}, expected 1, 2 or 3", version));
}

Header parse_header(const File& file) {
  const auto [length, start] = dictionary_extent(file);
  if (file.bytes.size() < start + length)
    fail(file, fmt::format("truncated: found {} bytes, expected an NPY header of {}",
                           file.bytes.size(), start + length));
  const auto dictionary = std::string_view(file.bytes).substr(start, length);
  return {parse_type(file, dictionary), parse_order(file, dictionary),
          parse_shape(file, dictionary), start + length};
}

std::size_t size_of_type(const File& file, const std::string& type) {
  if (type == "|u1" || type == "<u1") return 1;
  if (type == "<f4" || type == "<i4") return 4;
  if (type == "<f8" || type == "<i8") return 8;
  fail(file, fmt::format("found NPY type {}, expected <f4, <f8, <i4, <i8 or |u1", type));
}

void require_size(const File& file, const Header& header, std::size_t value_size) {
  // A double cannot wrap around; it is exact wherever the two sizes can be equal.
  double expected = static_cast<double>(value_size);
  for (const std::int64_t length : header.shape) expected *= static_cast<double>(length);
  expected += static_cast<double>(header.size);
  const auto found = static_cast<double>(file.bytes.size());
  if (found == expected) return;
  fail(file, fmt::format("the file is {}: found {} bytes, expected {:.0f}, as the NPY header says",
                         found < expected ? "truncated" : "too long", file.bytes.size(), expected));
}

std::vector<double> read_int64(const File& file, std::string_view bytes) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  auto numbers = read_numbers<std::int64_t>(bytes, std::endian::little);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (std::fabs(numbers[i]) > kExact)
      fail(file, fmt::format("value {}: found {:.0f}, expected an integer of at most 53 bits",
                             i + 1, numbers[i]));
  return numbers;
}

std::variant<std::vector<std::uint8_t>, std::vector<double>> read_values(const File& file,
                                                                         const Header& header) {
  const auto bytes = std::string_view(file.bytes).substr(header.size);
  if (header.type == "<f4") return read_numbers<float>(bytes, std::endian::little);
  if (header.type == "<f8") return read_numbers<double>(bytes, std::endian::little);
  if (header.type == "<i4") return read_numbers<std::int32_t>(bytes, std::endian::little);
  if (header.type == "<i8") return read_int64(file, bytes);
  return read_bytes(bytes);
}

/// Advances a multi-index by one in Fortran order and returns the change in C-order position.
class FortranWalk {
 public:
  explicit FortranWalk(const std::vector<std::int64_t>& shape)
      : shape_(shape), strides_(shape.size()), index_(shape.size()) {
    std::int64_t stride = 1;
    for (std::size_t d = shape.size(); d-- > 0; stride *= shape[d]) strides_[d] = stride;
  }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(position_); }
  void advance() {
    for (std::size_t d = 0; d < shape_.size(); ++d) {
      position_ += strides_[d];
      if (++index_[d] < shape_[d]) return;
      position_ -= strides_[d] * std::exchange(index_[d], 0);
    }
  }

 private:
  const std::vector<std::int64_t>& shape_;
  std::vector<std::int64_t> strides_;
  std::vector<std::int64_t> index_;
  std::int64_t position_ = 0;
};

template <class Value>
std::vector<Value> to_c_order(const std::vector<Value>& values,
                              const std::vector<std::int64_t>& shape) {
  std::vector<Value> ordered(values.size());
  FortranWalk walk(shape);
  for (const Value value : values) {
    ordered[walk.position()] = value;
    walk.advance();
  }
  return ordered;
}

/// An NPY version 1 file; the header is padded so that the values start at a multiple of 64 bytes.
std::string npy_bytes(const std::string& type, const std::string& shape, std::string_view values) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
  constexpr std::size_t kPreamble = 10;
  const std::size_t total = (kPreamble + header.size() + 1 + 63) / 64 * 64;
  header.resize(total - kPreamble - 1, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  return bytes.append(header).append(values);
}

static_assert(std::endian::native == std::endian::little, "write_npy copies values as they are");

template <class Value>
std::string_view bytes_of(const Value* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(Value)};
}

template <class Value>
std::string npy_of(const std::string& type, const Matrix<Value>& matrix) {
  return npy_bytes(type, fmt::format("({}, {})", matrix.rows(), matrix.cols()),
                   bytes_of(matrix.data(), static_cast<std::size_t>(matrix.size())));
}

template <class Value>
std::string npy_of(const std::string& type, const std::vector<Value>& values) {
  return npy_bytes(type, fmt::format("({},)", values.size()),
                   bytes_of(values.data(), values.size()));
}

}  // namespace

Array parse_npy(const File& file) {
  Header header = parse_header(file);
  require_size(file, header, size_of_type(file, header.type));
  Array array{file.name, {}, read_values(file, header), header.type.find('f') == 1};
  if (header.fortran_order)
    std::visit([&](auto& values) { values = to_c_order(values, header.shape); }, array.values);
  array.shape = std::move(header.shape);
  return array;
}

Array read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path)); }

std::string npy_bytes(const ExactMatrix& matrix) { return npy_of("<f4", matrix); }
std::string npy_bytes(const Matrix<double>& matrix) { return npy_of("<f8", matrix); }
std::string npy_bytes(const Mask& matrix) { return npy_of("|u1", matrix); }
std::string npy_bytes(const std::vector<std::int64_t>& values) { return npy_of("<i8", values); }
std::string npy_bytes(const std::vector<double>& values) { return npy_of("<f8", values); }

void write_npy(const std::filesystem::path& path, const ExactMatrix& matrix) {
  write_file(path, npy_bytes(matrix));
}

void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& values) {
  write_file(path, npy_bytes(values));
}

void write_npy(const std::filesystem::path& path, const std::vector<double>& values) {
  write_file(path, npy_bytes(values));
}

}  // namespace numgeom
