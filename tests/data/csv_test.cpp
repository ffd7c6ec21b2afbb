#include "numgeom/data/csv.hpp"

#include "support.hpp"

using namespace numgeom;
using data_test::doubles;
using data_test::error_of;
using data_test::Folder;

namespace {

RawData parse(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv({"t.csv", text}, options);
}

std::string error_for(const std::string& text, const CsvOptions& options = {}) {
  return error_of([&] { (void)parse(text, options); });
}

}  // namespace

TEST_CASE("numbers are read with the last column as the label, with or without a header") {
  const Matrix<double> expected = (Matrix<double>(2, 2) << 1.5, -2e-3, 0.1, 1e300).finished();
  for (const std::string header : {"", "a,b,class\n", "\xef\xbb\xbf a , b , class\r\n"}) {
    const RawData data = parse(header + "1.5,-2e-3,1\n0.1,1e300,0\n");
    CHECK(doubles(data) == expected);
    CHECK(data.labels == Indices{1, 0});
    CHECK(data.classes == 2);
    CHECK(data.levels == 0);
    CHECK(data.name == "t.csv");
  }
  CHECK(doubles(parse(" 1.5 ,\t-2e-3, 1\r\n+0.1,1e300,0\r\n\r\n\n")) == expected);
  CHECK(doubles(parse("1.5,-2e-3,1\n0.1,1e300,0")) == expected);
}

TEST_CASE("a named column is the label") {
  const RawData data = parse("a,class,b\n1,2,3\n4,0,6\n", {.label_column = "class"});
  CHECK(doubles(data) == (Matrix<double>(2, 2) << 1, 3, 4, 6).finished());
  CHECK(data.labels == Indices{2, 0});
  CHECK(data.classes == 3);
  CHECK(error_for("a,b\n1,2\n", {.label_column = "c"}) ==
        "t.csv: found no column 'c', expected one of: a, b");
}

TEST_CASE("lines before the table are left out") {
  const RawData data = parse("150,4,setosa\n1,2,0\n", {.label_column = "", .skipped_lines = 1});
  CHECK(doubles(data) == (Matrix<double>(1, 2) << 1, 2).finished());
}

TEST_CASE("a gzipped CSV file is read like a plain one") {
  const Folder folder;
  const std::string text = "1,2,0\n3,4,1\n";
  const RawData plain = read_csv(folder.write("t.csv", text));
  const RawData packed = read_csv(folder.write("t.csv.gz", data_test::gzipped(text)));
  CHECK(doubles(plain) == doubles(packed));
  CHECK(plain.labels == packed.labels);
}

TEST_CASE("every bad CSV file is refused with its row, line and column") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"a,b\n1,0\nx,1\n", "row 2 (line 3), column 1: found 'x', expected a number"},
      {"1,2,0\n3,,1\n", "row 2 (line 2), column 2: found '', expected a number"},
      {"1,2,0\n3,4e,1\n", "row 2 (line 2), column 2: found '4e', expected a number"},
      {"1,0x10,0\n", "row 1 (line 1), column 2: found '0x10', expected a number"},
      {"5.1,3.5,setosa\n", "row 1 (line 1), column 3: found 'setosa', expected a number"},
      {"1,nan,0\n", "row 1 (line 1), column 2: found nan, expected a finite number"},
      {"1,2,0\n-inf,2,0\n", "row 2 (line 2), column 1: found -inf, expected a finite number"},
      {"1,1e400,0\n",
       "row 1 (line 1), column 2: found 1e400, expected a number in a double's range"},
      {"1,2,0\n1,0\n", "row 2 (line 2): found 2 fields, expected 3"},
      {"1,2,0\n\n1,2,0\n", "row 2 (line 2): found 1 fields, expected 3"},
      {"1,2,0\n1,2,3,0\n", "row 2 (line 2): found 4 fields, expected 3"},
      {"a,b\n1,2,0\n", "row 1 (line 2): found 3 fields, expected 2 as in the header"},
      {"1,2,0.5\n",
       "row 1 (line 1), column 3: found label 0.5, expected an integer from 0 to 65535"},
      {"1,2,-1\n", "row 1 (line 1), column 3: found label -1, expected an integer from 0 to 65535"},
      {"1,2,1e9\n",
       "row 1 (line 1), column 3: found label 1000000000, expected an integer from 0 to 65535"},
      {"1;2;0\n", "line 1: found fields separated by ';', expected ','"},
      {"a;b\n1;2\n", "line 1: found fields separated by ';', expected ','"},
      {"1\n2\n", "line 1: found 1 column, expected features and a label"},
      {"1,2,0\n\"1\",2,0\n", "line 2: found a quoted field, expected plain numbers and names"},
      {"a,b,c\n", "found no rows, expected samples"},
      {"\n \n", "found no rows, expected samples"},
  }));
  CHECK(error_for(text) == "t.csv: " + message);
}

TEST_CASE("named columns are real targets, in the order of their names") {
  const RawData data = parse("y2,a,y1,b\n0.5,1,-2,3\n1e-3,4,0.1,6\n",
                             {.label_column = "", .target_columns = {"y1", "y2"}});
  CHECK(doubles(data) == (Matrix<double>(2, 2) << 1, 3, 4, 6).finished());
  CHECK(data.targets == (Matrix<double>(2, 2) << -2, 0.5, 0.1, 1e-3).finished());
  CHECK(data.labels.empty());
  CHECK(data.classes == 0);
}

TEST_CASE("target columns that cannot be are refused") {
  const auto error = [](const std::string& text, std::vector<std::string> targets,
                        const std::string& label = "") {
    return error_for(text, {.label_column = label, .target_columns = std::move(targets)});
  };
  CHECK(error("a,y\n1,2\n", {"z"}) == "t.csv: found no column 'z', expected one of: a, y");
  CHECK(error("1,2\n3,4\n", {"y"}) == "t.csv: found no column 'y', expected one of: 1, 2");
  CHECK(error("a,y\n1,2\n", {"y", "y"}) == "t.csv: target column 'y' is named twice");
  CHECK(error("a,y\n1,2\n", {"a", "y"}) ==
        "t.csv: every column is a target, expected at least one feature");
  CHECK(error("a,y\n1,2\n", {"y"}, "a") ==
        "t.csv: found label_column and target_columns, expected one of them");
  CHECK(error("a,y\n1,2\n3,1e39\n", {"y"}) ==
        "t.csv: row 2 (line 3), column 2: found target 1e+39, expected a number in the range of "
        "fp32");
  CHECK(error("a,y\n1,nan\n", {"y"}) ==
        "t.csv: row 1 (line 2), column 2: found nan, expected a finite number");
}
