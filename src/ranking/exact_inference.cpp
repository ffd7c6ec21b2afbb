#include "exact_inference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "in_order.hpp"
#include "numgeom/arithmetic/ball_arithmetic.hpp"
#include "numgeom/arithmetic/interval_arithmetic.hpp"
#include "numgeom/arithmetic/limb_arithmetic.hpp"
#include "numgeom/train/train.hpp"

namespace numgeom {
namespace {

constexpr int kPart = ExactInference::kPart;

/// f(arithmetic) with the enclosing arithmetic of a rung.
template <class F>
auto with_enclosing_arithmetic(const Rung& rung, const F& f) {
  if (rung.kind == Rung::Kind::kInterval) return f(IntervalArithmetic());
  if (rung.bits <= LimbMidpoints::kMostBits) return f(LimbArithmetic(LimbMidpoints(rung.bits)));
  return f(BallArithmetic(BigFloatMidpoints(rung.bits)));
}

/// Exact doubles as a sum of floats, which takes no more limbs than they need: nothing where that
/// is not exact in this arithmetic.
template <class A>
std::optional<typename A::Matrix> embed_as_floats(const A& arithmetic, const Matrix<double>& x) {
  constexpr int kMostParts = 3;
  ExactMatrix part = x.cast<float>();
  Matrix<double> rest = x - part.cast<double>();
  auto sum = arithmetic.embed(part);
  for (int parts = 1; parts < kMostParts && (rest.array() != 0).any(); ++parts) {
    part = rest.cast<float>();
    rest -= part.cast<double>();
    sum = arithmetic.axpy(1.0, arithmetic.embed(part), sum);
  }
  if (!(rest.array() == 0).all() || !sum.radii.is_zero()) return std::nullopt;
  return sum;
}

/// Exact doubles, enclosed.
template <class Midpoints>
EnclosureMatrix<Midpoints> embed_doubles(const EnclosingArithmetic<Midpoints>& arithmetic,
                                         const Matrix<double>& x) {
  if (x.cast<float>().allFinite())
    if (auto exact = embed_as_floats(arithmetic, x)) return std::move(*exact);
  using Scalar = typename Midpoints::Enclosure;
  std::vector<Scalar> entries;
  entries.reserve(static_cast<std::size_t>(x.size()));
  for (Eigen::Index k = 0; k < x.size(); ++k) entries.emplace_back(x.data()[k]);
  auto [midpoints, error] = arithmetic.midpoints().from_midpoints(x.rows(), x.cols(), entries);
  return {std::move(midpoints), std::move(error)};
}

template <class A>
std::vector<typename A::Matrix> embed_all(const A& arithmetic,
                                          const std::vector<Matrix<double>>& parameters) {
  std::vector<typename A::Matrix> result;
  for (const Matrix<double>& parameter : parameters)
    result.push_back(embed_doubles(arithmetic, parameter));
  return result;
}

Indices part_of(const Indices& rows, int part) {
  const auto first = rows.begin() + static_cast<std::ptrdiff_t>(part) * kPart;
  return {first, first + std::min<std::ptrdiff_t>(kPart, rows.end() - first)};
}

int parts_of(const Indices& rows) { return static_cast<int>(rows.size() + kPart - 1) / kPart; }

Indices all_rows(const Problem& problem) {
  Indices rows(static_cast<std::size_t>(problem.data->validation.samples()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// For every output the first one that has the same weights and bias: for every input they are
/// equal. Each is its own where the last operation is not dense.
std::vector<int> first_same_outputs(const Network& network,
                                    const std::vector<Matrix<double>>& parameters) {
  std::vector<int> first(static_cast<std::size_t>(network.outputs()));
  std::iota(first.begin(), first.end(), 0);
  if (network.layers.back().kind != Layer::Kind::kDense) return first;
  const Matrix<double>& weights = parameters[parameters.size() - 2];
  const Matrix<double>& bias = parameters.back();
  for (Eigen::Index k = 0; k < weights.cols(); ++k)
    for (Eigen::Index j = 0; j < k; ++j)
      if (weights.col(j) == weights.col(k) && bias(0, j) == bias(0, k)) {
        first[static_cast<std::size_t>(k)] = static_cast<int>(j);
        break;
      }
  return first;
}

/// Σ bounds / n, rounded in the given direction.
template <class Bound>
BigFloat mean(const std::vector<ExactSample>& samples, mpfr_rnd_t direction, const Bound& bound) {
  std::vector<mpfr_ptr> terms;
  std::vector<BigFloat> copies;  // mpfr_sum takes its terms as mutable pointers
  copies.reserve(samples.size());
  int bits = 64;
  for (const ExactSample& sample : samples) {
    copies.push_back(bound(sample.loss));
    terms.push_back(copies.back().get());
    bits = std::max(bits, copies.back().bits());
  }
  BigFloat result(bits + 64);
  mpfr_sum(result.get(), terms.data(), terms.size(), direction);
  mpfr_div_ui(result.get(), result.get(), samples.size(), direction);
  return result;
}

}  // namespace

ExactInference::ExactInference(const Problem& problem,
                               const std::vector<Matrix<double>>& parameters, int threads,
                               Tick tick)
    : problem_(problem),
      parameters_(parameters),
      threads_(threads),
      tick_(std::move(tick)),
      first_same_(first_same_outputs(problem.network, parameters)),
      samples_(static_cast<std::size_t>(problem.data->validation.samples())) {}

template <class A>
void ExactInference::decide_label(const std::vector<typename A::Scalar>& outputs,
                                  ExactSample& sample) const {
  using Scalar = typename A::Scalar;
  if (problem_.loss.kind == Loss::Kind::kBinaryCrossEntropy) {
    if (certainly_less(Scalar(0.0), outputs[0])) sample.label = 1;
    if (certainly_less_equal(outputs[0], Scalar(0.0))) sample.label = 0;
    if (sample.label < 0)
      sample.open = fmt::format("the sign of the output is open at {} bits", sample.bits);
    return;
  }
  std::size_t best = 0;
  for (std::size_t k = 1; k < outputs.size(); ++k)
    if (certainly_less(outputs[best], outputs[k])) best = k;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (k == best) continue;
    // The first of equal outputs has the label.
    const bool same = first_same_[k] == first_same_[best];
    const bool less = k < best ? certainly_less(outputs[k], outputs[best])
                               : certainly_less_equal(outputs[k], outputs[best]);
    if (same ? k > best : less) continue;
    sample.open = fmt::format("outputs {} and {} are not told apart at {} bits", std::min(k, best),
                              std::max(k, best), sample.bits);
    return;
  }
  sample.label = static_cast<int>(best);
}

template <class A>
ExactSample ExactInference::decide(const A& arithmetic, const typename A::Matrix& output,
                                   int row) const {
  const Loss& loss = problem_.loss;
  ExactSample sample;
  sample.bits = arithmetic.midpoints().bits();
  typename A::Matrix gradient;
  sample.loss = Enclosure(evaluate(arithmetic, loss, output,
                                   Targets::of(problem_.data->validation, loss, {row}), gradient));
  if (loss.needs_targets()) return sample;
  std::vector<typename A::Scalar> outputs;
  for (Eigen::Index k = 0; k < output.cols(); ++k) outputs.push_back(arithmetic.at(output, 0, k));
  decide_label<A>(outputs, sample);
  return sample;
}

template <class A>
std::vector<ExactSample> ExactInference::infer(const A& arithmetic,
                                               const std::vector<typename A::Matrix>& weights,
                                               const Indices& rows) const {
  const ExactMatrix features = problem_.data->validation.features(rows, Eigen::all);
  const auto outputs = outputs_of(arithmetic, problem_.network, weights, features, kPart);
  std::vector<ExactSample> samples;
  for (std::size_t i = 0; i < rows.size(); ++i)
    samples.push_back(
        decide(arithmetic, arithmetic.gather_rows(outputs, {static_cast<int>(i)}), rows[i]));
  return samples;
}

void ExactInference::refine(const Indices& rows, int bits) {
  const Rung rung = Rung::for_bits(bits);
  Indices coarse;
  for (const int row : rows)
    if (samples_[static_cast<std::size_t>(row)].bits < rung.bits) coarse.push_back(row);
  if (coarse.empty()) return;
  with_enclosing_arithmetic(rung, [&](const auto& arithmetic) {
    const auto weights = embed_all(arithmetic, parameters_);
    in_order(
        parts_of(coarse), threads_,
        [&](int part) { return infer(arithmetic, weights, part_of(coarse, part)); },
        [&](int part, std::vector<ExactSample> found) {
          for (std::size_t i = 0; i < found.size(); ++i)
            samples_[static_cast<std::size_t>(coarse[static_cast<std::size_t>(part) * kPart + i])] =
                std::move(found[i]);
          tick_();
        });
    return 0;
  });
}

void ExactInference::refine_all(int bits) { refine(all_rows(problem_), bits); }

Enclosure ExactInference::loss() const {
  const bool bounded = std::all_of(samples_.begin(), samples_.end(), [](const ExactSample& sample) {
    return sample.loss.is_bounded();
  });
  if (!bounded) return {};
  return {mean(samples_, MPFR_RNDD, [](const Enclosure& x) { return x.lower; }),
          mean(samples_, MPFR_RNDU, [](const Enclosure& x) { return x.upper; })};
}

template <class A>
std::vector<typename A::Matrix> ExactInference::gradients(
    const A& arithmetic, const std::vector<typename A::Matrix>& weights,
    const Indices& rows) const {
  const Dataset& data = problem_.data->validation;
  const ExactMatrix features = data.features(rows, Eigen::all);
  const Targets targets = Targets::of(data, problem_.loss, rows);
  auto passes = forward_backward(arithmetic, problem_.network, problem_.loss, weights,
                                 arithmetic.embed(features), targets);
  // The mean over the part becomes its share of the mean over all.
  const Constant share =
      Constant(static_cast<double>(rows.size())) / Constant(static_cast<double>(data.samples()));
  for (auto& gradient : passes.gradients) gradient = arithmetic.scale(share, gradient);
  return std::move(passes.gradients);
}

Enclosure ExactInference::sensitivity(int bits) const {
  const Indices rows = all_rows(problem_);
  return with_enclosing_arithmetic(Rung::for_bits(bits), [&](const auto& arithmetic) {
    const auto weights = embed_all(arithmetic, parameters_);
    using Matrices = std::remove_const_t<decltype(weights)>;
    Matrices total;
    in_order(
        parts_of(rows), threads_,
        [&](int part) { return gradients(arithmetic, weights, part_of(rows, part)); },
        [&](int part, Matrices found) {
          for (std::size_t k = 0; k < found.size() && part > 0; ++k)
            found[k] = arithmetic.add(total[k], found[k]);
          total = std::move(found);
          tick_();
        });
    auto sum = arithmetic.midpoints().zero();
    for (std::size_t k = 0; k < total.size(); ++k)
      for (Eigen::Index i = 0; i < total[k].rows(); ++i)
        for (Eigen::Index j = 0; j < total[k].cols(); ++j)
          sum += abs(arithmetic.at(weights[k], i, j) * arithmetic.at(total[k], i, j));
    return Enclosure(sum);
  });
}

}  // namespace numgeom
