#pragma once

// Included by every header that rounding matters to: the compiler must not change results.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "numgeom must not be compiled with -ffast-math or a part of it: enclosures would be wrong"
#endif
