// Matrix products of enclosures beside Arb, MPFI and Boost.Interval, and of intervals beside one
// Eigen dgemm: same numbers, same radii, same precision, in turn, in one process, on one thread.
// Ours are midpoints and radii, everything included. Exit code 1 if an enclosure of ours and one of
// Arb have no point in common.
//
// The columns: processor nanoseconds of a multiply–add; how many times as long the others take; and
// log₂ of our radius over Arb's, the worst and the median over all entries. Boost's numbers have a
// precision each compiled in: there is no column for bits other than 128, 256, 512, 1024 and 2048
// (nan).

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "boost_product.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/error.hpp"
#include "peer_products.hpp"
#include "products.hpp"
#include "timing.hpp"

namespace {

using namespace numgeom;
using namespace numgeom::bench;
using Eigen::Index;

/// Our radii against Arb's.
struct RadiusComparison {
  double worst = 0;    ///< log₂ of the ratio
  double median = 0;   ///< log₂ of the ratio
  Index disjoint = 0;  ///< entries whose enclosures have no point in common
};

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

RadiusComparison compare(const LimbArithmetic& arithmetic, const LimbArithmetic::Matrix& ours,
                         const ArbProduct& arb) {
  RadiusComparison result;
  std::vector<double> ratios;
  for (Index i = 0; i < ours.rows(); ++i)
    for (Index j = 0; j < ours.cols(); ++j) {
      const arb_srcptr theirs = arb.entry(i, j);
      const ArbBall entry(arithmetic.at(ours, i, j));
      if (arb_overlaps(entry.get(), theirs) == 0) ++result.disjoint;
      ratios.push_back(ours.radii(i, j).log2() - mag_get_d_log2_approx(arb_radref(theirs)));
    }
  result.worst = *std::max_element(ratios.begin(), ratios.end());
  result.median = median(ratios);
  return result;
}

/// Rows of a product that are enough to time a loop over scalars.
Index rows_of_slice(const ProductShape& shape) {
  constexpr Index kTerms = 20'000;
  return std::clamp<Index>(kTerms / (shape.k * shape.n), 1, shape.m);
}

/// One line of the table; the number of entries without a point in common.
Index compare_products(const ProductShape& shape, int bits, LimbPath path) {
  const ProductOperands operands = random_operands(shape, bits);
  const LimbArithmetic arithmetic(LimbMidpoints(bits, path));
  const LimbArithmetic::Matrix left = in_limbs(operands.left, arithmetic);
  const LimbArithmetic::Matrix right = in_limbs(operands.right, arithmetic);
  LimbArithmetic::Matrix product;
  ArbProduct arb(operands, bits);
  const Index rows = rows_of_slice(shape);
  MpfiProduct mpfi(operands, rows, bits);
  const auto boost = boost_product(operands, rows, bits);

  std::vector<std::function<void()>> contenders = {
      [&] { product = arithmetic.product(left, right); }, [&] { arb.run(); }, [&] { mpfi.run(); }};
  if (boost) contenders.push_back(boost);
  std::vector<double> ns = best_seconds(contenders);
  ns.resize(4, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < ns.size(); ++i)
    ns[i] *= 1e9 / (i < 2 ? shape.multiply_adds() : mpfi.multiply_adds());

  const RadiusComparison radii = compare(arithmetic, product, arb);
  fmt::print(
      "{:>5} {:<22} {:>9.3f} {:>9.2f} {:>9.1f} {:>9.1f} {:>8.1f} {:>8.1f} {:>8.1f} "
      "{:>+7.2f} {:>+7.2f}{}\n",
      bits, shape.name(), ns[0], ns[1], ns[2], ns[3], ns[1] / ns[0], ns[2] / ns[0], ns[3] / ns[0],
      radii.worst, radii.median, radii.disjoint == 0 ? "" : "  DISJOINT");
  std::fflush(stdout);
  return radii.disjoint;
}

Index compare_all_products(const std::vector<int>& bits, LimbPath path) {
  fmt::print(
      "Balls, path {}: ns a multiply-add, how many times ours, log2 of radii over Arb's\n"
      "{:>5} {:<22} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7}\n",
      name_of(path), "bits", "product", "ours", "Arb", "MPFI", "Boost", "Arb/", "MPFI/", "Boost/",
      "worst", "median");
  Index disjoint = 0;
  for (const int p : bits)
    for (const ProductShape& shape : kProductShapes) disjoint += compare_products(shape, p, path);
  return disjoint;
}

Matrix<double> random_matrix(Index rows, Index cols, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  return Matrix<double>::NullaryExpr(rows, cols, [&] { return normal(random); });
}

/// One line: products of intervals with and without radii beside one product of doubles.
void compare_intervals(const ProductShape& shape) {
  std::mt19937_64 random(1);
  const Matrix<double> a = random_matrix(shape.m, shape.k, random);
  const Matrix<double> b = random_matrix(shape.k, shape.n, random);
  const IntervalArithmetic arithmetic;
  const Magnitude relative = Magnitude::power_of_two(-52);
  const IntervalArithmetic::Matrix point{a, BoundMatrix(a.rows(), a.cols())};
  const IntervalArithmetic::Matrix left{a, relative * BoundMatrix(a)};
  const IntervalArithmetic::Matrix right{b, relative * BoundMatrix(b)};
  Matrix<double> plain(shape.m, shape.n);
  IntervalArithmetic::Matrix product;
  std::vector<double> ns = best_seconds({[&] { plain.noalias() = a * b; },
                                         [&] { product = arithmetic.product(point, right); },
                                         [&] { product = arithmetic.product(left, right); }});
  for (double& value : ns) value *= 1e9 / shape.multiply_adds();
  fmt::print("{:<22} {:>9.4f} {:>9.4f} {:>9.4f} {:>10.2f} {:>10.2f}\n", shape.name(), ns[0], ns[1],
             ns[2], ns[1] / ns[0], ns[2] / ns[0]);
  std::fflush(stdout);
}

void compare_all_intervals() {
  fmt::print(
      "\nIntervals: ns a multiply-add, how many times Eigen's dgemm\n"
      "{:<22} {:>9} {:>9} {:>9} {:>10} {:>10}\n",
      "product", "dgemm", "A exact", "radii", "A exact/", "radii/");
  for (const ProductShape& shape :
       {ProductShape{128, 128, 128}, ProductShape{256, 256, 256}, ProductShape{32, 784, 64}})
    compare_intervals(shape);
}

struct Options {
  std::vector<int> bits{128, 256, 512, 1024, 2048};
  LimbPath path = LimbPath::kBest;
};

void add_options(CLI::App& app, Options& options) {
  const std::map<std::string, LimbPath> paths = {{"best", LimbPath::kBest},
                                                 {"portable", LimbPath::kPortable},
                                                 {"avx2", LimbPath::kAvx2},
                                                 {"ifma", LimbPath::kIfma}};
  app.add_option("--bits", options.bits, "Precisions (default: 128 256 512 1024 2048)")
      ->check(CLI::Range(LimbMidpoints::kMinBits, LimbMidpoints::kMostBits));
  app.add_option("--path", options.path, "Our inner loops: best, portable, avx2 or ifma")
      ->transform(CLI::CheckedTransformer(paths));
}

int run(const Options& options) {
  const Index disjoint = compare_all_products(options.bits, options.path);
  compare_all_intervals();
  if (disjoint == 0) return 0;
  fmt::print(stderr, "peers: {} entries have no point in common with Arb's\n", disjoint);
  return 1;
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  CLI::App app{"Products of enclosures beside Arb, MPFI, Boost.Interval and Eigen.", "peers"};
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return run(options);
} catch (const Error& error) {
  fmt::print(stderr, "peers: {}\n", error.what());
  return 2;
}
