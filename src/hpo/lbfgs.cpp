#include "lbfgs.hpp"

#include <nlopt.h>

#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <new>

namespace numgeom {
namespace {

constexpr double kHuge = 1e100;
constexpr double kRelativeProgress = 1e-7;

struct Visit {
  const SmoothFunction& function;
  Minimum best;
  std::exception_ptr failure;
  nlopt_opt optimiser = nullptr;
};

double evaluate(Visit& visit, const Eigen::VectorXd& x, double* slope_out) {
  Eigen::VectorXd slope(x.size());
  double value = visit.function(x, slope);
  if (!std::isfinite(value) || !slope.allFinite()) {
    value = kHuge;
    slope.setZero();
  }
  if (value < visit.best.value) visit.best = {x, value};
  if (slope_out != nullptr) Eigen::Map<Eigen::VectorXd>(slope_out, x.size()) = slope;
  return value;
}

double callback(unsigned n, const double* x, double* slope, void* data) {
  auto& visit = *static_cast<Visit*>(data);
  try {
    return evaluate(visit, Eigen::Map<const Eigen::VectorXd>(x, n), slope);
  } catch (...) {  // may not cross C
    visit.failure = std::current_exception();
    nlopt_force_stop(visit.optimiser);
    return kHuge;
  }
}

}  // namespace

Minimum minimise(const SmoothFunction& function, const Eigen::VectorXd& start,
                 const Eigen::VectorXd& lower, const Eigen::VectorXd& upper, int evaluations) {
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> optimiser(
      nlopt_create(NLOPT_LD_LBFGS, static_cast<unsigned>(start.size())), nlopt_destroy);
  if (!optimiser) throw std::bad_alloc();
  Eigen::VectorXd x = start.cwiseMax(lower).cwiseMin(upper);
  Visit visit{function, {x, std::numeric_limits<double>::infinity()}, nullptr, optimiser.get()};
  nlopt_set_min_objective(optimiser.get(), callback, &visit);
  nlopt_set_lower_bounds(optimiser.get(), lower.data());
  nlopt_set_upper_bounds(optimiser.get(), upper.data());
  nlopt_set_maxeval(optimiser.get(), evaluations);
  nlopt_set_ftol_rel(optimiser.get(), kRelativeProgress);
  double value = 0;
  // What it returns does not matter: the best point is kept whatever ended the search.
  nlopt_optimize(optimiser.get(), x.data(), &value);
  if (visit.failure) std::rethrow_exception(visit.failure);
  return visit.best;
}

}  // namespace numgeom
