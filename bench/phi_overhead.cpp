// What the default estimator costs: native fp32 training of 784-64-10 on MNIST with and without Φ
// watching, in turn, in one process. Prints the median of the ratios pair by pair.
//
// usage: phi_overhead [PAIRS]      (needs 'numgeom data fetch mnist')

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "mnist_problem.hpp"
#include "numgeom/arithmetic/environment.hpp"
#include "numgeom/error.hpp"
#include "numgeom/estimate/phi.hpp"
#include "numgeom/train/train.hpp"
#include "timing.hpp"

namespace {

using numgeom::Native;
using numgeom::bench::seconds;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  numgeom::keep_freed_memory();
  const int pairs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 41;
  const numgeom::Problem problem = numgeom::bench::mnist_problem();
  const numgeom::Configuration configuration{0.1, 1e-4};
  const numgeom::TrialInputs inputs = numgeom::draw_inputs(problem, 0);
  const Native<float> arithmetic;
  std::vector<double> plain;
  std::vector<double> ratios;
  for (int i = 0; i < pairs + 1; ++i) {
    const double without =
        seconds([&] { numgeom::train(arithmetic, problem, inputs, configuration); });
    const double with = seconds([&] {
      numgeom::PhiObserver<Native<float>> phi(problem, configuration);
      numgeom::train(arithmetic, problem, inputs, configuration, phi);
    });
    if (i == 0) continue;  // warm-up
    plain.push_back(without);
    ratios.push_back(with / without);
  }
  std::printf("training %.1f ms; with phi: ratio %.4f (median of %d pairs), overhead %.1f %%\n",
              1e3 * median(plain), median(ratios), pairs, 100 * (median(ratios) - 1));
  return 0;
} catch (const numgeom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
