#include "numgeom/data/preprocess.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "fp32.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr std::array<std::pair<std::string_view, Scale>, 4> kScaleNames{
    {{"automatic", Scale::automatic},
     {"none", Scale::none},
     {"unit", Scale::unit},
     {"standardise", Scale::standardise}}};

void require_poolable(const RawData& data, int pool) {
  if (pool < 1) throw Error(fmt::format("pool = {}: expected at least 1", pool));
  if (pool == 1) return;
  if (!data.image.is_image())
    throw Error(fmt::format("pool = {}: {} holds no images, expected pool = 1", pool, data.name));
  if (data.image.height % pool != 0 || data.image.width % pool != 0)
    throw Error(fmt::format("pool = {}: expected a divisor of the image size, {}×{} in {}", pool,
                            data.image.height, data.image.width, data.name));
}

void require_colour(const RawData& data) {
  if (!data.image.is_image())
    throw Error(
        fmt::format("grayscale: {} holds no images, expected images of 3 channels", data.name));
  if (data.image.channels != 3)
    throw Error(fmt::format("grayscale: the images in {} have {} channels, expected 3", data.name,
                            data.image.channels));
}

/// The luma of each pixel, evaluated from left to right.
Matrix<double> luma(const Matrix<double>& colour) {
  Matrix<double> grey(colour.rows(), colour.cols() / 3);
  for (Eigen::Index i = 0; i < grey.rows(); ++i)
    for (Eigen::Index j = 0; j < grey.cols(); ++j)
      grey(i, j) =
          0.299 * colour(i, 3 * j) + 0.587 * colour(i, 3 * j + 1) + 0.114 * colour(i, 3 * j + 2);
  return grey;
}

ImageShape pooled(const ImageShape& image, int pool) {
  return {image.height / pool, image.width / pool, image.channels};
}

Matrix<double> as_doubles(const RawData& data) {
  return std::visit(
      [](const auto& matrix) -> Matrix<double> { return matrix.template cast<double>(); },
      data.features);
}

/// The mean over the pool×pool square of `pixels` that makes output pixel (i, j) of `channel`.
double square_mean(const double* pixels, const ImageShape& image, int pool, int i, int j,
                   int channel) {
  double sum = 0;
  for (int y = i * pool; y < (i + 1) * pool; ++y)
    for (int x = j * pool; x < (j + 1) * pool; ++x)
      sum += pixels[(y * image.width + x) * image.channels + channel];
  return sum / (pool * pool);
}

void pool_row(const double* pixels, const ImageShape& image, int pool, double* out) {
  const ImageShape small = pooled(image, pool);
  for (int i = 0; i < small.height; ++i)
    for (int j = 0; j < small.width; ++j)
      for (int channel = 0; channel < image.channels; ++channel)
        *out++ = square_mean(pixels, image, pool, i, j, channel);
}

/// Features, and their layout while they are made ready.
struct Images {
  Matrix<double> features;
  ImageShape shape;
};

Images made_grey(const Images& colour) {
  return {luma(colour.features), {colour.shape.height, colour.shape.width, 1}};
}

Images pooled(const Images& images, int pool) {
  const Matrix<double>& features = images.features;
  Matrix<double> small(features.rows(), features.cols() / pool / pool);
  for (Eigen::Index i = 0; i < features.rows(); ++i)
    pool_row(&features(i, 0), images.shape, pool, &small(i, 0));
  return {std::move(small), pooled(images.shape, pool)};
}

/// All that comes before scaling.
Images unscaled(const RawData& data, const Preprocessing& options) {
  Images images{as_doubles(data), data.image};
  if (options.grayscale) images = made_grey(images);
  if (options.pool > 1) images = pooled(images, options.pool);
  return images;
}

/// Affine map of one column, v ↦ (v − shift)/divisor; a constant column is mapped to 0.
struct ColumnScale {
  double shift = 0;
  double divisor = 1;
  bool is_constant = false;

  [[nodiscard]] double operator()(double value) const {
    return is_constant ? 0 : (value - shift) / divisor;
  }
};

/// Mean and deviation with plain sums in row order: vectorised reductions would make the data
/// depend on the machine.
ColumnScale standardising(const Matrix<double>& training, Eigen::Index column) {
  const auto values = training.col(column);
  const auto count = static_cast<double>(values.size());
  if ((values.array() == values[0]).all()) return {0, 1, true};
  double sum = 0;
  for (Eigen::Index i = 0; i < values.size(); ++i) sum += values[i];
  const double mean = sum / count;
  double squares = 0;
  for (Eigen::Index i = 0; i < values.size(); ++i)
    squares += (values[i] - mean) * (values[i] - mean);
  return {mean, std::sqrt(squares / count), false};
}

