#include "numgeom/hpo/sampler.hpp"

#include <fmt/format.h>

#include "numgeom/error.hpp"
#include "numgeom/hpo/cma_es.hpp"
#include "numgeom/hpo/design.hpp"
#include "numgeom/hpo/gp_sampler.hpp"
#include "numgeom/hpo/tpe.hpp"

namespace numgeom {

std::unique_ptr<Sampler> make_sampler(const Space& space, const Search& search) {
  switch (search.method) {
    case SearchMethod::kTpe:
      return tpe_sampler(space, search);
    case SearchMethod::kCmaEs:
      return cma_es_sampler(space, search);
    case SearchMethod::kGp:
      return gp_sampler(space, search);
    default:
      return design_sampler(space, search);
  }
}

}  // namespace numgeom
