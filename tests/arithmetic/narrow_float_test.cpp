#include "numgeom/arithmetic/narrow_float.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "numgeom/error.hpp"
#include "support/random.hpp"

using namespace numgeom;

namespace {

using FloatMatrix = Matrix<float>;

FloatMatrix random_matrix(test::Random& random, Eigen::Index rows, Eigen::Index cols) {
  FloatMatrix result(rows, cols);
  for (Eigen::Index i = 0; i < result.size(); ++i)
    result.data()[i] = static_cast<float>(2 * random.unit() - 1);
  return result;
}

FloatMatrix rounded(FloatFormat format, FloatMatrix x) {
  round_to_nearest(format, x);
  return x;
}

const FloatFormat kNarrow[] = {FloatFormat::kFp16, FloatFormat::kBf16};
const Indices kLabels{0, 3, 1, 2, 2};

/// Operands with more digits than any narrow format has.
struct Operands {
  test::Random random{21};
  FloatMatrix x = random_matrix(random, 5, 30);
  FloatMatrix y = random_matrix(random, 5, 30);
  FloatMatrix w = random_matrix(random, 30, 4);
  FloatMatrix d = random_matrix(random, 5, 4);
  FloatMatrix row = random_matrix(random, 1, 4);

  [[nodiscard]] Operands in(FloatFormat format) const {
    Operands result;
    for (FloatMatrix* one : {&result.x, &result.y, &result.w, &result.d, &result.row})
      round_to_nearest(format, *one);
    return result;
  }
};

void check_descent(const NarrowFloat& narrow, const Operands& o, FloatFormat stored) {
  FloatMatrix expected = o.x;
  Native<float>().descend(0.3, 1e-3, o.y, expected);
  FloatMatrix found = o.x;
  narrow.descend(0.3, 1e-3, o.y, found);
  CHECK(found == rounded(stored, expected));
}

}  // namespace

TEST_CASE("in fp16 and bf16 every operation is that of fp32, rounded once") {
  const Native<float> wide;
  for (const FloatFormat format : kNarrow) {
    const NarrowFloat narrow({.format = format});
    const auto round = [format](const FloatMatrix& x) { return rounded(format, x); };
    const Operands raw;
    const Operands o = raw.in(format);
    CHECK(narrow.embed(raw.x) == o.x);
    CHECK(o.x != raw.x);
    CHECK(narrow.gather_rows(o.x, {2, 0}) == wide.gather_rows(o.x, {2, 0}));
    CHECK(narrow.product(o.x, o.w) == round(wide.product(o.x, o.w)));
    CHECK(narrow.product_tn(o.x, o.d) == round(wide.product_tn(o.x, o.d)));
    CHECK(narrow.product_nt(o.d, o.w) == round(wide.product_nt(o.d, o.w)));
    CHECK(narrow.add_row(o.d, o.row) == round(wide.add_row(o.d, o.row)));
    CHECK(narrow.column_sums(o.d) == round(wide.column_sums(o.d)));
    CHECK(narrow.axpy(0.1, o.x, o.y) == round(wide.axpy(0.1, o.x, o.y)));
    CHECK(narrow.relu(o.x) == wide.relu(o.x));
    CHECK(narrow.relu_gradient(o.x, o.y) == wide.relu_gradient(o.x, o.y));
    CHECK(narrow.tanh(o.x) == round(wide.tanh(o.x)));
    CHECK(narrow.tanh_gradient(o.x, o.y) == round(wide.tanh_gradient(o.x, o.y)));
    const auto found = narrow.softmax_cross_entropy(o.d, kLabels);
    const auto expected = wide.softmax_cross_entropy(o.d, kLabels);
    CHECK(found.loss == expected.loss);
    CHECK(found.gradient == round(expected.gradient));
    CHECK(narrow.count_errors(o.d, kLabels).lower == wide.count_errors(o.d, kLabels).lower);
    check_descent(narrow, o, format);
    CHECK(narrow.loss_scale() == 1);
    CHECK(narrow.unit_roundoff() == unit_roundoff(format));
  }
}

TEST_CASE("mixed, products and activations are narrow, weights and updates fp32") {
  const Native<float> wide;
  for (const FloatFormat format : kNarrow) {
    const NarrowFloat mixed({.format = format, .mixed = true});
    const auto round = [format](const FloatMatrix& x) { return rounded(format, x); };
    const Operands raw;
    const Operands o = raw.in(format);
    CHECK(mixed.embed(raw.x) == raw.x);
    CHECK(mixed.product(raw.x, raw.w) == round(wide.product(o.x, o.w)));
    CHECK(mixed.product_tn(raw.x, raw.d) == round(wide.product_tn(o.x, o.d)));
    CHECK(mixed.product_nt(raw.d, raw.w) == round(wide.product_nt(o.d, o.w)));
    CHECK(mixed.add_row(o.d, raw.row) == round(wide.add_row(o.d, o.row)));
    CHECK(mixed.column_sums(o.d) == round(wide.column_sums(o.d)));
    CHECK(mixed.axpy(0.1, raw.x, raw.y) == wide.axpy(0.1, raw.x, raw.y));
    CHECK(mixed.tanh(o.x) == round(wide.tanh(o.x)));
    CHECK(mixed.tanh_gradient(o.x, o.y) == round(wide.tanh_gradient(o.x, o.y)));
    const auto found = mixed.softmax_cross_entropy(o.d, kLabels);
    const auto expected = wide.softmax_cross_entropy(o.d, kLabels);
    const float scale = format == FloatFormat::kFp16 ? 1024 : 1;
    CHECK(mixed.loss_scale() == scale);
    CHECK(found.loss == expected.loss);
    CHECK(found.gradient == round(expected.gradient * scale));
    check_descent(mixed, raw, FloatFormat::kFp32);
  }
}

