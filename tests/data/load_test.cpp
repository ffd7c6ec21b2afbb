#include "numgeom/data/load.hpp"

#include "numgeom/data/npy.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;
using data_test::raw;

namespace {

DataOptions options_for(const std::filesystem::path& dataset, int train, int validation) {
  DataOptions options;
  options.dataset = dataset.string();
  options.split.train = train;
  options.split.validation = validation;
  return options;
}

std::string error_for(const DataOptions& options) {
  return error_of([&] { (void)load_problem_data(options); });
}

}  // namespace

TEST_CASE("a CSV path goes through split and preprocessing") {
  const Folder folder;
  auto options = options_for(folder.write("t.csv", "a,kind,b\n1,0,5\n3,1,5\n2,1,9\n"), 2, 1);
  options.label_column = "kind";
  const Split split = load_problem_data(options);
  CHECK(split.train.features == (ExactMatrix(2, 2) << -1, 0, 1, 0).finished());
  CHECK(split.train.labels == Indices{0, 1});
  CHECK(split.validation.features == (ExactMatrix(1, 2) << 0, 0).finished());
  CHECK(split.validation.labels == Indices{1});
  CHECK(split.validation.classes == 2);
  options.split.shuffle_seed = 1;
  CHECK(load_problem_data(options).train.samples() == 2);
}

TEST_CASE("NPY features find their labels by name, or are told them") {
  const Folder folder;
  const ExactMatrix features = (ExactMatrix(3, 1) << 0.5F, 1.5F, 2.5F).finished();
  write_npy(folder / "train_x.npy", features);
  write_npy(folder / "train_y.npy", std::vector<std::int64_t>{2, 0, 1});
  write_npy(folder / "features.npy", features);
  auto options = options_for(folder / "train_x.npy", 2, 1);
  options.preprocessing.scale = Scale::none;
  const Split beside = load_problem_data(options);
  CHECK(beside.train.features == features.topRows(2));
  CHECK(beside.validation.labels == Indices{1});
  options.dataset = (folder / "features.npy").string();
  CHECK(error_for(options).find(options.dataset + ": found no file of labels, expected") == 0);
  options.labels = (folder / "train_y.npy").string();
  CHECK(load_problem_data(options).train.labels == Indices{2, 0});
}

TEST_CASE("a named file of floating-point numbers holds targets, any other labels") {
  const Folder folder;
  write_npy(folder / "x.npy", (ExactMatrix(3, 1) << 0.5F, 1.5F, 2.5F).finished());
  write_npy(folder / "y.npy", (ExactMatrix(3, 2) << 1, 0.25F, 0, 3, 0.1F, 7).finished());
  auto options = options_for(folder / "x.npy", 2, 1);
  CHECK(error_for(options).find("y.npy: found shape (3, 2), expected one label a sample") !=
        std::string::npos);
  options.labels = (folder / "y.npy").string();
  const Split split = load_problem_data(options);
  CHECK(split.train.targets == (ExactMatrix(2, 2) << 1, 0.25F, 0, 3).finished());
  CHECK(split.validation.targets == (ExactMatrix(1, 2) << 0.1F, 7).finished());
  CHECK(split.train.labels.empty());
  CHECK(split.train.classes == 0);
  CHECK(split.train.is_regression());
  CHECK(split.train.samples() == 2);
}

TEST_CASE("target columns go through split and preprocessing as they are") {
  const Folder folder;
  auto options = options_for(folder.write("t.csv", "a,y\n1,0.1\n3,1e-60\n2,-7\n"), 2, 1);
  options.target_columns = {"y"};
  const Split split = load_problem_data(options);
  CHECK(split.train.features == (ExactMatrix(2, 1) << -1, 1).finished());
  CHECK(split.train.targets == (ExactMatrix(2, 1) << 0.1F, 0).finished());
  CHECK(split.validation.targets == (ExactMatrix(1, 1) << -7).finished());
  options.dataset = "synthetic";
  CHECK(error_for(options) == "target_columns: only for CSV files, not for data set \"synthetic\"");
}

TEST_CASE("IDX files are found by directory, by prefix, or with their labels") {
  const Folder folder;
  folder.write("p-images-idx3-ubyte",
               raw("\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2\x80\x80\x80\x80\x10\x20\x30\x40"));
  folder.write("p-labels-idx1-ubyte", raw("\0\0\x08\1\0\0\0\2\1\0"));
  for (const std::string name : {"", "p", "p-images-idx3-ubyte"}) {
    auto options = options_for(folder / name, 1, 1);
    options.preprocessing.pool = 2;
    const Split split = load_problem_data(options);
    CHECK(split.train.features(0, 0) == 0.5F);
    CHECK(split.validation.features(0, 0) == 40.0F / 256);
    CHECK(split.train.image == ImageShape{1, 1, 1});
    CHECK(split.train.labels == Indices{1});
  }
  auto options = options_for(folder / "p-images-idx3-ubyte", 1, 1);
  options.labels = (folder / "p-labels-idx1-ubyte").string();
  CHECK(load_problem_data(options).validation.labels == Indices{0});
}

TEST_CASE("synthetic data have as many rows as the split asks for") {
  auto options = options_for("synthetic", 30, 20);
  options.synthetic.features = 5;
  options.synthetic.informative = 2;
  const Split split = load_problem_data(options);
  CHECK(split.train.samples() == 30);
  CHECK(split.validation.samples() == 20);
  CHECK(split.train.features.cols() == 5);
  CHECK(split.train.classes == 3);
  options.split.train = 0;
  CHECK(error_for(options) == "train = 0: expected at least 1 row");
}

TEST_CASE("synthetic targets have as many rows as the split asks for") {
  auto options = options_for("synthetic_regression", 30, 20);
  options.synthetic_regression.outputs = 2;
  const Split split = load_problem_data(options);
  CHECK(split.train.targets.rows() == 30);
  CHECK(split.validation.targets.rows() == 20);
  CHECK(split.validation.targets.cols() == 2);
  CHECK(split.train.labels.empty());
}

TEST_CASE("what names no data set is refused with the known names") {
  for (const std::string name : {"minst", "", "/none/at/all"}) {
    std::string expected = "data set \"";
    expected.append(name).append(
        "\": there is no such file; expected a path (.csv, .csv.gz, .npy, IDX) or one of: "
        "mnist, cifar10, digits, breast_cancer, iris, wine, synthetic, synthetic_regression");
    CHECK(error_for(options_for(name, 1, 1)) == expected);
  }
  CHECK(error_for(options_for("none.csv", 1, 1)) ==
        "none.csv: cannot be opened: No such file or directory");
  const Folder folder;
  const auto text = folder.write("notes.txt", "text");
  CHECK(error_for(options_for(text, 1, 1)).find("notes.txt") != std::string::npos);
}
