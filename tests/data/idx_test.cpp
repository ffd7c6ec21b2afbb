#include "numgeom/data/idx.hpp"

#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;
using data_test::gzipped;
using data_test::raw;

namespace {

Array parse(const std::string& bytes) { return parse_idx({"f", bytes}); }

std::string error_for(const std::string& bytes) {
  return error_of([&] { (void)parse(bytes); });
}

/// Images of 1×2 pixels, with the given first pixel each, and labels.
std::string images(const std::string& firsts) {
  std::string bytes =
      raw("\0\0\x08\3\0\0\0") + static_cast<char>(firsts.size()) + raw("\0\0\0\1\0\0\0\2");
  for (const char first : firsts) bytes += {first, '\xff'};
  return bytes;
}
std::string labels(const std::string& values) {
  return raw("\0\0\x08\1\0\0\0") + static_cast<char>(values.size()) + values;
}

}  // namespace

TEST_CASE("the first rows of an IDX file are read alone, its size checked as a whole") {
  const std::string bytes = raw("\0\0\x0d\2\0\0\0\2\0\0\0\1\xbf\xc0\0\0\0\0\0\0");
  const Array first = parse_idx({"f", bytes}, 1);
  CHECK(first.shape == std::vector<std::int64_t>{1, 1});
  CHECK(std::get<1>(first.values) == std::vector<double>{-1.5});
  CHECK(first.is_floating_point);
  CHECK(parse_idx({"f", bytes}, 3).shape[0] == 2);
  CHECK(std::get<1>(parse_idx({"f", bytes}, 0).values).empty());
  CHECK(error_of([&] {
          (void)parse_idx({"f", bytes + "x"}, 1);
        }).find("f: the file is too long") == 0);
}

TEST_CASE("all types of IDX are read") {
  const Array bytes = parse(raw("\0\0\x08\2\0\0\0\2\0\0\0\3\0\1\2\xfd\xfe\xff"));
  CHECK(bytes.shape == std::vector<std::int64_t>{2, 3});
  CHECK(std::get<0>(bytes.values) == std::vector<std::uint8_t>{0, 1, 2, 253, 254, 255});
  const auto numbers = [](const std::string& text) { return std::get<1>(parse(text).values); };
  CHECK(numbers(raw("\0\0\x09\1\0\0\0\2\x7f\xff")) == std::vector<double>{127, -1});
  CHECK(numbers(raw("\0\0\x0b\1\0\0\0\2\1\0\xff\xfe")) == std::vector<double>{256, -2});
  CHECK(numbers(raw("\0\0\x0c\1\0\0\0\1\0\1\0\0")) == std::vector<double>{65536});
  CHECK(numbers(raw("\0\0\x0d\1\0\0\0\1\xbf\xc0\0\0")) == std::vector<double>{-1.5});
  CHECK(numbers(raw("\0\0\x0e\1\0\0\0\1\x3f\xf8\0\0\0\0\0\0")) == std::vector<double>{1.5});
}

TEST_CASE("every bad IDX file is refused with the place") {
  const auto [bytes, message] = GENERATE(table<std::string, std::string>({
      {raw("\0\0\x08"), "found 3 bytes, expected an IDX header of at least 4"},
      {"PNG!", "byte 0: found 50 4e, expected the IDX magic 00 00"},
      {raw("\0\0\x07\1\0\0\0\0"),
       "byte 2: found type 07, expected an IDX type: 08, 09, 0b, 0c, 0d or 0e"},
      {raw("\0\0\x08\0"), "byte 3: found 0 dimensions, expected at least 1"},
      {raw("\0\0\x08\2\0\0\0\2\0\0"), "found 10 bytes, expected an IDX header of 12"},
      {raw("\0\0\x08\1\0\0\0\3\1\2"),
       "the file is truncated: found 10 bytes, expected 11, as the IDX header says"},
      {raw("\0\0\x0b\1\0\0\0\1\1\2\3"),
       "the file is too long: found 11 bytes, expected 10, as the IDX header says"},
      {raw("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff"),
       "the file is truncated: found 12 bytes, expected 18446744065119617024, as the IDX header "
       "says"},
  }));
  CHECK(error_for(bytes).find("f: " + message.substr(0, 60)) == 0);
  if (bytes.size() < 12) CHECK(error_for(bytes) == "f: " + message);
}

TEST_CASE("a pair is found by its prefix, by its images, plain or gzipped") {
  const Folder folder;
  folder.write("a-images-idx3-ubyte", images("\1\2\3"));
  folder.write("a-labels-idx1-ubyte.gz", gzipped(labels(raw("\0\1\4"))));
  folder.write("b-images.idx3-ubyte.gz", gzipped(images("\1\2\3")));
  folder.write("b-labels.idx1-ubyte", labels(raw("\0\1\4")));
  for (const std::string name : {"a", "b", "a-images-idx3-ubyte", "b-images.idx3-ubyte.gz"}) {
    CHECK(names_idx_files(folder / name));
    const RawData data = read_idx_pairs(folder / name);
    CHECK(data.samples() == 3);
    CHECK(data.image == ImageShape{1, 2, 1});
    CHECK(data_test::bytes(data)(2, 0) == 3);
    CHECK(data_test::bytes(data)(2, 1) == 255);
    CHECK(data.labels == Indices{0, 1, 4});
  }
  CHECK_FALSE(names_idx_files(folder / "c"));
  CHECK_FALSE(names_idx_files(folder / "none" / "a"));
}

TEST_CASE("the pairs of a directory are joined, train first") {
  const Folder folder;
  folder.write("t10k-images-idx3-ubyte", images("\7"));
  folder.write("t10k-labels-idx1-ubyte", labels("\7"));
  folder.write("train-images-idx3-ubyte", images("\1\2"));
  folder.write("train-labels-idx1-ubyte", labels("\1\2"));
  const RawData data = read_idx_pairs(folder.path());
  CHECK(data.labels == Indices{1, 2, 7});
  CHECK(data.classes == 8);
  CHECK(data_test::bytes(data).col(0) ==
        (Eigen::Matrix<std::uint8_t, Eigen::Dynamic, 1>(3) << 1, 2, 7).finished());
  CHECK(data.name == folder.path().string());
}

TEST_CASE("pairs that are incomplete or do not fit are refused") {
  const Folder folder;
  const std::string place = folder.path().string();
  const auto error = [&](const std::filesystem::path& path) {
    return error_of([&] { (void)read_idx_pairs(path); });
  };
  CHECK(error(folder.path()).find(place + ": found no IDX files, expected PREFIX-images") == 0);
  CHECK(error(folder / "a") == place + "/a-images-idx3-ubyte: there is no such file (nor .gz)");
  folder.write("a-images-idx3-ubyte", images("\1\2"));
  CHECK(error(folder / "a") == place + "/a-labels-idx1-ubyte: there is no such file (nor .gz)");
  CHECK(error(folder.path()) == error(folder / "a"));
  folder.write("a-labels-idx1-ubyte", labels("\1\2\3"));
  CHECK(error(folder / "a") ==
        place + "/a-labels-idx1-ubyte: found 3 labels, expected 2, one for each sample");
}
