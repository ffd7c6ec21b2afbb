// What batch normalisation costs the direct way: bits that a small ReLU network loses in training,
// with normalisation of the hidden layer over the batch and without.

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "numgeom/arithmetic/ball.hpp"

namespace {

using numgeom::Ball;
using Matrix = std::vector<std::vector<Ball>>;

constexpr int kBits = 2048;
constexpr int kInputs = 8;
constexpr int kHidden = 16;
constexpr int kBatch = 16;

Ball real(double x) { return Ball(x, kBits); }

Matrix draw(int rows, int cols, double deviation, std::mt19937& random) {
  std::normal_distribution<double> normal(0, deviation);
  Matrix result(rows, std::vector<Ball>(cols, real(0)));
  for (auto& row : result)
    for (Ball& x : row) x = real(normal(random));
  return result;
}

struct Network {
  Matrix w;                ///< inputs × hidden
  std::vector<Ball> v;     ///< hidden
  std::vector<Ball> gain;  ///< of the normalisation, as are shifts
  std::vector<Ball> shift;
};

/// One unit of the hidden layer over the batch.
struct Unit {
  std::vector<Ball> normal;  ///< (z − mean)/√(variance + 10⁻⁵), or z itself
  std::vector<Ball> active;  ///< max(0, gain·normal + shift)
  Ball inverse_deviation = real(1);
};

Unit forward(const Network& net, const Matrix& x, int h, bool normalise) {
  Unit unit;
  Ball mean = real(0);
  for (int b = 0; b < kBatch; ++b) {
    Ball z = real(0);
    for (int i = 0; i < kInputs; ++i) z += x[b][i] * net.w[i][h];
    unit.normal.push_back(z);
    mean += z / real(kBatch);
  }
  if (normalise) {
    Ball variance = real(0);
    for (const Ball& z : unit.normal) variance += sqr(z - mean) / real(kBatch);
    unit.inverse_deviation = real(1) / sqrt(variance + real(1e-5));
    for (Ball& z : unit.normal) z = (z - mean) * unit.inverse_deviation;
  }
  for (const Ball& n : unit.normal)
    unit.active.push_back(max(real(0), net.gain[h] * n + net.shift[h]));
  return unit;
}

/// One step of SGD on the mean squared error; returns the loss before it.
Ball step(Network& net, const Matrix& x, const std::vector<Ball>& y, double lr, bool normalise) {
  std::vector<Unit> units;
  std::vector<Ball> residuals(kBatch, real(0));
  for (int h = 0; h < kHidden; ++h) {
    units.push_back(forward(net, x, h, normalise));
    for (int b = 0; b < kBatch; ++b) residuals[b] += units[h].active[b] * net.v[h];
  }
  Ball loss = real(0);
  for (int b = 0; b < kBatch; ++b) {
    residuals[b] -= y[b];
    loss += sqr(residuals[b]) / real(kBatch);
  }
  const Ball rate = real(lr);
  for (int h = 0; h < kHidden; ++h) {
    const Unit& unit = units[h];
    std::vector<Ball> d(kBatch, real(0));  // of the loss by gain·normal + shift
    Ball by_v = real(0);
    Ball by_shift = real(0);
    Ball by_gain = real(0);
    for (int b = 0; b < kBatch; ++b) {
      const Ball by_output = real(2) * residuals[b] / real(kBatch);
      by_v += by_output * unit.active[b];
      if (!certainly_less(real(0), unit.active[b])) continue;
      d[b] = by_output * net.v[h];
      by_shift += d[b];
      by_gain += d[b] * unit.normal[b];
    }
    for (int b = 0; b < kBatch; ++b) {
      const Ball by_z = normalise
                            ? net.gain[h] * unit.inverse_deviation *
                                  (d[b] - (by_shift + unit.normal[b] * by_gain) / real(kBatch))
                            : d[b];
      for (int i = 0; i < kInputs; ++i) net.w[i][h] -= rate * by_z * x[b][i];
    }
    net.v[h] -= rate * by_v;
    net.shift[h] -= rate * by_shift;
    if (normalise) net.gain[h] -= rate * by_gain;
  }
  return loss;
}

/// Bits lost after every 20 steps.
void measure(double lr, bool normalise) {
  std::mt19937 random(1);
  const Matrix x = draw(kBatch, kInputs, 1, random);
  Network net{draw(kInputs, kHidden, std::sqrt(2.0 / kInputs), random),
              draw(1, kHidden, std::sqrt(2.0 / kHidden), random)[0],
              std::vector<Ball>(kHidden, real(1)), std::vector<Ball>(kHidden, real(0))};
  std::vector<Ball> y;
  for (const auto& row : x) y.push_back(row[0] * row[1]);
  std::printf("%6g  %-13s", lr, normalise ? "normalised" : "plain");
  for (int t = 0; t <= 100; ++t) {
    const Ball loss = step(net, x, y, lr, normalise);
    if (t % 20 == 0 && t > 0)
      std::printf("  %4d: %4.0f", t,
                  kBits + loss.radius().log2() - std::log2(loss.midpoint().to_double()));
  }
  std::printf("\n");
}

}  // namespace

int main() {
  std::printf("    lr                 bits lost after t steps\n");
  for (const double lr : {0.001, 0.01, 0.05})
    for (const bool normalise : {false, true}) measure(lr, normalise);
}
