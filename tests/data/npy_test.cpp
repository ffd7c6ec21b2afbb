#include "numgeom/data/npy.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;
using data_test::raw;

namespace {

constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

std::string dictionary(const std::string& type, const std::string& order,
                       const std::string& shape) {
  return "{'descr': " + type + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string version_1(const std::string& dictionary, const std::string& values) {
  return raw("\x93NUMPY\1\0") + static_cast<char>(dictionary.size()) + raw("\0") + dictionary +
         values;
}

template <class Value>
std::string bytes_of(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

Array parse(const std::string& bytes) { return parse_npy({"f", bytes}); }

std::vector<double> doubles(const std::string& bytes) { return std::get<1>(parse(bytes).values); }

}  // namespace

TEST_CASE("all supported types of NPY are read") {
  const auto file = [](const std::string& type, const std::string& values) {
    return version_1(dictionary("'" + type + "'", "False", "(2,)"), values);
  };
  const std::vector<double> expected{-1.5, 2};
  CHECK(doubles(file("<f4", bytes_of<float>({-1.5F, 2}))) == expected);
  CHECK(doubles(file("<f8", bytes_of<double>({-1.5, 2}))) == expected);
  CHECK(doubles(file("<i4", bytes_of<std::int32_t>({-3, 2}))) == std::vector<double>{-3, 2});
  CHECK(doubles(file("<i8", bytes_of<std::int64_t>({-(1LL << 53), 2}))) ==
        std::vector<double>{-0x1p53, 2});
  const Array bytes = parse(file("|u1", raw("\0\xff")));
  CHECK(std::get<0>(bytes.values) == std::vector<std::uint8_t>{0, 255});
  CHECK(bytes.shape == std::vector<std::int64_t>{2});
}

TEST_CASE("versions 2 and 3 and scalars are read") {
  const std::string header = dictionary("'<f4'", "False", "()");
  for (const char version : {'\2', '\3'}) {
    const Array array =
        parse(raw("\x93NUMPY") + version + raw("\0") + static_cast<char>(header.size()) +
              raw("\0\0\0") + header + bytes_of<float>({7}));
    CHECK(array.shape.empty());
    CHECK(std::get<1>(array.values) == std::vector<double>{7});
  }
}

TEST_CASE("Fortran order is turned into C order") {
  const auto file = [](const std::string& shape, const std::vector<float>& values) {
    return version_1(dictionary("'<f4'", "True", shape), bytes_of(values));
  };
  CHECK(doubles(file("(2, 3)", {1, 4, 2, 5, 3, 6})) == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(doubles(file("(2, 2, 2)", {1, 5, 3, 7, 2, 6, 4, 8})) ==
        std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(doubles(file("(3,)", {1, 2, 3})) == std::vector<double>{1, 2, 3});
  CHECK(doubles(file("(0, 3)", {})).empty());
}

TEST_CASE("every bad NPY file is refused with what was found") {
  const std::string four(4, '\0');
  const auto header = [&](const std::string& type, const std::string& order,
                          const std::string& shape) {
    return version_1(dictionary(type, order, shape), four);
  };
  const auto [bytes, message] = GENERATE_COPY(table<std::string, std::string>({
      {"PK\3\4 a zip file", "byte 0: expected the NPY magic \\x93NUMPY"},
      {raw("\x93NUMPY\1\0\7"), "truncated in the NPY header"},
      {raw("\x93NUMPY\4\0\7\0\0\0"), "byte 6: found NPY version 4, expected 1, 2 or 3"},
      {raw("\x93NUMPY\1\0\x76\0{}"), "truncated: found 12 bytes, expected an NPY header of 128"},
      {header("'>f4'", "False", "(1,)"), "found NPY type >f4, expected <f4, <f8, <i4, <i8 or |u1"},
      {header("'|O'", "False", "(1,)"), "found NPY type |O, expected <f4, <f8, <i4, <i8 or |u1"},
      {header("[('a', '<f4')]", "False", "(1,)"),
       "found a structured type in the NPY header, expected <f4, <f8, <i4, <i8 or |u1"},
      {header("'<f4'", "0", "(1,)"), "'fortran_order' in the NPY header: expected True or False"},
      {header("'<f4'", "False", "1"), "'shape' in the NPY header: expected a tuple"},
      {header("'<f4'", "False", "(-1,)"),
       "'shape' in the NPY header: found '-1,', expected lengths"},
      {header("'<f4'", "False", "(a,)"), "'shape' in the NPY header: found 'a,', expected lengths"},
      {version_1("{'descr': '<f4', 'fortran_order': False}", four),
       "found no 'shape' in the NPY header, expected one"},
      {header("'<f4'", "False", "(2,)"),
       "the file is truncated: found 72 bytes, expected 76, as the NPY header says"},
      {header("'|u1'", "False", "(3,)"),
       "the file is too long: found 72 bytes, expected 71, as the NPY header says"},
      {version_1(dictionary("'<i8'", "False", "(1,)"), bytes_of<std::int64_t>({(1LL << 53) + 2})),
       "value 1: found 9007199254740994, expected an integer of at most 53 bits"},
  }));
  CHECK(error_of([&, b = bytes] { (void)parse(b); }) == "f: " + message);
}

TEST_CASE("a huge shape does not wrap around to a size that fits") {
  const std::string bytes = version_1(dictionary("'<f4'", "False", "(4294967296, 4294967296)"), "");
  CHECK(error_of([&] { (void)parse(bytes); }).find("f: the file is truncated") == 0);
}

TEST_CASE("what is written is read back, bit for bit") {
  const Folder folder;
  ExactMatrix matrix(2, 3);
  matrix << 1.0F, -0.0F, 0x1p-149F, 3.14159274F, -3.40282347e38F, 5.0F;
  write_npy(folder / "x.npy", matrix);
  const Array x = read_npy(folder / "x.npy");
  CHECK(x.shape == std::vector<std::int64_t>{2, 3});
  const auto& values = std::get<1>(x.values);
  for (Eigen::Index i = 0; i < matrix.size(); ++i)
    CHECK(static_cast<float>(values[i]) == matrix.data()[i]);
  CHECK(std::signbit(values[1]));

  write_npy(folder / "y.npy", std::vector<std::int64_t>{3, -1, 0});
  const Array y = read_npy(folder / "y.npy");
  CHECK(y.shape == std::vector<std::int64_t>{3});
  CHECK(std::get<1>(y.values) == std::vector<double>{3, -1, 0});

  write_npy(folder / "empty.npy", std::vector<std::int64_t>{});
  CHECK(read_npy(folder / "empty.npy").shape == std::vector<std::int64_t>{0});
}

TEST_CASE("written files are byte for byte those of NumPy") {
  const Folder folder;
  write_npy(folder / "x.npy", (ExactMatrix(1, 2) << 1.5F, -2.0F).finished());
  const std::string x = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  CHECK(read_file(folder / "x.npy").bytes == raw("\x93NUMPY\1\0\x76\0") + x +
                                                 std::string(0x75 - x.size(), ' ') + "\n" +
                                                 bytes_of<float>({1.5F, -2.0F}));
  write_npy(folder / "y.npy", std::vector<std::int64_t>{kInt64Min, kInt64Max});
  const std::string y = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
  CHECK(read_file(folder / "y.npy").bytes == raw("\x93NUMPY\1\0\x76\0") + y +
                                                 std::string(0x75 - y.size(), ' ') + "\n" +
                                                 bytes_of<std::int64_t>({kInt64Min, kInt64Max}));
}

TEST_CASE("an NPY file that cannot be written is an error with its name") {
  const Folder folder;
  CHECK(error_of([&] { write_npy(folder / "none" / "x.npy", ExactMatrix::Zero(1, 1)); }) ==
        (folder / "none" / "x.npy").string() + ": cannot be written: No such file or directory");
}
