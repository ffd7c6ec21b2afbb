#include "numgeom/arithmetic/environment.hpp"

#include <catch2/catch.hpp>
#include <cfenv>

#include "numgeom/error.hpp"

TEST_CASE("the default environment is accepted, a changed rounding mode is refused") {
  REQUIRE_NOTHROW(numgeom::require_ieee_environment());
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    bool refused = false;
    try {
      numgeom::require_ieee_environment();
    } catch (const numgeom::Error&) {
      refused = true;
    }
    std::fesetround(FE_TONEAREST);
    CHECK(refused);
  }
}
