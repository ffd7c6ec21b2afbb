#pragma once

#include <cstdint>
#include <utility>

#include "numgeom/arithmetic/narrow_float.hpp"
#include "numgeom/arithmetic/native.hpp"
#include "numgeom/train/precision.hpp"

namespace numgeom {

/// f(arithmetic) with the native arithmetic of a precision: the one place that knows which it is.
/// The random bits of stochastic rounding come from `seed`.
template <class F>
decltype(auto) with_native_arithmetic(const Precision& precision, std::uint64_t seed, F&& f) {
  switch (precision.format) {
    case FloatFormat::kFp64:
      return std::forward<F>(f)(Native<double>(precision.summation));
    case FloatFormat::kFp32:
      return std::forward<F>(f)(Native<float>(precision.summation));
    default:
      return std::forward<F>(f)(NarrowFloat({.format = precision.format,
                                             .mixed = precision.mixed,
                                             .stochastic = precision.stochastic,
                                             .summation = precision.summation,
                                             .seed = seed}));
  }
}

}  // namespace numgeom
