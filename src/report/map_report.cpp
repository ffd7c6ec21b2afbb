#include "numgeom/report/map_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "document.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

using Json = OrderedJson;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// What pictures show for an error of zero, and for one without a bound.
constexpr double kLeastLog = -20;
constexpr double kMostLog = 2;

double log10_shown(double x) { return std::clamp(std::log10(x), kLeastLog, kMostLog); }

double relative_phi(const NativeRun& run) {
  const auto phi = run.estimates.find("phi");
  if (run.diverged() || phi == run.estimates.end() || std::isnan(phi->second.value))
    return kInfinity;
  return phi->second.value == 0 ? 0 : phi->second.value / std::abs(run.loss);
}

char symbol(Stability verdict) {
  switch (verdict) {
    case Stability::kStable:
      return '.';
    case Stability::kUnstable:
      return '#';
    default:
      return '?';
  }
}

std::string short_text(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real == nullptr ? to_string(value) : fmt::format("{:.3g}", *real);
}

int count(const std::vector<MapCell>& cells, Stability verdict) {
  return static_cast<int>(std::count_if(
      cells.begin(), cells.end(), [&](const MapCell& cell) { return cell.verdict == verdict; }));
}

Json axis_json(const MapAxis& axis) {
  Json values = Json::array();
  for (const Value& value : axis.values) values.push_back(value_json(value));
  return {{"name", axis.parameter.name},
          {"scale", axis.parameter.logarithmic ? "log" : "linear"},
          {"values", values}};
}

Json cell_json(const MapCell& cell) {
  Json json = {{"x", cell.cell.x},
               {"y", cell.cell.y},
               {"evaluated", cell.evaluated},
               {"verdict", to_string(cell.verdict)},
               {"log10_relative_error", number_json(cell.log10_error)}};
  if (!cell.evaluated) return json;
  json["relative_error"] = {{"lower", number_json(cell.relative_error.lower)},
                            {"upper", number_json(cell.relative_error.upper)}};
  json["relative_phi"] = number_json(cell.relative_phi);
  json["verdict_by_phi"] = to_string(cell.by_phi);
  return json;
}

}  // namespace

StabilityMap::StabilityMap(const LoadedStudy& study, MapOptions options)
    : study_(study),
      options_(std::move(options)),
      grid_(study.study().space, options_),
      refinement_(grid_.columns(), grid_.rows(), options_.adaptive) {}

std::vector<Trial> StabilityMap::next() {
  asked_.clear();
  std::vector<Trial> trials;
  for (const Cell& cell : refinement_.next()) {
    const std::vector<Assignment> configurations = grid_.configurations(cell);
    if (configurations.empty())
      throw Error(
          fmt::format("map: no configuration with {} = {} and {} = {} keeps the constraints",
                      grid_.x().parameter.name, to_string(grid_.x().values[cell.x]),
                      grid_.y().parameter.name, to_string(grid_.y().values[cell.y])));
    asked_.emplace_back(cell, configurations.size());
    for (const Assignment& configuration : configurations)
      trials.push_back(study_.trial(configuration));
  }
  return trials;
}

MapCell StabilityMap::judge(const Cell& cell, const std::vector<CertifiedTrial>& samples) const {
  MapCell result;
  result.cell = cell;
  result.evaluated = true;
  for (const CertifiedTrial& sample : samples) {
    const CertifiedError error =
        relative_error(sample.certified_errors.front(), sample.certification.loss);
    result.relative_error.lower = std::max(result.relative_error.lower, error.lower);
    result.relative_error.upper = std::max(result.relative_error.upper, error.upper);
    result.relative_phi = std::max(result.relative_phi, relative_phi(sample.native.front()));
    result.loss += sample.certification.loss.midpoint() / static_cast<double>(samples.size());
  }
  if (samples.empty()) return result;
  result.verdict = stability(result.relative_error, options_.tolerance);
  result.by_phi =
      result.relative_phi < options_.tolerance ? Stability::kStable : Stability::kUnstable;
  result.log10_error = log10_shown(result.relative_error.upper);
  return result;
}

