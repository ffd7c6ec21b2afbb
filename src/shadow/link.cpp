#include "numgeom/shadow/link.hpp"

#include <algorithm>
#include <utility>

#include "numgeom/error.hpp"

namespace numgeom {
namespace {

constexpr double kUnit = 0x1p-53;

/// Source entries of a sample and their weights, for every entry.
using Sums = std::vector<std::vector<std::pair<int, double>>>;

Sums gathered(const Gather& gather, const Sums& x) {
  Sums result(static_cast<std::size_t>(gather.out_rows * gather.out_cols));
  for (const std::vector<int>& sources : gather.sources)
    for (std::size_t k = 0; k < result.size(); ++k) {
      if (sources[k] < 0) continue;
      const auto& sum = x[static_cast<std::size_t>(sources[k])];
      result[k].insert(result[k].end(), sum.begin(), sum.end());
    }
  return result;
}

/// Entries stay where they are in memory.
bool is_reshape(const Layer& layer) {
  if (layer.kind != Layer::Kind::kGather) return false;
  const Gather& gather = layer.places->forward;
  if (gather.terms() != 1 || gather.in_rows * gather.in_cols != gather.out_rows * gather.out_cols)
    return false;
  const std::vector<int>& sources = gather.sources.front();
  for (std::size_t k = 0; k < sources.size(); ++k)
    if (sources[k] != static_cast<int>(k)) return false;
  return true;
}

bool is_linear(const Layer& layer) {
  return layer.kind == Layer::Kind::kGather || layer.kind == Layer::Kind::kDivide;
}

bool is_activation(const Layer& layer) {
  return layer.kind == Layer::Kind::kRelu || layer.kind == Layer::Kind::kTanh;
}

/// The linear operations of [first, last), if nothing but one activation stands among them, behind
/// reshapes only.
std::optional<std::vector<Layer>> linear_operations(const Layer* first, const Layer* last) {
  std::vector<Layer> linear;
  bool activated = false;
  for (const Layer* layer = first; layer != last; ++layer) {
    if (is_activation(*layer)) {
      if (activated || !std::all_of(linear.begin(), linear.end(), is_reshape)) return std::nullopt;
      activated = true;
    } else if (is_linear(*layer)) {
      linear.push_back(*layer);
    } else {
      return std::nullopt;
    }
  }
  return linear;
}

}  // namespace

Link::Link(const std::vector<Layer>& operations) {
  const Gather& first = operations.front().places->forward;
  rows_in_ = first.in_rows;
  units_ = first.in_cols;
  Sums sums(static_cast<std::size_t>(rows_in_ * units_));
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] = {{static_cast<int>(k), 1.0}};
  for (const Layer& layer : operations) {
    if (layer.kind == Layer::Kind::kDivide) {
      ++divisions_;
      for (auto& sum : sums)
        for (auto& [source, weight] : sum) weight /= layer.divisor;
      continue;
    }
    const Gather& gather = layer.places->forward;
    sums = gathered(gather, sums);
    rows_out_ = gather.out_rows;
    inputs_ = gather.out_cols;
  }
  const int units = static_cast<int>(units_);
  unit_of_.assign(static_cast<std::size_t>(inputs_), -1);
  starts_.push_back(0);
  for (std::size_t k = 0; k < sums.size(); ++k) {
    int& unit = unit_of_[k % unit_of_.size()];
    for (const auto& [source, weight] : sums[k]) {
      if (unit >= 0 && unit != source % units) throw Error("link: an input mixes units");
      unit = source % units;
      terms_.push_back({source / units, unit, weight});
    }
    starts_.push_back(static_cast<int>(terms_.size()));
  }
  bound_norm();
}

bool Link::keeps_entries() const {
  if (is_identity()) return true;
  if (rows_in_ != rows_out_ || units_ != inputs_) return false;
  for (Eigen::Index row = 0; row < rows_out_; ++row)
    for (Eigen::Index input = 0; input < inputs_; ++input) {
      int terms = 0;
      bool same = false;
      for_terms(row, input, [&](const Term& term) {
        ++terms;
        same = term.row == row && term.unit == input && term.weight == 1;
      });
      if (terms != 1 || !same) return false;
    }
  return true;
}

void Link::bound_norm() {
  std::vector<double> sums(static_cast<std::size_t>(rows_in_ * units_));
  std::vector<int> uses(sums.size());
  double row_sum = 0;
  for (std::size_t k = 0; k + 1 < starts_.size(); ++k) {
    double sum = 0;
    for (int t = starts_[k]; t < starts_[k + 1]; ++t) {
      const Term& term = terms_[static_cast<std::size_t>(t)];
      const auto source = static_cast<std::size_t>(term.row * units_ + term.unit);
      sum += term.weight;
      sums[source] += term.weight;
      most_terms_ = std::max(most_terms_, ++uses[source]);
    }
    most_terms_ = std::max(most_terms_, starts_[k + 1] - starts_[k]);
    row_sum = std::max(row_sum, sum);
  }
  const double column_sum = *std::max_element(sums.begin(), sums.end());
  norm_ = sqrt_up(Magnitude(row_sum) * Magnitude(column_sum)) * (Magnitude(1) + rounding());
}

Magnitude Link::rounding() const {
  // Twice, since it is applied to computed sizes.
  return Magnitude(2) * gamma(most_terms_ + divisions_ + 4, Magnitude(kUnit));
}

std::vector<int> Link::inputs_of(int unit) const {
  if (is_identity()) return {unit};
  std::vector<int> result;
  for (std::size_t f = 0; f < unit_of_.size(); ++f)
    if (unit_of_[f] == unit) result.push_back(static_cast<int>(f));
  return result;
}

NormBall Link::backward(const NormBall& x) const {
  if (is_identity()) return x;
  const Eigen::Index samples = x.rows() / rows_out_;
  Matrix<double> result = Matrix<double>::Zero(samples * rows_in_, units_);
  for (Eigen::Index s = 0; s < samples; ++s)
    for (Eigen::Index r = 0; r < rows_out_; ++r)
      for (Eigen::Index f = 0; f < inputs_; ++f) {
        const double entry = x.midpoint()(s * rows_out_ + r, f);
        for_terms(r, f, [&](const Term& term) {
          result(s * rows_in_ + term.row, term.unit) += term.weight * entry;
        });
      }
  const Magnitude underflow =
      Magnitude(static_cast<double>(terms_.size() + 1) * static_cast<double>(result.size())) *
      Magnitude::power_of_two(-1074);
  return {std::move(result), norm_ * (x.radius() + rounding() * x.size()) + underflow};
}

std::optional<std::vector<Link>> links_of(const Network& network) {
  std::vector<const Layer*> dense;
  const Layer* const begin = network.layers.data();
  const Layer* const end = begin + network.layers.size();
  for (const Layer* layer = begin; layer != end; ++layer)
    if (layer->kind == Layer::Kind::kDense) dense.push_back(layer);
  if (dense.empty() || dense.back() + 1 != end || !std::all_of(begin, dense.front(), is_linear))
    return std::nullopt;
  std::vector<Link> links;
  for (std::size_t m = 0; m + 1 < dense.size(); ++m) {
    const auto linear = linear_operations(dense[m] + 1, dense[m + 1]);
    if (!linear) return std::nullopt;
    links.push_back(linear->empty() ? Link() : Link(*linear));
    if (links.back().rows_in() == 1 && !links.back().keeps_entries()) return std::nullopt;
  }
  return links;
}

}  // namespace numgeom
