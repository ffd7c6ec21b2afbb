#include <catch2/catch.hpp>
#include <vector>

#include "numgeom/arithmetic/enclosing_arithmetic.hpp"
#include "support/layer_reference.hpp"

// Exact members are drawn from random operands, and every operation of layers, losses and
// optimisers is evaluated on them by its definition with 400 bits: the result must lie in the
// computed enclosure. On points the enclosures must be as narrow as the precision allows.

using namespace numgeom;
using namespace numgeom::test;

namespace {

Gather random_gather(Random& random) {
  Gather places{kRows, kCols, 3, 5, {}};
  for (int term = 1 + random.below(3); term > 0; --term) {
    places.sources.emplace_back();
    for (int k = 0; k < 15; ++k)
      places.sources.back().push_back(random.below(static_cast<int>(kSize) + 3) - 3);
    for (int& source : places.sources.back()) source = std::max(source, -1);
  }
  return places;
}

}  // namespace

TEST_CASE("gathered sums, and their transpose, enclose those of the members") {
  for_all("gather", 1, 36, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto x = operand(a, random, draw);
    const auto d = operand(a, random, draw, 3, 5);
    const Gather places = random_gather(random);
    Exact forward(15, Ball(0.0, kBits));
    Exact backward(kSize, Ball(0.0, kBits));
    for (const auto& sources : places.sources)
      for (std::size_t k = 0; k < 15; ++k) {
        if (sources[k] < 0) continue;
        const auto source = static_cast<std::size_t>(sources[k]);
        forward[k] += x.member[source];
        backward[source] += d.member[k];
      }
    const auto gathered = a.gather(x.enclosure, places);
    check_encloses<A>(gathered, forward);
    check_encloses<A>(a.gather(d.enclosure, places.transposed()), backward);
    if (draw == Draw::kPoints) check_tight(a, gathered);
  });
}

TEST_CASE("scaled and hidden entries enclose those of the members") {
  for_all("scale", 2, 30, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto x = operand(a, random, draw);
    const std::vector<Constant> factors{1 / (1 - Constant(0.1)), 1 / Constant(9),
                                        0 - Constant::pi(), Constant(0.1), Constant(0)};
    const Constant& factor = factors[static_cast<std::size_t>(random.below(5))];
    Mask mask(kRows, kCols);
    for (Index i = 0; i < kSize; ++i) mask.data()[i] = random.coin() ? 1 : 0;
    const auto kept = [&](std::size_t i) { return mask.data()[i] != 0; };
    const auto scaled = a.scale(factor, x.enclosure);
    check_encloses<A>(scaled,
                      map(x.member, [&](std::size_t i) { return real(factor) * x.member[i]; }));
    const auto hidden = a.hide(x.enclosure, mask);
    check_encloses<A>(
        hidden, map(x.member, [&](std::size_t i) { return kept(i) ? x.member[i] : Ball(0.0); }));
    for (Index i = 0; i < kSize; ++i)
      if (!kept(static_cast<std::size_t>(i))) CHECK(hidden.radii(i / kCols, i % kCols).is_zero());
    if (draw == Draw::kPoints) check_tight(a, scaled);
  });
}

TEST_CASE("the greatest of neighbours, and where its derivative goes") {
  for_all("largest", 3, 60, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const int width = std::vector<int>{1, 2, 3, 4}[static_cast<std::size_t>(random.below(4))];
    const auto x = operand(a, random, draw);
    const auto d = operand(a, random, draw, kRows, kCols / width);
    Exact greatest;
    Exact derivative(kSize, Ball(0.0));
    for (std::size_t k = 0; k < d.member.size(); ++k) {
      const std::size_t first = k * static_cast<std::size_t>(width);
      std::size_t best = first;
      for (std::size_t i = first; i < first + static_cast<std::size_t>(width); ++i)
        if (less(x.member[best], x.member[i])) best = i;
      greatest.push_back(x.member[best]);
      derivative[best] = d.member[k];
    }
    check_encloses<A>(a.largest(x.enclosure, width), greatest);
    const auto back = a.largest_gradient(x.enclosure, d.enclosure, width);
    check_encloses<A>(back, derivative);
    // Points have an order, ties too.
    if (draw == Draw::kPoints) CHECK(back.radii.is_zero());
  });
}

