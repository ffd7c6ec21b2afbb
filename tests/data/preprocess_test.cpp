#include "numgeom/data/preprocess.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace numgeom;
using data_test::error_of;

namespace {

RawData table(const Matrix<double>& features) {
  return {"t", features, Indices(static_cast<std::size_t>(features.rows())), 1, {}, 0};
}

RawData images(const Matrix<std::uint8_t>& features, const ImageShape& shape) {
  return {"i", features, Indices(static_cast<std::size_t>(features.rows())), 1, shape, 256};
}

Matrix<double> column(std::initializer_list<double> values) {
  Matrix<double> matrix(static_cast<Eigen::Index>(values.size()), 1);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

std::string error_for(const RawData& data, const Preprocessing& options) {
  return error_of([&] { (void)preprocess({data, data}, options); });
}

}  // namespace

TEST_CASE("scale none only rounds to fp32, once") {
  const double tie = 1 + 0x1p-24 + 0x1p-50;  // rounds up; through a shorter format it would not
  const RawData data = table(column({0.1, tie, -0.0}));
  const Split split = preprocess({data, data}, {Scale::none, 1});
  CHECK(split.train.features(0, 0) == 0.1F);
  CHECK(split.train.features(1, 0) == 1 + 0x1p-23F);
  CHECK(split.validation.features == split.train.features);
  CHECK(split.description == "t: 3 training and 3 validation rows, scale none");
}

TEST_CASE("bytes keep their eight bits under the unit scale, the default for images") {
  Matrix<std::uint8_t> pixels(1, 256);
  for (int v = 0; v < 256; ++v) pixels(0, v) = static_cast<std::uint8_t>(v);
  const RawData data = images(pixels, {16, 16, 1});
  CHECK(resolve(Scale::automatic, data) == Scale::unit);
  const Split split = preprocess({data, data}, {});
  for (int v = 0; v < 256; ++v) CHECK(split.train.features(0, v) == static_cast<float>(v) / 256);
  CHECK(split.train.image == ImageShape{16, 16, 1});
  CHECK(split.description == "i: 1 training and 1 validation rows, v/256");
}

TEST_CASE("pooling takes means over squares, before scaling") {
  Matrix<std::uint8_t> pixels(1, 8);
  pixels << 0, 1, 10, 20,  //
      2, 4, 30, 41;
  const RawData data = images(pixels, {2, 4, 1});
  const Split plain = preprocess({data, data}, {Scale::none, 2});
  CHECK(plain.train.features == (ExactMatrix(1, 2) << 1.75F, 25.25F).finished());
  CHECK(plain.train.image == ImageShape{1, 2, 1});
  const Split unit = preprocess({data, data}, {Scale::unit, 2});
  CHECK(unit.train.features == (ExactMatrix(1, 2) << 1.75F / 256, 25.25F / 256).finished());
  CHECK(unit.description == "i: 1 training and 1 validation rows, mean-pooled by 2, v/256");
}

TEST_CASE("pooling keeps channels apart") {
  Matrix<std::uint8_t> pixels(1, 12);  // 2×2 pixels of 3 channels
  pixels << 1, 10, 100, 2, 20, 100, 3, 30, 100, 6, 40, 100;
  const RawData data = images(pixels, {2, 2, 3});
  const Split split = preprocess({data, data}, {Scale::none, 2});
  CHECK(split.train.features == (ExactMatrix(1, 3) << 3, 25, 100).finished());
  CHECK(split.train.image == ImageShape{1, 1, 3});
}

TEST_CASE("grayscale is the luma of BT.601, before pooling and scaling, rounded once") {
  Matrix<std::uint8_t> pixels(1, 12);  // 2×2 pixels of red, green and blue
  pixels << 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30;
  const RawData data = images(pixels, {2, 2, 3});
  const double grey[] = {0.299 * 255, 0.587 * 255, 0.114 * 255,
                         0.299 * 10 + 0.587 * 20 + 0.114 * 30};
  const Split plain = preprocess({data, data}, {Scale::none, 1, true});
  CHECK(plain.train.image == ImageShape{2, 2, 1});
  REQUIRE(plain.train.features.cols() == 4);
  for (int j = 0; j < 4; ++j) CHECK(plain.train.features(0, j) == static_cast<float>(grey[j]));
  CHECK(plain.validation.features == plain.train.features);
  CHECK(plain.description == "i: 1 training and 1 validation rows, grey, scale none");

  const Split small = preprocess({data, data}, {Scale::automatic, 2, true});
  CHECK(small.train.image == ImageShape{1, 1, 1});
  const double mean = (grey[0] + grey[1] + grey[2] + grey[3]) / 4;
  CHECK(small.train.features == ExactMatrix::Constant(1, 1, static_cast<float>(mean / 256)));
  CHECK(small.description == "i: 1 training and 1 validation rows, grey, mean-pooled by 2, v/256");
}

TEST_CASE("grayscale needs three channels") {
  CHECK(error_for(table(column({1, 2})), {Scale::none, 1, true}) ==
        "grayscale: t holds no images, expected images of 3 channels");
  CHECK(error_for(images(Matrix<std::uint8_t>::Zero(1, 4), {2, 2, 1}), {Scale::none, 1, true}) ==
        "grayscale: the images in i have 1 channels, expected 3");
}

TEST_CASE("standardising uses the training rows only, and is the default for tables") {
  const RawData training = table(column({1, 3, 5, 7}));  // mean 4, deviation √5
  const RawData validation = table(column({4, 9}));
  CHECK(resolve(Scale::automatic, training) == Scale::standardise);
  const Split split = preprocess({training, validation}, {});
  const double deviation = std::sqrt(5.0);
  for (int i = 0; i < 4; ++i)
    CHECK(split.train.features(i, 0) == static_cast<float>((2 * i - 3) / deviation));
  CHECK(split.validation.features(0, 0) == 0);
  CHECK(split.validation.features(1, 0) == static_cast<float>(5 / deviation));
  CHECK(split.description == "t: 4 training and 2 validation rows, scale standardise");
}

TEST_CASE("columns that are constant in training become zero") {
  const RawData training = table(column({0.1, 0.1, 0.1}));
  const Split split = preprocess({training, table(column({5}))}, {Scale::standardise, 1});
  CHECK(split.train.features.isZero(0));
  CHECK(split.validation.features.isZero(0));
}

TEST_CASE("preprocessing that cannot be done is refused") {
  const RawData rows = table(column({1, 2}));
  const RawData pictures = images(Matrix<std::uint8_t>::Zero(1, 12), {4, 3, 1});
  CHECK(error_for(rows, {Scale::none, 2}) == "pool = 2: t holds no images, expected pool = 1");
  CHECK(error_for(rows, {Scale::none, 0}) == "pool = 0: expected at least 1");
  CHECK(error_for(pictures, {Scale::none, 2}) ==
        "pool = 2: expected a divisor of the image size, 4×3 in i");
  CHECK(error_for(rows, {Scale::unit, 1}) ==
        "scale = \"unit\": the range of values in t is not known, expected \"standardise\" or "
        "\"none\"");
  CHECK(error_for(table(column({1, 1e39})), {Scale::none, 1}) ==
        "t, training part: row 2, column 1: found 1e+39 after scaling, expected a number in the "
        "range of fp32");
  const std::string overflow = error_of([&] {
    (void)preprocess({table(column({0, 1e-300})), table(column({1e300}))}, {Scale::none, 1});
  });
  CHECK(overflow.find("t, validation part: row 1, column 1: found 1e+300") == 0);
}

TEST_CASE("targets are rounded to fp32, once, and not scaled") {
  RawData data{"t", column({1, 2, 3}), {}, 0, {}, 0};
  const double tie = 1 + 0x1p-24 + 0x1p-50;  // rounds up; through a shorter format it would not
  data.targets = column({0.1, tie, -1e30});
  const Split split = preprocess({data, data}, {Scale::standardise, 1});
  CHECK(split.train.targets == (ExactMatrix(3, 1) << 0.1F, 1 + 0x1p-23F, -1e30F).finished());
  CHECK(split.validation.targets == split.train.targets);
  CHECK(split.train.labels.empty());
  for (const double bad : {1e39, std::numeric_limits<double>::infinity()}) {
    data.targets(1, 0) = bad;
    CHECK(error_for(data, {}).find("t, training part: row 2, target 1: found ") == 0);
  }
}

TEST_CASE("scales have names") {
  for (const Scale scale : {Scale::automatic, Scale::none, Scale::unit, Scale::standardise})
    CHECK(scale_from_string(to_string(scale)) == scale);
  CHECK(error_of([] { (void)scale_from_string("minmax"); }) ==
        "scale = \"minmax\": expected automatic, none, unit or standardise");
}
