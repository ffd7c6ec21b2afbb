// Stress test of the enclosing arithmetics: many random operations on awkward operands, each
// compared with MPFR at higher precision. Exit code 1 if one result misses the exact value or is
// wider than promised.

#include "soundness.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "numgeom/arithmetic/environment.hpp"

namespace {

using numgeom::soundness::Check;
using numgeom::soundness::Tally;

struct Options {
  std::int64_t operations = 10'500'000;
  std::uint64_t seed = 20'240'229;
};

int usage() {
  std::fprintf(stderr, "usage: soundness [--operations N] [--seed S]\n");
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    char* end = nullptr;
    if (i + 1 == argc) return false;
    const long long value = std::strtoll(argv[i + 1], &end, 10);
    if (*end != '\0' || value < 1) return false;
    if (std::strcmp(argv[i], "--operations") == 0)
      options.operations = value;
    else if (std::strcmp(argv[i], "--seed") == 0)
      options.seed = static_cast<std::uint64_t>(value);
    else
      return false;
  }
  return true;
}

std::vector<Check> all_checks() {
  std::vector<Check> checks;
  for (const auto& group :
       {numgeom::soundness::rounding_checks(), numgeom::soundness::interval_checks(),
        numgeom::soundness::ball_checks(), numgeom::soundness::matrix_checks()})
    checks.insert(checks.end(), group.begin(), group.end());
  return checks;
}

/// Runs one check and prints its line.
Tally run(const Check& check, numgeom::test::Random& random, std::int64_t operations) {
  Tally tally;
  check.run(tally, random, operations);
  std::printf("%-28s %10lld operations %6lld violations   slack %llu (allowed %llu)\n",
              check.name.c_str(), static_cast<long long>(tally.operations),
              static_cast<long long>(tally.violations),
              static_cast<unsigned long long>(tally.slack),
              static_cast<unsigned long long>(check.allowed_slack));
  if (tally.violations > 0) std::printf("    first: %s\n", tally.first.c_str());
  if (tally.slack > check.allowed_slack) {
    std::printf("    wider than promised\n");
    ++tally.violations;
  }
  return tally;
}

int run_all(const Options& options) {
  const std::vector<Check> checks = all_checks();
  double weights = 0;
  for (const Check& check : checks) weights += check.weight;
  Tally total;
  numgeom::test::Random random(options.seed);
  std::fprintf(stderr, "soundness: seed %llu\n", static_cast<unsigned long long>(options.seed));
  for (const Check& check : checks) {
    const double share = check.weight / weights * static_cast<double>(options.operations);
    const Tally tally = run(check, random, 1 + static_cast<std::int64_t>(share));
    total.operations += tally.operations;
    total.violations += tally.violations;
  }
  std::printf("soundness: %lld operations, %lld violations\n",
              static_cast<long long>(total.operations), static_cast<long long>(total.violations));
  return total.violations == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) return usage();
  try {
    numgeom::require_ieee_environment();
    return run_all(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soundness: %s\n", error.what());
    return 1;
  }
}
