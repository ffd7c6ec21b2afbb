#include "numgeom/hpo/study.hpp"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "numgeom/error.hpp"
#include "numgeom/hpo/design.hpp"

using namespace numgeom;

namespace {

/// A study file in a folder of its own, removed at the end of the test.
class StudyFile {
 public:
  explicit StudyFile(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "numgeom-study-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    std::ofstream(path()) << text;
  }
  StudyFile(const StudyFile&) = delete;
  StudyFile& operator=(const StudyFile&) = delete;
  ~StudyFile() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path path() const { return folder_ / "study.toml"; }

 private:
  std::filesystem::path folder_;
};

const std::string kProblem = R"([problem]
dataset = "synthetic"
train = 20
validation = 10
network = ["dense 4", "relu", "dense 3"]
)";

/// What reading (and loading) a study throws, without the folder; "" if nothing.
std::string error_of(const std::string& text) {
  const StudyFile file(text);
  try {
    (void)LoadedStudy(read_study(file.path())).trials();
  } catch (const Error& error) {
    const std::string message = error.what();
    const std::string folder = file.path().parent_path().string() + "/";
    REQUIRE(message.starts_with(folder));
    return message.substr(folder.size());
  }
  return "";
}

}  // namespace

TEST_CASE("a study needs data and a network, and has defaults for everything else") {
  const StudyFile file("[problem]\ndataset = \"mnist\"\nnetwork = [\"dense 10\"]\n");
  const Study study = read_study(file.path());
  CHECK(study.file == file.path());
  CHECK(study.data.dataset == "mnist");
  CHECK(study.data.labels.empty());
  CHECK(study.data.split.train == 1000);
  CHECK(study.data.split.validation == 500);
  CHECK_FALSE(study.data.split.shuffle_seed.has_value());
  CHECK(study.data.preprocessing.pool == 1);
  CHECK(study.data.preprocessing.scale == Scale::automatic);
  CHECK(study.network.describe() == std::vector<std::string>{"dense 10"});
  CHECK(study.training.epochs == 10);
  CHECK(study.training.batch == 32);
  CHECK(study.training.initialization == Initialization::kHe);
  CHECK(study.seed == 0);
  CHECK(study.precisions == std::vector<Precision>{Precision::kFp32});
  REQUIRE(study.space.parameters.size() == 2);
  const Parameter& lr = study.space.parameters[0];
  CHECK((lr.name == "lr" && lr.low == 1e-3 && lr.high == 1.0 && lr.logarithmic));
  const Parameter& decay = study.space.parameters[1];
  CHECK((decay.name == "weight_decay" && decay.is_fixed() && decay.at(0) == Value(0.0)));
  CHECK(study.search.method == SearchMethod::kSobol);
  CHECK(study.search.trials == 12);
  CHECK(study.certify.width == 1e-9);
  CHECK(study.certify.tightness == 1.001);
  CHECK(study.certify.max_bits == 8192);
}

TEST_CASE("every key of a study is read") {
  const StudyFile file(R"([problem]
dataset = "synthetic"
pool = 1
scale = "none"
train = 20
validation = 10
shuffle_seed = 3
network = ["dense 5", "tanh", "dense 4"]
loss = "cross_entropy"
synthetic = { features = 7, informative = 3, classes = 4, separation = 1, noise = 0.25, seed = 9 }
[training]
optimizer = "sgd"
epochs = 2
batch = 8
initialization = "glorot"
seed = 5
[native]
precision = ["fp64", "fp32"]
[space]
lr = { low = 0.25, high = 0.5 }
weight_decay = 1
[search]
method = "random"
trials = 3
seed = 4
[certify]
width = 1e-6
tightness = 2
max_bits = 256
)");
  const Study study = read_study(file.path());
  CHECK(study.data.preprocessing.scale == Scale::none);
  CHECK(study.data.split.shuffle_seed == std::uint64_t{3});
  CHECK(study.data.synthetic.informative == 3);
  CHECK(study.data.synthetic.separation == 1);
  CHECK(study.data.synthetic.noise == 0.25);
  CHECK(study.data.synthetic.seed == 9);
  CHECK(study.training.epochs == 2);
  CHECK(study.training.batch == 8);
  CHECK(study.training.initialization == Initialization::kGlorot);
  CHECK(study.precisions == std::vector<Precision>{Precision::kFp64, Precision::kFp32});
  const Parameter& lr = study.space.parameters[0];
  CHECK((lr.low == 0.25 && lr.high == 0.5 && !lr.logarithmic));
  CHECK(study.space.parameters[1].at(0) == Value(1.0));
  CHECK(study.search.method == SearchMethod::kRandom);
  CHECK(study.search.seed == 4);
  CHECK(study.certify.width == 1e-6);
  CHECK(study.certify.tightness == 2);
  CHECK(study.certify.max_bits == 256);

  const LoadedStudy loaded(study);
  CHECK(loaded.data().train.samples() == 20);
  CHECK(loaded.data().train.features.cols() == 7);
  CHECK(loaded.data().train.classes == 4);
  const auto trials = loaded.trials();
  REQUIRE(trials.size() == 3);
  const auto assignments = sample(study.space, study.search);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    CHECK(trials[i].problem == trials[0].problem);
    CHECK(trials[i].assignment == assignments[i]);
    CHECK(Value(trials[i].configuration.lr) == assignments[i].at("lr"));
    CHECK(trials[i].configuration.weight_decay == 1);
    CHECK(trials[i].seed == 5);
  }
}

