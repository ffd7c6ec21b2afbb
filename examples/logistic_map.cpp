// Chaos: x ← 3.9·x·(1 − x). Every step loses about 0.7 bits, so after 100 steps a double has no
// correct digit left, and looks as good as ever. The enclosure says so, and gives the true value.

#include <cmath>
#include <cstdio>

#include "numgeom/numgeom.hpp"

int main() {
  bool all_certified = true;
  std::printf("steps          double      exact                 error    bits\n");
  for (const int steps : {10, 30, 50, 70, 90, 150, 300}) {
    const auto result = numgeom::certify([steps](auto real) {
      auto x = real(0.3);
      for (int i = 0; i < steps; ++i) x = real(3.9) * x * (real(1) - x);
      return x;
    });
    std::printf("%5d  %14.10f  %-20s  %8.1e  %5d\n", steps, result.native_double,
                result.exact.digits(14).c_str(), result.double_error.upper, result.rung.bits);
    all_certified = all_certified && result.certified();
  }
  return all_certified ? 0 : 1;
}
