// (x + 1) − x for x = 10^16: doubles say 0, the proof says 1.

#include <cstdio>
#include <numgeom/numgeom.hpp>

int main() {
  const auto result =
      numgeom::certify([](auto real) { return (real(1e16) + real(1)) - real(1e16); });
  std::printf("double %g, exact %s\n", result.native_double, result.exact.digits().c_str());
  const bool right = result.certified() && result.native_double == 0 &&
                     result.exact.contains(numgeom::BigFloat::exact(1));
  return right ? 0 : 1;
}