std::vector<ColumnScale> column_scales(Scale scale, double levels, const Matrix<double>& training) {
  std::vector<ColumnScale> scales(static_cast<std::size_t>(training.cols()));
  for (std::size_t j = 0; j < scales.size(); ++j) {
    if (scale == Scale::unit) scales[j].divisor = levels;
    if (scale == Scale::standardise)
      scales[j] = standardising(training, static_cast<Eigen::Index>(j));
  }
  return scales;
}

void require_known_levels(const RawData& data, Scale scale) {
  if (scale == Scale::unit && data.levels == 0)
    throw Error(
        fmt::format("scale = \"unit\": the range of values in {} is not known, expected "
                    "\"standardise\" or \"none\"",
                    data.name));
}

ExactMatrix scaled(const Matrix<double>& features, const std::vector<ColumnScale>& scales,
                   const std::string& part) {
  ExactMatrix exact(features.rows(), features.cols());
  for (Eigen::Index i = 0; i < features.rows(); ++i)
    for (Eigen::Index j = 0; j < features.cols(); ++j) {
      const double value = scales[static_cast<std::size_t>(j)](features(i, j));
      exact(i, j) = static_cast<float>(value);
      if (!std::isfinite(exact(i, j)))
        throw Error(
            fmt::format("{}: row {}, column {}: found {} after scaling, expected a number in "
                        "the range of fp32",
                        part, i + 1, j + 1, value));
    }
  return exact;
}

ExactMatrix rounded_targets(const Matrix<double>& targets, const std::string& part) {
  for (Eigen::Index i = 0; i < targets.rows(); ++i)
    for (Eigen::Index j = 0; j < targets.cols(); ++j)
      if (!fits_fp32(targets(i, j)))
        throw Error(
            fmt::format("{}: row {}, target {}: found {}, expected a finite number in the "
                        "range of fp32",
                        part, i + 1, j + 1, targets(i, j)));
  return targets.cast<float>();
}

std::string describe(const RawSplit& split, Scale scale, const Preprocessing& options) {
  const std::string grey = options.grayscale ? ", grey" : "";
  const std::string pooling =
      options.pool > 1 ? fmt::format(", mean-pooled by {}", options.pool) : "";
  const std::string scaling = scale == Scale::unit ? fmt::format("v/{}", split.train.levels)
                                                   : fmt::format("scale {}", to_string(scale));
  return fmt::format("{}: {} training and {} validation rows{}{}, {}", split.train.name,
                     split.train.samples(), split.validation.samples(), grey, pooling, scaling);
}

}  // namespace

std::string to_string(Scale scale) {
  for (const auto& [name, value] : kScaleNames)
    if (value == scale) return std::string(name);
  throw Error(fmt::format("scale number {}: there is no such scale", static_cast<int>(scale)));
}

Scale scale_from_string(std::string_view name) {
  for (const auto& [known, value] : kScaleNames)
    if (known == name) return value;
  throw Error(fmt::format("scale = \"{}\": expected automatic, none, unit or standardise", name));
}

Scale resolve(Scale scale, const RawData& data) {
  if (scale != Scale::automatic) return scale;
  return data.image.is_image() && data.levels > 0 ? Scale::unit : Scale::standardise;
}

Split preprocess(const RawSplit& split, const Preprocessing& options) {
  if (options.grayscale) require_colour(split.train);
  require_poolable(split.train, options.pool);
  const Scale scale = resolve(options.scale, split.train);
  require_known_levels(split.train, scale);
  const Images training = unscaled(split.train, options);
  const auto scales = column_scales(scale, split.train.levels, training.features);
  const auto finish = [&](const RawData& part, const Images& images, const char* role) {
    const std::string name = fmt::format("{}, {} part", part.name, role);
    return Dataset{scaled(images.features, scales, name), part.labels, part.classes, images.shape,
                   rounded_targets(part.targets, name)};
  };
  return {finish(split.train, training, "training"),
          finish(split.validation, unscaled(split.validation, options), "validation"),
          describe(split, scale, options)};
}

}  // namespace numgeom
