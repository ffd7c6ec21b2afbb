#include "numgeom/hpo/search.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

template <class E, std::size_t N>
using Names = std::array<std::pair<const char*, E>, N>;

constexpr Names<SearchMethod, 8> kMethods = {{{"list", SearchMethod::kList},
                                              {"grid", SearchMethod::kGrid},
                                              {"random", SearchMethod::kRandom},
                                              {"sobol", SearchMethod::kSobol},
                                              {"latin_hypercube", SearchMethod::kLatinHypercube},
                                              {"tpe", SearchMethod::kTpe},
                                              {"gp", SearchMethod::kGp},
                                              {"cma_es", SearchMethod::kCmaEs}}};

constexpr Names<AcquisitionKind, 5> kAcquisitions = {
    {{"ei", AcquisitionKind::kExpectedImprovement},
     {"log_ei", AcquisitionKind::kLogExpectedImprovement},
     {"ucb", AcquisitionKind::kConfidenceBound},
     {"thompson", AcquisitionKind::kThompson},
     {"precision_aware", AcquisitionKind::kPrecisionAware}}};

template <class E, std::size_t N>
E parse(const Names<E, N>& names, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [text, value] : names) {
    if (name == text) return value;
    known.emplace_back(text);
  }
  throw Error(fmt::format("one of {} expected, not '{}'", fmt::join(known, ", "), name));
}

template <class E, std::size_t N>
std::string name_of(const Names<E, N>& names, E value) {
  for (const auto& [text, other] : names)
    if (other == value) return text;
  return "?";
}

}  // namespace

std::string to_string(SearchMethod method) { return name_of(kMethods, method); }
SearchMethod parse_search_method(const std::string& name) { return parse(kMethods, name); }
std::string to_string(AcquisitionKind kind) { return name_of(kAcquisitions, kind); }
AcquisitionKind parse_acquisition(const std::string& name) { return parse(kAcquisitions, name); }

}  // namespace numgeom
