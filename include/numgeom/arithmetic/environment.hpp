#pragma once

namespace numgeom {

/// Throws `Error` unless this thread's floating-point environment is the one that the proofs
/// assume: round to nearest, gradual underflow (no flush-to-zero, no denormals-are-zero), IEEE-754
/// addition without excess precision, and a correctly rounded `std::fma`; and unless MPFR is
/// thread-safe and has at least its default exponents, ±(2^30 − 1).
///
/// Enclosing arithmetics call it when they are made, in every build type: a library that sets
/// flush-to-zero at load time (linked with -ffast-math) would otherwise make enclosures wrong.
void require_ieee_environment();

/// For programs that do much matrix arithmetic: asks the C library to keep freed memory. Matrices
/// of a few hundred kilobytes come and go at every step, and memory that was given back to the
/// system each time would have to be mapped and cleared again. Does nothing where the library has
/// no such setting.
void keep_freed_memory();

}  // namespace numgeom
