#include "numgeom/shadow/certify_algorithm.hpp"

#include <catch2/catch.hpp>

using namespace numgeom;

TEST_CASE("a sum that doubles lose") {
  const auto result = certify([](auto real) { return (real(1e16) + real(1)) - real(1e16); });
  REQUIRE(result.certified());
  CHECK(result.native_double == 0);
  CHECK(result.exact.contains(BigFloat::exact(1)));
  CHECK(result.double_error.lower == 1);
  CHECK(result.double_error.upper == 1);
}

TEST_CASE("constants are exact doubles in every scalar") {
  const auto result = certify([](auto real) { return real(0.1); });
  REQUIRE(result.certified());
  CHECK(result.double_error.upper == 0);
  CHECK(result.exact.contains(BigFloat::exact(0.1)));
  CHECK(result.float_error.lower == result.float_error.upper);
  CHECK(result.float_error.upper > 0);
}

TEST_CASE("chaos is certified at the bits that it takes") {
  const auto logistic = [](auto real) {
    auto x = real(0.3);
    for (int i = 0; i < 200; ++i) x = real(3.9) * x * (real(1) - x);
    return x;
  };
  const auto result = certify(logistic);
  REQUIRE(result.certified());
  CHECK(result.rung.bits >= 256);
  CHECK(result.double_error.lower > 1e-3);
  CertifyOptions limited;
  limited.max_bits = 128;
  const auto undecided = certify(logistic, limited);
  CHECK_FALSE(undecided.certified());
  CHECK(undecided.reason.find("128 bits") != std::string::npos);
}

TEST_CASE("an algorithm that leaves a function's domain is never certified") {
  CertifyOptions options;
  options.max_bits = 512;
  const auto by_zero = certify(
      [](auto real) {
        using std::tanh;
        return tanh(real(1) / (real(0.5) - real(0.5)));
      },
      options);
  CHECK_FALSE(by_zero.certified());
  CHECK_FALSE(by_zero.exact.is_bounded());
  const auto root = certify(
      [](auto real) {
        using std::sqrt;
        return sqrt(real(-1)) * real(0);
      },
      options);
  CHECK_FALSE(root.certified());
}

TEST_CASE("branches are taken where the enclosure decides them") {
  const auto result = certify([](auto real) {
    auto x = real(2);
    for (int i = 0; i < 20; ++i) x = decided_less(x, real(1)) ? x + x : x / real(3);
    return x;
  });
  REQUIRE(result.certified());
  CHECK(result.double_error.upper < 1e-14);
}

TEST_CASE("a branch that the enclosure leaves open is decided by more bits, or not at all") {
  // In real numbers x < y; doubles cannot tell them apart.
  const auto result = certify([](auto real) {
    const auto x = real(1) / real(3);
    const auto y = x + real(0x1p-70);
    return decided_less(x, y) ? real(1) : real(2);
  });
  CHECK(result.certified());
  CHECK(result.exact.contains(BigFloat::exact(1)));
  CHECK(result.rung.bits > 70);

  CertifyOptions options;
  options.max_bits = 512;
  const auto equal = certify(
      [](auto real) {
        const auto x = real(1) / real(3);
        return decided_less(x, real(1) - x - x) ? real(1) : real(2);
      },
      options);
  CHECK_FALSE(equal.certified());

  const auto outside = certify(
      [](auto real) {
        using std::sqrt;
        return decided_less(sqrt(real(1) / real(3) - real(0.5)), real(1)) ? real(1) : real(2);
      },
      options);
  CHECK_FALSE(outside.certified());
}
