#include "numgeom/hpo/design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/sobol.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "feasible.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

class RandomPoints : public PointStream {
 public:
  RandomPoints(int dimensions, std::uint64_t seed) : dimensions_(dimensions), engine_(seed) {}

  std::optional<Eigen::VectorXd> next() override {
    Eigen::VectorXd point(dimensions_);
    for (double& x : point) x = uniform_(engine_);
    return point;
  }

 private:
  int dimensions_;
  boost::random::mt19937_64 engine_;
  boost::random::uniform_01<double> uniform_;
};

/// A lower triangular matrix of bits with ones on the diagonal, and a shift.
class Scramble {
 public:
  explicit Scramble(boost::random::mt19937_64& engine) : shift_(engine()) {
    for (int row = 0; row < kBits; ++row) {
      const std::uint64_t diagonal = std::uint64_t{1} << (kBits - 1 - row);
      const std::uint64_t above = row == 0 ? 0 : ~std::uint64_t{0} << (kBits - row);
      rows_[static_cast<std::size_t>(row)] = diagonal | (engine() & above);
    }
  }

  [[nodiscard]] std::uint64_t operator()(std::uint64_t digits) const {
    std::uint64_t result = 0;
    for (const std::uint64_t row : rows_)
      result = (result << 1) | (std::uint64_t(std::popcount(row & digits)) & 1);
    return result ^ shift_;
  }

 private:
  static constexpr int kBits = 64;
  std::array<std::uint64_t, kBits> rows_{};
  std::uint64_t shift_;
};

class SobolPoints : public PointStream {
 public:
  SobolPoints(int dimensions, std::optional<std::uint64_t> seed) : dimensions_(dimensions) {
    constexpr int kMost = 3667;
    if (dimensions > kMost)
      throw Error(
          fmt::format("sobol: at most {} hyperparameters expected, not {}", kMost, dimensions));
    if (dimensions > 0) engine_.emplace(static_cast<std::size_t>(dimensions));
    if (!seed) return;
    boost::random::mt19937_64 random(*seed);
    for (int i = 0; i < dimensions; ++i) scrambles_.emplace_back(random);
  }

  std::optional<Eigen::VectorXd> next() override {
    Eigen::VectorXd point(dimensions_);
    for (int i = 0; i < dimensions_; ++i) {
      std::uint64_t digits = (*engine_)();
      if (!scrambles_.empty()) digits = scrambles_[static_cast<std::size_t>(i)](digits);
      // 53 digits are a double exactly: rounding would turn the last points into 1.
      point[i] = std::ldexp(static_cast<double>(digits >> 11), -53);
    }
    return point;
  }

 private:
  int dimensions_;
  std::optional<boost::random::sobol> engine_;
  std::vector<Scramble> scrambles_;
};

class LatinHypercubePoints : public PointStream {
 public:
  LatinHypercubePoints(int dimensions, int size, std::uint64_t seed)
      : dimensions_(dimensions), size_(size), at_(size), engine_(seed) {}

  std::optional<Eigen::VectorXd> next() override {
    if (at_ == size_) draw();
    return points_.row(at_++).transpose();
  }

 private:
  void draw() {
    points_.resize(size_, dimensions_);
    std::vector<int> slices(static_cast<std::size_t>(size_));
    for (int j = 0; j < dimensions_; ++j) {
      std::iota(slices.begin(), slices.end(), 0);
      for (int i = size_ - 1; i > 0; --i)
        std::swap(slices[static_cast<std::size_t>(i)],
                  slices[boost::random::uniform_int_distribution<std::size_t>(
                      0, static_cast<std::size_t>(i))(engine_)]);
      for (int i = 0; i < size_; ++i)
        points_(i, j) = (slices[static_cast<std::size_t>(i)] + uniform_(engine_)) / size_;
    }
    at_ = 0;
  }

  int dimensions_;
  int size_;
  int at_;
  Eigen::MatrixXd points_;
  boost::random::mt19937_64 engine_;
  boost::random::uniform_01<double> uniform_;
};

/// All combinations, the last coordinate fastest.
class GridPoints : public PointStream {
 public:
  GridPoints(const Space& space, int points) {
    for (const Parameter* parameter : space.free())
      positions_.push_back(grid_positions(*parameter, points));
    digits_.resize(positions_.size(), 0);
  }

  std::optional<Eigen::VectorXd> next() override {
    if (ended_) return std::nullopt;
    Eigen::VectorXd point(static_cast<Eigen::Index>(positions_.size()));
    for (std::size_t i = 0; i < positions_.size(); ++i)
      point[static_cast<Eigen::Index>(i)] = positions_[i][digits_[i]];
    advance();
    return point;
  }