TEST_CASE("of neighbours that touch in a tie the first is the greatest") {
  const auto check = [](const auto& a) {
    // (2 ± 1, 4 ± 1) may be (3, 3), (4 ± 1, 2 ± 1) too.
    BigFloatMatrix ends(1, 4, 53);
    for (const int j : {0, 1, 2, 3})
      mpfr_set_ui(ends(0, j).get(), j == 0 || j == 3 ? 2 : 4, MPFR_RNDN);
    const auto x = matrix(a, ends, BoundMatrix(Matrix<double>::Ones(1, 4)));
    const auto back = a.largest_gradient(x, a.embed(ExactMatrix::Ones(1, 2)), 2);
    check_encloses<std::decay_t<decltype(a)>>(back, {Ball(1.0), Ball(0.0), Ball(1.0), Ball(0.0)});
    CHECK(back.radii(0, 2).is_zero());
  };
  check(kInterval);
  check(kBall);
  check(kLimbs);
}

TEST_CASE("activations and their derivatives enclose those of the members") {
  for_all("activations", 4, 12, kOrdinary, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto z = operand(a, random, draw);
    const auto d = operand(a, random, draw);
    using Kind = Activation::Kind;
    for (const Activation& f :
         {Activation{Kind::kLeakyRelu, 0.1}, Activation{Kind::kLeakyRelu, 0},
          Activation{Kind::kSigmoid}, Activation{Kind::kSoftplus}, Activation{Kind::kGelu}}) {
      INFO("activation " << static_cast<int>(f.kind));
      const auto values = a.activate(f, z.enclosure);
      check_encloses<A>(values,
                        map(z.member, [&](std::size_t i) { return value_of(f, z.member[i]); }));
      const auto back = a.activate_gradient(f, z.enclosure, d.enclosure);
      check_encloses<A>(back, map(z.member, [&](std::size_t i) {
                          return d.member[i] * slope_of(f, z.member[i]);
                        }));
      if (draw != Draw::kPoints) continue;
      check_tight(a, values);
      check_tight(a, back);
    }
  });
}

TEST_CASE("means of squares and of gradients enclose those of the members") {
  for_all("blend", 5, 36, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto m = operand(a, random, draw);
    const auto g = operand(a, random, draw);
    const double beta = std::vector<double>{0, 0.9, 0.3, 0.999}[random.bits() % 4];
    const Ball keep(beta, kBits);
    const Ball take = Ball(1.0, kBits) - keep;
    const auto blended = a.blend(beta, m.enclosure, g.enclosure);
    check_encloses<A>(blended, map(m.member, [&](std::size_t i) {
                        return keep * m.member[i] + take * g.member[i];
                      }));
    const auto squares = a.blend_squares(beta, m.enclosure, g.enclosure);
    check_encloses<A>(squares, map(m.member, [&](std::size_t i) {
                        return keep * m.member[i] + take * sqr(g.member[i]);
                      }));
    check_encloses<A>(a.square(g.enclosure),
                      map(g.member, [&](std::size_t i) { return sqr(g.member[i]); }));
    if (draw != Draw::kPoints) return;
    check_tight(a, blended);
    check_tight(a, squares);
  });
}

TEST_CASE("quotients by roots enclose those of the members") {
  for_all("root quotient", 6, 36, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto m = operand(a, random, draw);
    const auto v = operand(a, random, draw == Draw::kPoints ? draw : Draw::kNonnegative);
    const int t = 1 + random.below(20);
    const Constant factor = 1 / (1 - pow(Constant(0.9), t));
    const Constant root = 1 / sqrt(1 - pow(Constant(0.999), t));
    const double epsilon = std::vector<double>{1e-8, 1e-100, 0.5}[random.bits() % 3];
    auto squares = v;
    if (draw == Draw::kPoints) {
      squares.enclosure = a.square(v.enclosure);
      squares.member = map(v.member, [&](std::size_t i) { return sqr(v.member[i]); });
    }
    const auto result = a.root_quotient(factor, m.enclosure, squares.enclosure, root, epsilon);
    check_encloses<A>(result, map(m.member, [&](std::size_t i) {
                        return real(factor) * m.member[i] /
                               (real(root) * sqrt(squares.member[i]) + Ball(epsilon));
                      }));
    if (draw == Draw::kPoints) check_tight(a, result, 9);
  });
}

TEST_CASE("signs that are added enclose those of the members") {
  for_all("signs", 7, 36, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto w = operand(a, random, draw);
    const auto g = operand(a, random, draw);
    const auto result = a.add_signs(0.1, w.enclosure, g.enclosure);
    check_encloses<A>(result, map(w.member, [&](std::size_t i) {
                        return g.member[i] + Ball(0.1, kBits) * Ball(sign_of(w.member[i]));
                      }));
    if (draw == Draw::kPoints) check_tight(a, result);
  });
}

