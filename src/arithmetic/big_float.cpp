#include "numgeom/arithmetic/big_float.hpp"

#include <memory>

namespace numgeom {

std::string BigFloat::to_string(int digits, mpfr_rnd_t direction) const {
  char* text = nullptr;
  const char* format = direction == MPFR_RNDD   ? "%.*RDe"
                       : direction == MPFR_RNDU ? "%.*RUe"
                                                : "%.*RNe";
  if (mpfr_asprintf(&text, format, digits - 1, value_) < 0) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&mpfr_free_str)> owner(text, &mpfr_free_str);
  return text;
}

}  // namespace numgeom