 private:
  void advance() {
    for (std::size_t i = digits_.size(); i-- > 0;) {
      if (++digits_[i] < positions_[i].size()) return;
      digits_[i] = 0;
    }
    ended_ = true;
  }

  std::vector<std::vector<double>> positions_;
  std::vector<std::size_t> digits_;
  bool ended_ = false;
};

/// The points of a stream that are feasible, kept for the next call.
class StreamSampler : public Sampler {
 public:
  StreamSampler(const Space& space, std::unique_ptr<PointStream> points, bool once)
      : space_(space), points_(std::move(points)), once_(once) {}

  std::optional<Suggestion> suggest(const History& history) override {
    while (drawn_.size() <= history.size())
      if (!draw()) return std::nullopt;
    return Suggestion{drawn_[history.size()], {}, {}};
  }

 private:
  bool draw() {
    for (int rejected = 0; rejected < kMostRejected;) {
      const auto point = points_->next();
      if (!point) return false;
      Assignment assignment = space_.decode(*point);
      if (once_ && std::find(drawn_.begin(), drawn_.end(), assignment) != drawn_.end()) continue;
      if (space_.feasible(assignment)) {
        drawn_.push_back(std::move(assignment));
        return true;
      }
      if (!once_) ++rejected;
    }
    throw nothing_feasible();
  }

  Space space_;
  std::unique_ptr<PointStream> points_;
  bool once_;
  std::vector<Assignment> drawn_;
};

class ListSampler : public Sampler {
 public:
  explicit ListSampler(std::vector<Assignment> list) : list_(std::move(list)) {}
  std::optional<Suggestion> suggest(const History& history) override {
    if (history.size() >= list_.size()) return std::nullopt;
    return Suggestion{list_[history.size()], {}, {}};
  }

 private:
  std::vector<Assignment> list_;
};

}  // namespace

std::vector<double> grid_positions(const Parameter& parameter, int points) {
  const std::int64_t cells = parameter.cells();
  const bool all = cells > 0 && (parameter.is_nominal() || cells <= points);
  const auto count = all ? static_cast<int>(cells) : points;
  std::vector<double> positions;
  for (int i = 0; i < count; ++i)
    positions.push_back(all          ? (i + 0.5) / count
                        : count == 1 ? 0.0
                                     : static_cast<double>(i) / (count - 1));
  return positions;
}

std::unique_ptr<PointStream> random_points(int dimensions, std::uint64_t seed) {
  return std::make_unique<RandomPoints>(dimensions, seed);
}

std::unique_ptr<PointStream> sobol_points(int dimensions, std::optional<std::uint64_t> seed) {
  return std::make_unique<SobolPoints>(dimensions, seed);
}

std::unique_ptr<PointStream> latin_hypercube_points(int dimensions, int size, std::uint64_t seed) {
  return std::make_unique<LatinHypercubePoints>(dimensions, size, seed);
}

bool is_design(SearchMethod method) {
  switch (method) {
    case SearchMethod::kList:
    case SearchMethod::kGrid:
    case SearchMethod::kRandom:
    case SearchMethod::kSobol:
    case SearchMethod::kLatinHypercube:
      return true;
    default:
      return false;
  }
}

std::unique_ptr<Sampler> design_sampler(const Space& space, const Search& search) {
  const int dimensions = space.dimensions();
  const auto stream = [&](std::unique_ptr<PointStream> points, bool once = false) {
    return std::make_unique<StreamSampler>(space, std::move(points), once);
  };
  switch (search.method) {
    case SearchMethod::kList:
      return std::make_unique<ListSampler>(search.configurations);
    case SearchMethod::kGrid:
      return stream(std::make_unique<GridPoints>(space, search.points), true);
    case SearchMethod::kRandom:
      return stream(random_points(dimensions, search.seed_or_zero()));
    case SearchMethod::kLatinHypercube:
      return stream(latin_hypercube_points(dimensions, search.trials, search.seed_or_zero()));
    case SearchMethod::kSobol:
      return stream(sobol_points(dimensions, search.seed));
    default:
      break;
  }
  throw Error(fmt::format("search: method \"{}\" chooses by losses: 'numgeom optimize' runs it",
                          to_string(search.method)));
}

std::vector<Assignment> sample(const Space& space, const Search& search) {
  const auto sampler = design_sampler(space, search);
  const bool endless = search.method != SearchMethod::kList && search.method != SearchMethod::kGrid;
  History history;
  std::vector<Assignment> result;
  while (!endless || static_cast<int>(result.size()) < search.trials) {
    const auto suggestion = sampler->suggest(history);
    if (!suggestion) break;
    result.push_back(suggestion->assignment);
    history.push_back({suggestion->assignment});
  }
  return result;
}

}  // namespace numgeom