TEST_CASE("a list gives its configurations in order, without weight decay unless it is there") {
  const StudyFile file(kProblem +
                       "[search]\nmethod = \"list\"\n"
                       "configurations = [{ lr = 1 }, { lr = 0.5, weight_decay = 0.125 }]\n");
  const Study study = read_study(file.path());
  CHECK(study.search.configurations ==
        std::vector<Assignment>{{{"lr", 1.0}, {"weight_decay", 0.0}},
                                {{"lr", 0.5}, {"weight_decay", 0.125}}});
}

TEST_CASE("paths are relative to the study, names are names") {
  const StudyFile file(
      "[problem]\ndataset = \"data/t.csv\"\nlabels = \"/l.npy\"\nnetwork = [\"dense 2\"]\n");
  const Study study = read_study(file.path());
  CHECK(study.data.dataset == (file.path().parent_path() / "data/t.csv").string());
  CHECK(study.data.labels == "/l.npy");
}

TEST_CASE("real targets are columns of a table or generated") {
  const StudyFile table(
      "[problem]\ndataset = \"t.csv\"\ntarget_columns = [\"y\", \"z\"]\nnetwork = [\"dense 2\"]\n");
  CHECK(read_study(table.path()).data.target_columns == std::vector<std::string>{"y", "z"});
  const StudyFile generated(
      "[problem]\ndataset = \"synthetic_regression\"\nnetwork = [\"dense 2\"]\n"
      "synthetic = { outputs = 2, nonlinearity = 0.5 }\n");
  const DataOptions data = read_study(generated.path()).data;
  CHECK(data.synthetic_regression.outputs == 2);
  CHECK(data.synthetic_regression.nonlinearity == 0.5);
}

TEST_CASE("hyperparameters change the network and the training") {
  const StudyFile file(R"([problem]
dataset = "synthetic"
train = 20
validation = 10
network = ["dense $width", "$activation",
           { repeat = "$depth", layers = ["dense $inner", "relu"] }, "dense 3"]
[space]
lr = 0.1
inner = { low = 2, high = 4, type = "int", when = { depth = [1, 2] } }
width = { choices = [4, 8] }
depth = { low = 0, high = 2, type = "int" }
activation = { choices = ["relu", "tanh"] }
batch = { low = 4, high = 16, step = 4 }
epochs = 3
constraints = ["inner <= width"]
[search]
method = "grid"
)");
  const LoadedStudy loaded(read_study(file.path()));
  const auto trials = loaded.trials();
  // inner = 2, 3, 4 for each depth > 0, one without; width 2, activation 2, batch 4.
  REQUIRE(trials.size() == 7 * 2 * 2 * 4);
  std::set<const Problem*> problems;
  for (const Trial& trial : trials) {
    const auto depth = std::get<std::int64_t>(trial.assignment.at("depth"));
    CHECK((trial.assignment.find("inner") == nullptr) == (depth == 0));
    CHECK(trial.problem->network.layers.size() == static_cast<std::size_t>(3 + 2 * depth));
    CHECK(trial.problem->network.layers[0].units ==
          std::get<std::int64_t>(trial.assignment.at("width")));
    CHECK(trial.problem->training.batch == std::get<std::int64_t>(trial.assignment.at("batch")));
    CHECK(trial.problem->training.epochs == 3);
    CHECK(trial.problem->data == trials[0].problem->data);
    problems.insert(trial.problem);
  }
  CHECK(problems.size() == trials.size());
  CHECK(loaded.trial(trials[5].assignment).problem == trials[5].problem);
}

TEST_CASE("a study without a problem is trained by others") {
  const StudyFile file("[space]\nx = { low = 0, high = 1 }\n[search]\nmethod = \"gp\"\n");
  const Study study = read_study(file.path());
  CHECK(study.external);
  REQUIRE(study.space.parameters.size() == 1);
  CHECK(study.space.parameters[0].name == "x");
  CHECK_THROWS_WITH(LoadedStudy(study), Catch::Contains("the table [problem] is missing"));
}

