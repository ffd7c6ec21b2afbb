#include "numgeom/data/array.hpp"

#include <limits>

#include "support.hpp"

using namespace numgeom;
using data_test::error_of;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Doubles = std::vector<double>;

const Array kTable{"x", {3, 2}, Doubles{1, 2, 3, 4, 5, 6}};
const Array kLabels{"y", {3}, Doubles{0, 2, 1}};

std::string error_for(const Array& features, const Array& labels) {
  return error_of([&] { (void)raw_data(features, labels); });
}

}  // namespace

TEST_CASE("a table and its labels become a data set") {
  const RawData data = raw_data(kTable, kLabels);
  CHECK(data.name == "x");
  CHECK(data.samples() == 3);
  CHECK(data.width() == 2);
  CHECK(data_test::doubles(data)(1, 0) == 3);
  CHECK(data.labels == Indices{0, 2, 1});
  CHECK(data.classes == 3);
  CHECK_FALSE(data.image.is_image());
  CHECK(data.levels == 0);
  CHECK(raw_data(kTable, {"y", {3, 1}, Bytes{0, 2, 1}}).labels == data.labels);
}

TEST_CASE("bytes in three or four dimensions become images") {
  const Bytes pixels(12, 255);
  const RawData grey = raw_data({"x", {1, 3, 4}, pixels}, {"y", {1}, Bytes{0}});
  CHECK(grey.image == ImageShape{3, 4, 1});
  CHECK(grey.levels == 256);
  CHECK(data_test::bytes(grey)(0, 11) == 255);
  const RawData colour = raw_data({"x", {1, 2, 2, 3}, pixels}, {"y", {1}, Bytes{0}});
  CHECK(colour.image == ImageShape{2, 2, 3});
}

TEST_CASE("features and labels that do not fit are refused") {
  CHECK(error_for({"x", {6}, Doubles(6)}, kLabels).find("x: found shape (6), expected samples") ==
        0);
  CHECK(error_for({"x", {0, 2}, Doubles{}}, {"y", {0}, Doubles{}}) ==
        "x: found no rows, expected samples");
  CHECK(error_for({"x", {3, 0}, Doubles{}}, kLabels) ==
        "x: found shape (3, 0), expected at least one feature");
  CHECK(error_for(kTable, {"y", {2}, Doubles{0, 1}}) ==
        "y: found 2 labels, expected 3, one for each sample");
  CHECK(error_for(kTable, {"y", {3, 2}, Doubles(6)}) ==
        "y: found shape (3, 2), expected one label a sample, (3)");
}

TEST_CASE("values that are no features or no labels are refused with their place") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(error_for({"x", {3, 2}, Doubles{1, 2, 3, nan, 5, 6}}, kLabels) ==
        "x: row 2, column 2: found nan, expected a finite number");
  for (const double bad : {0.5, -1.0, 65536.0, nan})
    CHECK(error_for(kTable, {"y", {3}, Doubles{0, 1, bad}}).find("y: row 3: found label ") == 0);
  CHECK(error_for(kTable, {"y", {3}, Doubles{0, 0.5, 1}}) ==
        "y: row 2: found label 0.5, expected an integer from 0 to 65535");
}

TEST_CASE("rows are selected and data sets joined") {
  const RawData data = raw_data(kTable, kLabels);
  const RawData picked = select_rows(data, {2, 0});
  CHECK(data_test::doubles(picked) == (Matrix<double>(2, 2) << 5, 6, 1, 2).finished());
  CHECK(picked.labels == Indices{1, 0});
  CHECK(picked.classes == 3);
  CHECK(error_of([&] { (void)select_rows(data, {3}); }) == "x: row number 3 is not in 0 … 2");
  CHECK(error_of([&] { (void)select_rows(data, {-1}); }) == "x: row number -1 is not in 0 … 2");

  const RawData both = concatenate({picked, data});
  CHECK(both.samples() == 5);
  CHECK(data_test::doubles(both).row(2) == data_test::doubles(data).row(0));
  CHECK(both.labels == Indices{1, 0, 0, 2, 1});
  const RawData narrow = raw_data({"z", {3, 1}, Doubles{1, 2, 3}}, kLabels);
  CHECK(error_of([&] {
          (void)concatenate({data, narrow});
        }) == "z: found 1 features a sample, expected 2 in the same layout as x");
  const RawData bytes = raw_data({"b", {3, 2}, Bytes(6)}, kLabels);
  CHECK(error_of([&] {
          (void)concatenate({data, bytes});
        }) == "b: expected the type of number that x has");
}

TEST_CASE("features and real targets become a data set without labels") {
  const Array targets{"y", {3, 2}, Doubles{0.5, -1, 0.1, 3, 1e30, 0}, true};
  const RawData data = regression_data(kTable, targets);
  CHECK(data.is_regression());
  CHECK(data.targets == (Matrix<double>(3, 2) << 0.5, -1, 0.1, 3, 1e30, 0).finished());
  CHECK(data.labels.empty());
  CHECK(data.classes == 0);
  CHECK(data.samples() == 3);
  CHECK(data_test::doubles(data)(1, 0) == 3);
  CHECK(regression_data(kTable, {"y", {3}, Doubles{0.5, 1, 2}}).targets.cols() == 1);
  CHECK_FALSE(raw_data(kTable, kLabels).is_regression());
}

TEST_CASE("targets are selected and joined with their rows") {
  const RawData data = regression_data(kTable, {"y", {3}, Doubles{0.5, 1.5, 2.5}});
  const RawData picked = select_rows(data, {2, 0});
  CHECK(picked.targets == (Matrix<double>(2, 1) << 2.5, 0.5).finished());
  CHECK(picked.labels.empty());
  const RawData all = concatenate({picked, data, picked});
  CHECK(all.samples() == 7);
  CHECK(all.targets == (Matrix<double>(7, 1) << 2.5, 0.5, 0.5, 1.5, 2.5, 2.5, 0.5).finished());
  CHECK(all.labels.empty());
  CHECK(error_of([&] {
          (void)concatenate({data, raw_data(kTable, kLabels)});
        }) == "x: found 0 targets a sample, expected 1 as in x");
  CHECK(error_of([] { (void)concatenate({}); }) ==
        "concatenate: found no data, expected at least one part");
}

TEST_CASE("targets that do not fit are refused with their place") {
  const auto error = [](const Array& targets) {
    return error_of([&] { (void)regression_data(kTable, targets); });
  };
  const std::string range = ", expected a finite number in the range of fp32";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(error({"y", {3}, Doubles{0, nan, 1}}) == "y: row 2, column 1: found target nan" + range);
  CHECK(error({"y", {3, 2}, Doubles{0, 1, 2, 3, 4, 1e39}}) ==
        "y: row 3, column 2: found target 1e+39" + range);
  CHECK(error({"y", {2}, Doubles{0, 1}}) == "y: found targets for 2 samples, expected 3");
  CHECK(error({"y", {3, 0}, Doubles{}}) ==
        "y: found shape (3, 0), expected targets for each sample, (3) or (3, K)");
  CHECK(error({"y", {3, 1, 1}, Doubles(3)}).find("y: found shape (3, 1, 1), expected targets") ==
        0);
}