void StabilityMap::add(const std::vector<CertifiedTrial>& trials) {
  std::size_t expected = 0;
  for (const auto& [cell, samples] : asked_) expected += samples;
  if (trials.size() != expected)
    throw Error(fmt::format("map: {} trials expected, not {}", expected, trials.size()));
  auto from = trials.begin();
  for (const auto& [cell, samples] : asked_) {
    const auto to = from + static_cast<std::ptrdiff_t>(samples);
    cells_.push_back(judge(cell, {from, to}));
    refinement_.set(cell, cells_.back().verdict, cells_.back().loss);
    from = to;
  }
}

const MapCell& StabilityMap::at(const Cell& cell) const {
  return *std::find_if(cells_.begin(), cells_.end(),
                       [&](const MapCell& known) { return known.cell == cell; });
}

std::vector<MapCell> StabilityMap::cells() const {
  std::vector<MapCell> all;
  for (int y = 0; y < grid_.rows(); ++y)
    for (int x = 0; x < grid_.columns(); ++x) {
      const Cell cell{x, y};
      if (refinement_.known(cell)) {
        all.push_back(at(cell));
        continue;
      }
      MapCell inferred;
      inferred.cell = cell;
      inferred.verdict = refinement_.inferred(cell);
      for (const auto& [corner, share] : refinement_.corners(cell))
        inferred.log10_error += share * at(corner).log10_error;
      all.push_back(inferred);
    }
  return all;
}

std::string map_text(const LoadedStudy& study, const StabilityMap& map) {
  const MapGrid& grid = map.grid();
  const std::vector<MapCell> cells = map.cells();
  std::size_t width = grid.y().parameter.name.size();
  for (const Value& value : grid.y().values) width = std::max(width, short_text(value).size());
  std::string text = fmt::format("{:>{}}\n", grid.y().parameter.name, width);
  for (int y = grid.rows() - 1; y >= 0; --y) {
    text += fmt::format("{:>{}}  ", short_text(grid.y().values[y]), width);
    for (int x = 0; x < grid.columns(); ++x)
      text += symbol(cells[static_cast<std::size_t>(y * grid.columns() + x)].verdict);
    text += '\n';
  }
  text += fmt::format("{:>{}}  {} from {} to {}\n\n", "", width, grid.x().parameter.name,
                      short_text(grid.x().values.front()), short_text(grid.x().values.back()));
  const int agreeing =
      static_cast<int>(std::count_if(cells.begin(), cells.end(), [](const MapCell& cell) {
        return cell.evaluated && cell.verdict == cell.by_phi;
      }));
  text += fmt::format(
      "{}: relative error below {:g}: {} cells stable (.), {} unstable (#), {} undecided (?)\n"
      "{} of {} cells evaluated{}; Φ says the same in {} of them\n",
      to_string(study.study().precisions.front()), map.options().tolerance,
      count(cells, Stability::kStable), count(cells, Stability::kUnstable),
      count(cells, Stability::kUndecided), map.evaluated(), cells.size(),
      map.evaluated() < static_cast<int>(cells.size()) ? ", the others inferred" : "", agreeing);
  return text;
}

std::string map_json(const LoadedStudy& study, const StabilityMap& map) {
  Json cells = Json::array();
  for (const MapCell& cell : map.cells()) cells.push_back(cell_json(cell));
  Json fixed = Json::object();
  for (const auto& [name, value] : map.options().fixed) fixed[name] = value_json(value);
  const Json document = {{"schema_version", kSchemaVersion},
                         {"kind", "map"},
                         {"problem", problem_json(study)},
                         {"build", build_json()},
                         {"precision", to_string(study.study().precisions.front())},
                         {"tolerance", map.options().tolerance},
                         {"fixed", fixed},
                         {"samples", map.options().samples},
                         {"axes", {axis_json(map.grid().x()), axis_json(map.grid().y())}},
                         {"cells", cells}};
  return document.dump(2) + "\n";
}

}  // namespace numgeom