TEST_CASE("errors name the file, the line and the key") {
  const auto [text, message] = GENERATE_COPY(table<std::string, std::string>({
      {"[problem\n", "study.toml:1: TOML: "},
      {"[training]\n", "study.toml:1: : the table [problem] is missing"},
      {"[problem]\nnetwork = [\"dense 3\"]\n", "study.toml:1: problem: the key dataset is missing"},
      {"[problem]\ndataset = \"iris\"\n", "study.toml:1: problem: the key network is missing"},
      {kProblem + "colour = 1\n", "study.toml:6: problem.colour: unknown key; expected one of "},
      {kProblem + "[extra]\n", "study.toml:6: extra: unknown key; expected one of "},
      {kProblem + "pool = \"2\"\n",
       "study.toml:6: problem.pool: an integer expected, not a string"},
      {kProblem + "pool = 2\n", "study.toml: "},
      {kProblem + "[training]\nepochs = 0\n",
       "study.toml:7: training.epochs: an integer from 1 to "},
      {kProblem + "[training]\nepochs = 2024-01-01\n",
       "study.toml:7: training.epochs: an integer expected, not a date or time"},
      {kProblem + "[native]\nprecision = [\"fp32\", \"fp12\"]\n",
       "study.toml:7: native.precision: "},
      {kProblem + "[native]\nprecision = [\"fp32\",\n\"fp32\"]\n",
       "study.toml:7: native.precision: 'fp32' is named twice"},
      {kProblem + "[space]\nlr = -1\n", "study.toml:7: space.lr: "},
      {kProblem + "[space.lr]\nlow = 1\nhigh = 2\nscale = \"x\"\n",
       "study.toml:9: space.lr.scale: 'linear' or 'log' expected, not 'x'"},
      {kProblem + "[search]\nmethod = \"list\"\nconfigurations = [\n{ lr = 1 },\n{ lr = nan }]\n",
       "study.toml:10: search.configurations[2]: lr: a finite number ≥ 0 expected, not nan"},
      {kProblem + "[search]\nmethod = \"list\"\nconfigurations = [{ lr = 1, momentum = 1 }]\n",
       "study.toml:8: search.configurations[1].momentum: unknown key; expected one of lr, "
       "weight_decay"},
      {kProblem + "[space]\nwidth = 3\n",
       "study.toml:7: space.width: unknown key; expected one of lr, "},
      {"[problem]\ndataset = \"iris\"\nnetwork = [\"dense $n\"]\n",
       "study.toml:3: problem.network: $n: [space] has no such hyperparameter"},
      {kProblem + "[space]\nbatch = { low = 0, high = 4 }\n",
       "study.toml:7: space.batch: batch: an integer ≥ 1 expected, not 0"},
      {kProblem + "[space]\nlr = { low = 0, high = 4, type = \"int\" }\n",
       "study.toml:7: space.lr.type: 'float' expected"},
      {kProblem + "[space]\nlr = { low = 0, high = 4, when = { x = 1 } }\n",
       "study.toml:6: space: lr: when: 'x' is not a hyperparameter above it"},
      {kProblem + "[space]\nconstraints = [\"lr +\"]\n", "study.toml:7: space.constraints: "},
      {kProblem + "[space]\nconstraints = [\"lr < width\"]\n",
       "study.toml:6: space: constraint 'lr < width': 'width' is not a hyperparameter"},
      {kProblem + "[search]\nmethod = \"gp\"\nacquisition = \"x\"\n",
       "study.toml:8: search.acquisition: one of ei, log_ei, ucb, thompson, precision_aware "
       "expected, not 'x'"},
      {kProblem + "[search]\nmethod = \"tpe\"\nacquisition = \"ei\"\n",
       "study.toml:8: search.acquisition: unknown key"},
      {kProblem + "[search]\nmethod = \"tpe\"\n",
       "study.toml: search: method \"tpe\" chooses by losses"},
      {kProblem + "[search]\npoints = 3\n", "study.toml:7: search.points: unknown key"},
      {kProblem + "[certify]\nmax_bits = 1\n",
       "study.toml:7: certify.max_bits: an integer from 53 to 1048576 expected, not 1"},
      {kProblem + "[certify]\ntightness = 1\n",
       "study.toml:6: certify: tightness: a finite number > 1 expected, not 1"},
  }));
  CHECK_THAT(error_of(text), Catch::Matchers::StartsWith(message));
}

TEST_CASE("a study that does not fit its data is refused when the data are loaded") {
  const std::string text =
      "[problem]\ndataset = \"synthetic\"\ntrain = 20\nvalidation = 10\nnetwork = [\"dense 5\"]\n";
  CHECK(error_of(text) ==
        "study.toml:5: problem.network: the last layer has 5 outputs, the data set has 3 classes");
}
