#include "numgeom/data/split.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "numgeom/data/shuffle.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::error_of;

namespace {

/// Row i has the one feature i and the label i mod 2.
RawData counting_rows(int samples) {
  RawData data;
  data.name = "rows";
  data.classes = 2;
  Matrix<double> features(samples, 1);
  for (int i = 0; i < samples; ++i) {
    features(i, 0) = i;
    data.labels.push_back(i % 2);
  }
  data.features = features;
  return data;
}

Indices rows_of(const RawData& part) {
  Indices rows;
  for (int i = 0; i < part.samples(); ++i)
    rows.push_back(static_cast<int>(data_test::doubles(part)(i, 0)));
  return rows;
}

}  // namespace

TEST_CASE("without a seed the first rows train and the next validate") {
  const RawSplit split = make_split(counting_rows(10), {3, 2, std::nullopt});
  CHECK(rows_of(split.train) == Indices{0, 1, 2});
  CHECK(rows_of(split.validation) == Indices{3, 4});
  CHECK(split.validation.labels == Indices{1, 0});
  CHECK(split.validation.classes == 2);
  CHECK_NOTHROW(make_split(counting_rows(5), {3, 2, std::nullopt}));
}

TEST_CASE("a seed fixes the order of rows for good") {
  const RawSplit split = make_split(counting_rows(10), {6, 4, 42});
  CHECK(rows_of(split.train) == Indices{1, 7, 9, 0, 3, 8});
  CHECK(rows_of(split.validation) == Indices{4, 2, 5, 6});
  const RawSplit other = make_split(counting_rows(10), {6, 4, 43});
  CHECK(rows_of(other.train) != rows_of(split.train));
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(split.validation.labels[i] == rows_of(split.validation)[i] % 2);
}

TEST_CASE("a permutation holds every number once, and every order is equally likely") {
  boost::random::mt19937_64 engine(7);
  Indices order = random_permutation(1000, engine);
  std::sort(order.begin(), order.end());
  Indices all(1000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(order == all);
  CHECK(random_permutation(0, engine).empty());
  CHECK(random_permutation(1, engine) == Indices{0});

  std::map<Indices, int> counts;
  constexpr int kDraws = 6000;
  for (int i = 0; i < kDraws; ++i) ++counts[random_permutation(3, engine)];
  REQUIRE(counts.size() == 6);
  double chi_squared = 0;
  for (const auto& [permutation, count] : counts)
    chi_squared += (count - 1000) * (count - 1000) / 1000.0;
  CHECK(chi_squared < 20.5);  // exceeded once in a thousand seeds
}

TEST_CASE("draws that would favour small numbers are rejected") {
  boost::random::mt19937_64 engine(1);
  CHECK(uniform_below(1, engine) == 0);
  engine.seed(1);
  // The engine's first five draws are below 2^64 mod bound = 2^63 - 1.
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  CHECK(uniform_below(bound, engine) == 7588216632478230600U);
  CHECK(uniform_below(bound, engine) == 1288452476385911039U);
  CHECK(uniform_below(bound, engine) == 2494575675009433615U);
}

TEST_CASE("a split that cannot be made is refused with the numbers") {
  const RawData data = counting_rows(10);
  CHECK(error_of([&] {
          (void)make_split(data, {8, 3, std::nullopt});
        }) == "rows: found 10 rows, expected at least 11 (train 8 + validation 3)");
  CHECK(error_of([&] {
          (void)make_split(data, {2147483647, 2147483647, 1});
        }) ==
        "rows: found 10 rows, expected at least 4294967294 (train 2147483647 + validation "
        "2147483647)");
  CHECK(error_of([&] {
          (void)make_split(data, {0, 3, std::nullopt});
        }) == "train = 0: expected at least 1 row");
  CHECK(error_of([&] {
          (void)make_split(data, {3, -1, std::nullopt});
        }) == "validation = -1: expected at least 1 row");
}