TEST_CASE("clipped gradients enclose those of the members") {
  for_all("clipped", 8, 24, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto g = operand(a, random, draw);
    const auto h = operand(a, random, draw, 1, 5);
    Ball squares(0.0, kBits);
    for (const Exact& member : {g.member, h.member})
      for (const Ball& x : member) squares += sqr(x);
    const Ball norm = sqrt(squares) + Ball(1e-6);
    // Far from the norm, and next to it, where the factor is 1 or nearly so.
    const double near = std::min(std::max(norm.midpoint().to_double(), 1e-300), 1e300);
    const double limit = random.coin() ? 0.7 : near * (1 + (random.below(3) - 1) * 0x1p-52);
    const Ball factor = min(Ball(1.0, kBits), Ball(limit, kBits) / norm);
    const auto clipped = a.clipped({g.enclosure, h.enclosure}, limit);
    check_encloses<A>(clipped[0],
                      map(g.member, [&](std::size_t i) { return factor * g.member[i]; }));
    check_encloses<A>(clipped[1],
                      map(h.member, [&](std::size_t i) { return factor * h.member[i]; }));
    if (draw == Draw::kPoints) check_tight(a, clipped[0], 7);
  });
}

TEST_CASE("losses of entries enclose those of the members") {
  for_all("entry losses", 9, 18, kOrdinary, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto o = operand(a, random, draw);
    ExactMatrix targets(kRows, kCols);
    for (Index i = 0; i < kSize; ++i) targets.data()[i] = static_cast<float>(random.below(3)) / 2;
    using Kind = EntryLoss::Kind;
    for (const EntryLoss& loss : {EntryLoss{Kind::kBinaryCrossEntropy},
                                  EntryLoss{Kind::kSquaredError}, EntryLoss{Kind::kHuber, 0.3}}) {
      INFO("loss " << static_cast<int>(loss.kind));
      const auto target = [&](std::size_t i) { return Ball(targets.data()[i], kBits); };
      const Ball count(static_cast<double>(kSize));
      Ball total(0.0, kBits);
      for (std::size_t i = 0; i < o.member.size(); ++i)
        total += loss_of(loss, o.member[i], target(i));
      const auto result = a.entry_loss(loss, o.enclosure, targets);
      check_encloses(result.loss, total / count);
      check_encloses<A>(result.gradient, map(o.member, [&](std::size_t i) {
                          return loss_slope_of(loss, o.member[i], target(i)) / count;
                        }));
      if (draw == Draw::kPoints) check_tight(a, result.gradient);
    }
  });
}

TEST_CASE("smoothed cross-entropy encloses that of the members") {
  for_all("smoothed labels", 10, 24, kOrdinary, [](const auto& a, Random& random, Draw draw) {
    using A = std::decay_t<decltype(a)>;
    const auto o = operand(a, random, draw);
    const Indices labels{random.below(kCols), random.below(kCols)};
    const double smoothing = random.coin() ? 0.1 : 0.75;
    Ball loss(0.0, kBits);
    Exact gradient;
    for (std::size_t i = 0; i < kRows; ++i) {
      Ball sum(0.0, kBits);
      for (std::size_t k = 0; k < kCols; ++k) sum += exp(o.member[i * kCols + k]);
      loss += log(sum);
      for (std::size_t k = 0; k < kCols; ++k) {
        Ball share = Ball(smoothing, kBits) / Ball(static_cast<double>(kCols));
        if (static_cast<int>(k) == labels[i]) share += Ball(1.0, kBits) - Ball(smoothing);
        const Ball& logit = o.member[i * kCols + k];
        loss -= share * logit;
        gradient.push_back((exp(logit) / sum - share) / Ball(static_cast<double>(kRows)));
      }
    }
    const auto result = a.softmax_cross_entropy(o.enclosure, labels, smoothing);
    check_encloses(result.loss, loss / Ball(static_cast<double>(kRows)));
    check_encloses<A>(result.gradient, gradient);
    if (draw == Draw::kPoints) check_tight(a, result.gradient);
  });
}

TEST_CASE("errors of signs are counted from both sides") {
  for_all("sign errors", 11, 60, kAllSizes, [](const auto& a, Random& random, Draw draw) {
    const auto o = operand(a, random, draw, 20, 1);
    Indices labels;
    Index wrong = 0;
    for (const Ball& x : o.member) {
      labels.push_back(random.below(2));
      wrong += (sign_of(x) > 0) != (labels.back() == 1) ? 1 : 0;
    }
    const ErrorCount count = a.count_sign_errors(o.enclosure, labels);
    CHECK(count.lower <= wrong);
    CHECK(count.upper >= wrong);
    if (draw == Draw::kPoints) CHECK(count.lower == count.upper);
  });
}

