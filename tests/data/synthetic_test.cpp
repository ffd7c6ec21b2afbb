#include "numgeom/data/synthetic.hpp"

#include <limits>

#include "support.hpp"

using namespace numgeom;
using data_test::doubles;
using data_test::error_of;

TEST_CASE("a seed fixes the synthetic data for good") {
  SyntheticOptions options;
  options.samples = 4;
  options.features = 3;
  options.informative = 2;
  options.seed = 1;
  const RawData data = make_synthetic(options);
  CHECK(data.name == "synthetic");
  CHECK(data.classes == 3);
  CHECK(data.labels == Indices{2, 0, 2, 0});
  const Matrix<double> expected =
      (Matrix<double>(4, 3) << 0.87589004778172264, -5.9822184584480027, 0.38671665792581156,
       -0.16485890362769823, 2.0241644813079418, 0.37876954834005727, 0.55902104694949595,
       -3.062022743836164, 0.5527945591607919, 0.03642443753348433, 0.86207185942475661,
       -1.757751834923482)
          .finished();
  CHECK((doubles(data) - expected).cwiseAbs().maxCoeff() < 1e-14);
  options.seed = 2;
  CHECK(doubles(make_synthetic(options)) != doubles(data));
}

TEST_CASE("more samples leave the first ones as they are") {
  SyntheticOptions options;
  options.samples = 50;
  const RawData few = make_synthetic(options);
  options.samples = 200;
  const RawData many = make_synthetic(options);
  CHECK(doubles(many).topRows(50) == doubles(few));
  CHECK(Indices(many.labels.begin(), many.labels.begin() + 50) == few.labels);
}

TEST_CASE("classes are balanced and differ in the informative features only") {
  SyntheticOptions options;
  options.samples = 20000;
  options.classes = 2;
  options.noise = 0;
  const RawData data = make_synthetic(options);
  Eigen::RowVectorXd sums[2] = {Eigen::RowVectorXd::Zero(20), Eigen::RowVectorXd::Zero(20)};
  double counts[2] = {0, 0};
  for (int i = 0; i < options.samples; ++i) {
    sums[data.labels[i]] += doubles(data).row(i);
    ++counts[data.labels[i]];
  }
  CHECK(counts[0] == Approx(10000).margin(300));
  const Eigen::RowVectorXd gap = sums[0] / counts[0] - sums[1] / counts[1];
  CHECK(gap.head(options.informative).norm() > 1);
  CHECK(gap.tail(20 - options.informative).cwiseAbs().maxCoeff() < 0.07);  // five deviations
}

TEST_CASE("full noise makes labels independent of the classes") {
  SyntheticOptions options;
  options.samples = 10000;
  options.noise = 0;
  const Indices clean = make_synthetic(options).labels;
  options.noise = 1;
  const Indices noisy = make_synthetic(options).labels;
  int equal = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) equal += clean[i] == noisy[i] ? 1 : 0;
  CHECK(equal == Approx(10000 / 3.0).margin(250));
}

TEST_CASE("synthetic options out of range are refused with their value") {
  const auto error = [](auto change) {
    SyntheticOptions options;
    change(options);
    return error_of([&] { validate(options); });
  };
  CHECK(error([](auto&) {}) == "");
  CHECK(error([](auto& o) { o.samples = 0; }) ==
        "synthetic data: samples = 0: expected at least 1");
  CHECK(error([](auto& o) { o.features = 0; }) ==
        "synthetic data: features = 0: expected at least 1");
  CHECK(error([](auto& o) { o.informative = 21; }) ==
        "synthetic data: informative = 21: expected 1 to features (20)");
  CHECK(error([](auto& o) { o.classes = 1; }) ==
        "synthetic data: classes = 1: expected 2 to 65536");
  CHECK(error([](auto& o) { o.separation = -1; }) ==
        "synthetic data: separation = -1: expected a finite number, at least 0");
  CHECK(error([](auto& o) { o.noise = 1.5; }) == "synthetic data: noise = 1.5: expected 0 to 1");
  CHECK(error([](auto& o) { o.noise = std::numeric_limits<double>::quiet_NaN(); }) ==
        "synthetic data: noise = nan: expected 0 to 1");
  CHECK(error_of([] {
          SyntheticOptions options;
          options.classes = 0;
          (void)make_synthetic(options);
        }) != "");
}

TEST_CASE("a seed fixes the synthetic targets, and more samples leave the first as they are") {
  SyntheticRegressionOptions options;
  options.samples = 3;
  options.features = 2;
  options.informative = 1;
  options.outputs = 2;
  options.seed = 1;
  const RawData data = make_synthetic_regression(options);
  CHECK(data.name == "synthetic_regression");
  CHECK(data.labels.empty());
  CHECK(data.classes == 0);
  CHECK(data.targets.cols() == 2);
  options.samples = 9;
  const RawData more = make_synthetic_regression(options);
  CHECK(doubles(more).topRows(3) == doubles(data));
  CHECK(more.targets.topRows(3) == data.targets);
  options.seed = 2;
  CHECK(make_synthetic_regression(options).targets != more.targets);
}

TEST_CASE("synthetic targets are a line, a bounded curve and noise, of the informative features") {
  SyntheticRegressionOptions options;
  options.samples = 4000;
  options.features = 3;
  options.informative = 1;
  options.nonlinearity = 0;
  options.noise = 0;
  const RawData straight = make_synthetic_regression(options);
  const auto z = doubles(straight).col(0);
  const double slope = straight.targets(0, 0) / z(0);
  CHECK((straight.targets - slope * z).cwiseAbs().maxCoeff() < 1e-14);

  options.nonlinearity = 1;
  const RawData curved = make_synthetic_regression(options);
  CHECK(doubles(curved) == doubles(straight));
  const Eigen::ArrayXd curve = (curved.targets - straight.targets).array();
  // curve = s/√(1 + s²) with s proportional to z, so that s = curve/√(1 − curve²).
  const Eigen::ArrayXd s = curve / (1 - curve.square()).sqrt();
  const double ratio = s(0) / z(0);
  CHECK((s - ratio * z.array()).abs().maxCoeff() < 1e-11);
  CHECK(ratio != Approx(slope));

  options.noise = 0.25;
  const Eigen::ArrayXd noise =
      (make_synthetic_regression(options).targets - curved.targets).array();
  CHECK(std::sqrt(noise.square().mean()) == Approx(0.25).margin(0.015));  // five deviations
}

TEST_CASE("options of synthetic targets out of range are refused with their value") {
  const auto error = [](auto change) {
    SyntheticRegressionOptions options;
    change(options);
    return error_of([&] { (void)make_synthetic_regression(options); });
  };
  CHECK(error([](auto& o) { o.outputs = 0; }) ==
        "synthetic data: outputs = 0: expected at least 1");
  CHECK(error([](auto& o) { o.informative = 21; }) ==
        "synthetic data: informative = 21: expected 1 to features (20)");
  CHECK(error([](auto& o) { o.noise = -1; }) ==
        "synthetic data: noise = -1: expected a finite number, at least 0");
  CHECK(error([](auto& o) { o.nonlinearity = std::numeric_limits<double>::infinity(); }) ==
        "synthetic data: nonlinearity = inf: expected a finite number, at least 0");
}
