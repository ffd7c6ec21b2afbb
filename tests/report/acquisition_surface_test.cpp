#include "report/acquisition_surface.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace numgeom;

namespace {

Space plane() {
  return {{Parameter::real("lr", 1e-3, 1, true), Parameter::real("momentum", 0, 1)}, {}};
}

/// A bowl over the plane, its errors growing with the learning rate by `growth` a decade.
History bowl(int trials, double delta, double growth = 1) {
  History history;
  for (int i = 0; i < trials; ++i) {
    const double t = std::fmod(0.5 + 0.618 * i, 1.0);
    const double s = std::fmod(0.5 + 0.754 * i, 1.0);
    Evaluation one;
    one.assignment = {{"lr", std::pow(10, 3 * t - 3)}, {"momentum", s}};
    one.state = Evaluation::State::kDone;
    one.loss = (t - 0.6) * (t - 0.6) + (s - 0.4) * (s - 0.4);
    one.delta = delta * std::pow(growth, 3 * t);
    history.push_back(one);
  }
  return history;
}

std::vector<double> flat(const OrderedJson& panel) {
  std::vector<double> result;
  for (const auto& row : panel["values"])
    for (const auto& value : row) result.push_back(value.get<double>());
  return result;
}

double greatest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::fabs(a[i] - b[i]));
  return greatest;
}

}  // namespace

TEST_CASE("the surface is a share of its maximum on a grid over the space") {
  const OrderedJson surface = acquisition_surface(plane(), bowl(12, 1e-6), 10);
  CHECK(surface["step"] == 12);
  CHECK(surface["axes"][0]["name"] == "lr");
  CHECK(surface["axes"][0]["scale"] == "log");
  CHECK(surface["axes"][1]["scale"] == "linear");
  CHECK(surface["axes"][1]["values"][0].get<double>() == Approx(0.05));
  for (const char* panel : {"expected_improvement", "precision_aware"}) {
    const std::vector<double> values = flat(surface[panel]);
    REQUIRE(values.size() == 100);
    CHECK(*std::max_element(values.begin(), values.end()) == 1);
    CHECK(*std::min_element(values.begin(), values.end()) >= 0);
    CHECK(surface[panel]["maximum"].get<double>() > 0);
  }
}

TEST_CASE("without errors to speak of, precision-aware is expected improvement") {
  const OrderedJson exact = acquisition_surface(plane(), bowl(12, 1e-14), 10);
  CHECK(greatest_difference(flat(exact["expected_improvement"]), flat(exact["precision_aware"])) <
        1e-2);
  const OrderedJson rough = acquisition_surface(plane(), bowl(12, 1e-4, 30), 10);
  CHECK(greatest_difference(flat(rough["expected_improvement"]), flat(rough["precision_aware"])) >
        0.05);
}

TEST_CASE("no surface without two real hyperparameters, five losses or any error") {
  CHECK(acquisition_surface(plane(), bowl(4, 1e-6)).is_null());
  CHECK(acquisition_surface(plane(), {}).is_null());
  History unknown = bowl(12, 1e-6);
  for (Evaluation& one : unknown) one.delta.reset();
  CHECK(acquisition_surface(plane(), unknown).is_null());
  Space line = plane();
  line.parameters[1] = Parameter::fixed("momentum", 0.5);
  CHECK(acquisition_surface(line, bowl(12, 1e-6)).is_null());
}

TEST_CASE("other hyperparameters are those of the best trial") {
  Space space = plane();
  space.parameters.push_back(
      Parameter::categorical("optimizer", {std::string("sgd"), std::string("adam")}));
  History history = bowl(12, 1e-6);
  for (std::size_t i = 0; i < history.size(); ++i)
    history[i].assignment.add("optimizer", std::string(i % 2 == 0 ? "sgd" : "adam"));
  const auto best = std::min_element(history.begin(), history.end(),
                                     [](const auto& a, const auto& b) { return a.loss < b.loss; });
  const OrderedJson surface = acquisition_surface(space, history, 5);
  CHECK(surface["fixed"]["optimizer"] == std::get<std::string>(best->assignment.at("optimizer")));
}