TEST_CASE("numbers beyond doubles are neither ordered nor divided as infinities") {
  BigFloatMatrix powers(1, 2, 128);
  mpfr_set_ui_2exp(powers(0, 0).get(), 1, 1030, MPFR_RNDN);
  mpfr_set_ui_2exp(powers(0, 1).get(), 1, 1031, MPFR_RNDN);
  const BallArithmetic::Matrix x{powers, BoundMatrix(1, 2)};
  check_encloses<BallArithmetic>(kBall.largest(x, 2), {Ball(powers(0, 1))});
  const auto one = kBall.embed(ExactMatrix::Ones(1, 2));
  check_encloses<BallArithmetic>(kBall.largest_gradient(x, kBall.embed(ExactMatrix::Ones(1, 1)), 2),
                                 {Ball(0.0), Ball(1.0)});
  BigFloatMatrix one_of_them = powers;
  mpfr_set_ui_2exp(one_of_them(0, 1).get(), 1, 1000, MPFR_RNDN);
  check_encloses<BallArithmetic>(kBall.largest({one_of_them, BoundMatrix(1, 2)}, 2),
                                 {Ball(powers(0, 0))});
  // m = 1 ± ½ over √v: 1.5·2^-515 is a member.
  const auto wide = kBall.widened(one, BoundMatrix(Matrix<double>::Constant(1, 2, 0.5)));
  const auto quotient = kBall.root_quotient(1.0, wide, x, 1.0, 1e-8);
  CHECK(quotient.radii(0, 0) >= Magnitude(0.5, -515) * Magnitude(0.999));

  // b·√v overflows: 1e300·1e308/(1e300·1e150) is no zero.
  const Matrix<double> huge = Matrix<double>::Constant(1, 1, 1e308);
  const IntervalArithmetic::Matrix m{huge, BoundMatrix(1, 1)};
  CHECK_FALSE(kInterval.root_quotient(1.0, m, m, 1e300, 1e-8).radii.is_finite());
}

TEST_CASE("all bits decide which neighbour is the greatest, where doubles do not") {
  BigFloatMatrix close(1, 2, 128);
  mpfr_set_ui(close(0, 0).get(), 1, MPFR_RNDN);
  mpfr_set_ui_2exp(close(0, 1).get(), 1, -100, MPFR_RNDN);
  mpfr_add_ui(close(0, 1).get(), close(0, 1).get(), 1, MPFR_RNDN);
  const auto check = [&](const auto& a) {
    const auto x = matrix(a, close, BoundMatrix(1, 2));
    const auto back = a.largest_gradient(x, a.embed(ExactMatrix::Ones(1, 1)), 2);
    CHECK(back.radii.is_zero());
    check_encloses<std::decay_t<decltype(a)>>(back, {Ball(0.0), Ball(1.0)});
  };
  check(kBall);
  check(kLimbs);
}

TEST_CASE("functions of exact data have the precision of the arithmetic") {
  const auto x = kBall.embed(ExactMatrix::Constant(1, 2, 0.7F));
  check_tight(kBall, kBall.activate({Activation::Kind::kSigmoid}, x));
  check_tight(kBall, kBall.tanh(x));
}

TEST_CASE("what lies beyond the range of MPFR's exponents is not lost") {
  const Constant tiny = pow(Constant(0.5), (1 << 30) - 64);
  BigFloatMatrix power(1, 1, 128);
  mpfr_set_ui_2exp(power(0, 0).get(), 1, -(1L << 28), MPFR_RNDN);
  const auto once = kBall.scale(tiny, {power, BoundMatrix(1, 1)});
  CHECK(kBall.magnitudes(once)(0, 0) >= Magnitude::power_of_two(64 - (5L << 28)));
}

TEST_CASE("a quotient by a root takes in what the root may be") {
  // 1/√3.5 − 1/√4 = 0.03452…
  const auto one = kBall.embed(ExactMatrix::Ones(1, 1));
  const auto four = kBall.embed(ExactMatrix::Constant(1, 1, 4.0F));
  const auto wide = kBall.widened(four, BoundMatrix(Matrix<double>::Constant(1, 1, 0.5)));
  CHECK(kBall.root_quotient(1.0, one, wide, 1.0, 1e-8).radii(0, 0) >= Magnitude(0.0345));
}
