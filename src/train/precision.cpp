#include "numgeom/train/precision.hpp"

#include <array>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr std::array kFormats{FloatFormat::kFp64, FloatFormat::kFp32, FloatFormat::kTf32,
                              FloatFormat::kFp16, FloatFormat::kBf16};
constexpr std::array kOrders{Summation::kBlocked, Summation::kSequential, Summation::kPairwise,
                             Summation::kKahan};

const char* name_of(FloatFormat format) {
  switch (format) {
    case FloatFormat::kFp64:
      return "fp64";
    case FloatFormat::kFp32:
      return "fp32";
    case FloatFormat::kTf32:
      return "tf32";
    case FloatFormat::kFp16:
      return "fp16";
    case FloatFormat::kBf16:
      return "bf16";
  }
  return "";
}

const char* suffix_of(Summation summation) {
  switch (summation) {
    case Summation::kBlocked:
      return "";
    case Summation::kSequential:
      return "-sequential";
    case Summation::kPairwise:
      return "-pairwise";
    case Summation::kKahan:
      return "-kahan";
  }
  return "";
}

}  // namespace

std::vector<Precision> all_precisions() {
  std::vector<Precision> all;
  for (const FloatFormat format : kFormats)
    for (const bool mixed : {false, true})
      for (const bool stochastic : {false, true})
        for (const Summation summation : kOrders)
          if (is_storage(format) || (!mixed && !stochastic))
            all.push_back({format, mixed, stochastic, summation});
  return all;
}

std::string to_string(const Precision& precision) {
  std::string name = name_of(precision.format);
  if (precision.mixed) name += "-mixed";
  if (precision.stochastic) name += "-stochastic";
  name += suffix_of(precision.summation);
  if ((precision.mixed || precision.stochastic) && !is_storage(precision.format))
    throw Error("precision: " + name + " is not one; only fp16 and bf16 are mixed or stochastic");
  return name;
}

Precision parse_precision(const std::string& name) {
  for (const Precision& precision : all_precisions())
    if (to_string(precision) == name) return precision;
  throw Error("precision: '" + name +
              "' is unknown; expected fp64, fp32, tf32, fp16 or bf16, then -mixed and -stochastic "
              "(fp16 and bf16), then -sequential, -pairwise or -kahan, in that order");
}

double unit_roundoff(const Precision& precision) { return unit_roundoff(precision.format); }

}  // namespace numgeom
