#include "numgeom/hpo/optimize.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace numgeom;

namespace {

Study small_study(int epochs = 2) {
  Study study;
  study.text = "epochs " + std::to_string(epochs);
  study.data.dataset = "synthetic";
  study.data.split = {.train = 40, .validation = 20, .shuffle_seed = {}};
  study.network = NetworkTemplate({"dense 4", "relu", "dense 3"});
  study.training.epochs = epochs;
  return study;
}

const Assignment kTheta{{"lr", 0.1}, {"weight_decay", 0.0}};

StoredTrial stored(const Outcome& outcome) {
  StoredTrial trial;
  trial.evaluation.assignment = kTheta;
  trial.evaluation.state = outcome.state;
  trial.evaluation.loss = outcome.loss;
  trial.attributes = outcome.attributes;
  return trial;
}

RaceTrial restored(const LoadedStudy& study, const StoredTrial& trial) {
  const RaceEntry entry = race_entry({trial}, study);
  REQUIRE(entry.trials.size() == 1);
  return entry.trials.front();
}

}  // namespace

TEST_CASE("an evaluation has Φ as its δ, or the certified error") {
  const LoadedStudy study(small_study());
  const Outcome estimated = evaluate(study, kTheta, DeltaSource::kPhi);
  REQUIRE(estimated.delta);
  CHECK(estimated.attributes.at("phi") == Value(*estimated.delta));
  const Outcome certified = evaluate(study, kTheta, DeltaSource::kCertified);
  REQUIRE(certified.delta);
  CHECK(certified.attributes.at("delta_upper") == Value(*certified.delta));
  CHECK(certified.loss == estimated.loss);
  CHECK(certified.delta != estimated.delta);
}

TEST_CASE("what was certified is taken up again, and is still certified") {
  const LoadedStudy study(small_study());
  const Outcome outcome = evaluate(study, kTheta, DeltaSource::kCertified);
  const RaceTrial one = restored(study, stored(outcome));
  CHECK(one.effort == Effort::kFull);
  CHECK(one.certification.certified());
  CHECK(one.native.loss == outcome.loss);
  CHECK(one.error.upper >= std::get<double>(outcome.attributes.at("delta_upper")));
  CHECK(one.error.upper <= 1.001 * std::get<double>(outcome.attributes.at("delta_upper")));
}

TEST_CASE("what was certified for another study or version is not taken") {
  const LoadedStudy study(small_study());
  const LoadedStudy other(small_study(3));
  CHECK(study.fingerprint() == LoadedStudy(small_study()).fingerprint());
  CHECK(study.fingerprint() != other.fingerprint());
  const StoredTrial trial = stored(evaluate(study, kTheta, DeltaSource::kCertified));
  CHECK(restored(other, trial).effort == Effort::kNone);
  CHECK_FALSE(restored(other, trial).certification.loss.is_bounded());
}

TEST_CASE("a stored enclosure is read outward, and certified is what it shows") {
  const LoadedStudy study(small_study());
  StoredTrial trial = stored(evaluate(study, kTheta, DeltaSource::kCertified));
  trial.attributes["enclosure_lower"] = std::string("0.1");
  trial.attributes["enclosure_upper"] = std::string("0.1");
  const RaceTrial one = restored(study, trial);
  // 1/10 lies strictly inside: it is no dyadic number.
  CHECK(mpfr_less_p(one.certification.loss.lower.get(), one.certification.loss.upper.get()));
  BigFloat ten_times(2000);
  mpfr_mul_ui(ten_times.get(), one.certification.loss.lower.get(), 10, MPFR_RNDN);
  CHECK(mpfr_cmp_ui(ten_times.get(), 1) < 0);
  mpfr_mul_ui(ten_times.get(), one.certification.loss.upper.get(), 10, MPFR_RNDN);
  CHECK(mpfr_cmp_ui(ten_times.get(), 1) > 0);
  trial.attributes["enclosure_upper"] = std::string("0.9");
  const RaceTrial wide = restored(study, trial);
  CHECK_FALSE(wide.certification.certified());
  CHECK_FALSE(wide.certification.reason.empty());
  for (const std::string text : {"", "nan", "x", "0.1 "}) {
    trial.attributes["enclosure_upper"] = text;
    CHECK(restored(study, trial).effort == Effort::kNone);
  }
}