TEST_CASE("in tf32 the factors of products are rounded, and nothing else") {
  const Native<float> wide;
  const NarrowFloat tf32({.format = FloatFormat::kTf32});
  const Operands raw;
  const Operands o = raw.in(FloatFormat::kTf32);
  CHECK(tf32.embed(raw.x) == raw.x);
  CHECK(tf32.product(raw.x, raw.w) == wide.product(o.x, o.w));
  CHECK(tf32.product(raw.x, raw.w) != wide.product(raw.x, raw.w));
  CHECK(tf32.product_tn(raw.x, raw.d) == wide.product_tn(o.x, o.d));
  CHECK(tf32.product_nt(raw.d, raw.w) == wide.product_nt(o.d, o.w));
  CHECK(tf32.add_row(raw.d, raw.row) == wide.add_row(raw.d, raw.row));
  CHECK(tf32.column_sums(raw.d) == wide.column_sums(raw.d));
  CHECK(tf32.axpy(0.1, raw.x, raw.y) == wide.axpy(0.1, raw.x, raw.y));
  CHECK(tf32.tanh(raw.x) == wide.tanh(raw.x));
  CHECK(tf32.tanh_gradient(raw.x, raw.y) == wide.tanh_gradient(raw.x, raw.y));
  CHECK(tf32.softmax_cross_entropy(raw.d, kLabels).gradient ==
        wide.softmax_cross_entropy(raw.d, kLabels).gradient);
  check_descent(tf32, raw, FloatFormat::kFp32);
  CHECK(tf32.loss_scale() == 1);
}

TEST_CASE("sums of narrow products go in the order asked") {
  const Operands o = Operands().in(FloatFormat::kBf16);
  for (const Summation order : {Summation::kSequential, Summation::kPairwise, Summation::kKahan}) {
    const NarrowFloat narrow({.summation = order});
    CHECK(narrow.product(o.x, o.w) ==
          rounded(FloatFormat::kBf16, Native<float>(order).product(o.x, o.w)));
  }
}

TEST_CASE("an update below half a unit is lost in bf16, kept by master weights") {
  const FloatMatrix gradient = FloatMatrix::Constant(1, 2000, 1);
  const auto after = [&](const NarrowFloat& arithmetic) {
    FloatMatrix w = FloatMatrix::Ones(1, 2000);
    arithmetic.descend(0x1p-12, 0, gradient, w);
    return w;
  };
  CHECK(after(NarrowFloat({})) == FloatMatrix::Ones(1, 2000));
  CHECK(after(NarrowFloat({.mixed = true})) == FloatMatrix::Constant(1, 2000, 1 - 0x1p-12F));
  // Below 1 the spacing is 2^-8: one entry in 16 steps down, and the mean is right.
  const FloatMatrix w = after(NarrowFloat({.stochastic = true, .seed = 4}));
  const double mean = w.cast<double>().mean();
  CHECK(std::abs(mean - (1 - 0x1p-12)) < 5 * 0x1p-8 * std::sqrt(15.0 / 256 / 2000));
}

TEST_CASE("the loss scale keeps what would underflow, and unscaling takes it out") {
  FloatMatrix logits = FloatMatrix::Zero(1, 2);
  logits(0, 0) = 18;
  const Indices labels{0};
  const float exact = Native<float>().softmax_cross_entropy(logits, labels).gradient(0, 1);
  REQUIRE(exact > 0);
  REQUIRE(exact < 0x1p-25F);
  CHECK(NarrowFloat({.format = FloatFormat::kFp16})
            .softmax_cross_entropy(logits, labels)
            .gradient(0, 1) == 0);
  const NarrowFloat mixed({.format = FloatFormat::kFp16, .mixed = true});
  FloatMatrix gradient = mixed.softmax_cross_entropy(logits, labels).gradient;
  mixed.unscale(gradient);
  // 1024 times as large it is still subnormal, with eight bits.
  CHECK(gradient(0, 1) == Approx(exact).epsilon(0x1p-8));
}

TEST_CASE("stochastic rounding repeats itself for a seed, and not from one operation to the next") {
  const Operands o = Operands().in(FloatFormat::kBf16);
  const auto two_products = [&o](std::uint64_t seed) {
    const NarrowFloat arithmetic({.stochastic = true, .seed = seed});
    return std::pair(arithmetic.product(o.x, o.w), arithmetic.product(o.x, o.w));
  };
  CHECK(two_products(1) == two_products(1));
  CHECK(two_products(1).first != two_products(1).second);
  CHECK(two_products(1).first != two_products(2).first);
  const NarrowFloat first({.stochastic = true});
  const NarrowFloat copy(first);
  CHECK(copy.product(o.x, o.w) == first.product(o.x, o.w));
}

TEST_CASE("there are no other narrow arithmetics") {
  CHECK_THROWS_AS(NarrowFloat({.format = FloatFormat::kFp32}), Error);
  CHECK_THROWS_AS(NarrowFloat({.format = FloatFormat::kFp64}), Error);
  CHECK_THROWS_AS(NarrowFloat({.format = FloatFormat::kTf32, .mixed = true}), Error);
  CHECK_THROWS_AS(NarrowFloat({.format = FloatFormat::kTf32, .stochastic = true}), Error);
}
