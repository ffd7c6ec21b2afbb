// A recurrence that cancels (Muller): x_{n+1} = 111 − 1130/x_n + 3000/(x_n·x_{n−1}), x₀ = 11/2,
// x₁ = 61/11. The exact sequence tends to 6; in every fixed precision it tends to 100.
// Source: J.-M. Muller, Arithmétique des ordinateurs, Masson 1989.

#include <cstdio>

#include "numgeom/numgeom.hpp"

int main() {
  bool all_certified = true;
  std::printf(" n         float        double  exact                 bits\n");
  for (const int n : {5, 10, 15, 20, 30, 50}) {
    const auto result = numgeom::certify([n](auto real) {
      auto previous = real(11) / real(2);
      auto x = real(61) / real(11);
      for (int i = 1; i < n; ++i) {
        const auto next = real(111) - (real(1130) - real(3000) / previous) / x;
        previous = x;
        x = next;
      }
      return x;
    });
    std::printf("%2d  %12.7f  %12.7f  %-20s  %4d\n", n, static_cast<double>(result.native_float),
                result.native_double, result.exact.digits(14).c_str(), result.rung.bits);
    all_certified = all_certified && result.certified();
  }
  return all_certified ? 0 : 1;
}
