#include "numgeom/data/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "fp32.hpp"
#include "numgeom/data/array.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

using Fields = std::vector<std::string_view>;

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> pieces(std::string_view text, char separator) {
  std::vector<std::string_view> found;
  for (;;) {
    const auto end = text.find(separator);
    found.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return found;
    text.remove_prefix(end + 1);
  }
}

enum class Reading { number, out_of_range, text };

/// Reads a decimal number; NaN and infinities count as numbers here, so that they are named later.
Reading read(std::string_view field, double& value) {
  if (field.starts_with('+')) field.remove_prefix(1);
  const char* const end = field.data() + field.size();
  const auto [rest, error] = std::from_chars(field.data(), end, value);
  if (rest != end || error == std::errc::invalid_argument) return Reading::text;
  return error == std::errc() ? Reading::number : Reading::out_of_range;
}

/// One CSV file on its way to a data set.
class Parser {
 public:
  Parser(const File& file, const CsvOptions& options) : file_(file), options_(options) {
    std::string_view text = file.bytes;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    if (!text.empty()) lines_ = pieces(text, '\n');
  }

  RawData run() {
    first_row_ = std::min(lines_.size(), static_cast<std::size_t>(options_.skipped_lines));
    if (first_row_ < lines_.size()) read_header();
    if (first_row_ == lines_.size()) fail("found no rows, expected samples");
    columns_ = split(first_row_).size();
    assign_roles();
    return read_rows();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("{}: {}", file_.name, what));
  }

  [[noreturn]] void fail_at(std::size_t line, std::optional<std::size_t> column,
                            const std::string& what) const {
    const std::string place = column ? fmt::format(", column {}", *column + 1) : "";
    fail(fmt::format("row {} (line {}){}: {}", line - first_row_ + 1, line + 1, place, what));
  }

  void require_columns(std::size_t line) const {
    if (split(line).size() > 1) return;
    const bool semicolons = lines_[line].find(';') != std::string_view::npos;
    fail(fmt::format("line {}: {}", line + 1,
                     semicolons ? "found fields separated by ';', expected ','"
                                : "found 1 column, expected features and a label"));
  }

  [[nodiscard]] Fields split(std::size_t line) const {
    if (lines_[line].find('"') != std::string_view::npos)
      fail(
          fmt::format("line {}: found a quoted field, expected plain numbers and names", line + 1));
    return pieces(lines_[line], ',');
  }

  void read_header() {
    require_columns(first_row_);
    const Fields fields = split(first_row_);
    const bool has_numbers = std::any_of(fields.begin(), fields.end(), [](std::string_view field) {
      double value = 0;
      return read(field, value) != Reading::text;
    });
    if (has_numbers && options_.label_column.empty() && options_.target_columns.empty()) return;
    names_ = fields;
    ++first_row_;
  }

  void assign_roles() {
    if (names_ && names_->size() != columns_)
      fail_at(
          first_row_, std::nullopt,
          fmt::format("found {} fields, expected {} as in the header", columns_, names_->size()));
    roles_.assign(columns_, kFeature);
    if (options_.target_columns.empty())
      roles_[options_.label_column.empty() ? columns_ - 1 : column_of(options_.label_column)] =
          kLabel;
    else
      assign_targets();
  }

  void assign_targets() {
    if (!options_.label_column.empty())
      fail("found label_column and target_columns, expected one of them");
    int target = 0;
    for (const std::string& name : options_.target_columns) {
      int& role = roles_[column_of(name)];
      if (role != kFeature) fail(fmt::format("target column '{}' is named twice", name));
      role = target++;
    }
    if (options_.target_columns.size() == columns_)
      fail("every column is a target, expected at least one feature");
  }

  [[nodiscard]] std::size_t column_of(const std::string& name) const {
    const auto found = std::find(names_->begin(), names_->end(), name);
    if (found == names_->end())
      fail(
          fmt::format("found no column '{}', expected one of: {}", name, fmt::join(*names_, ", ")));
    return static_cast<std::size_t>(found - names_->begin());
  }

  RawData read_rows() {
    const auto rows = static_cast<Eigen::Index>(lines_.size() - first_row_);
    Matrix<double> features(rows, std::count(roles_.begin(), roles_.end(), kFeature));
    Matrix<double> targets(rows, static_cast<Eigen::Index>(options_.target_columns.size()));
    RawData data;
    data.name = file_.name;
    for (Eigen::Index row = 0; row < rows; ++row) {
      const int label = read_row(first_row_ + static_cast<std::size_t>(row),
                                 features.row(row).data(), targets.row(row).data());
      if (targets.cols() == 0) data.labels.push_back(label);
      data.classes = std::max(data.classes, label + 1);
    }
    data.features = std::move(features);
    if (targets.cols() > 0) data.targets = std::move(targets);
    return data;
  }

  /// Writes the features of one line from `feature` on and its targets; returns its label, −1
  /// without one.
  int read_row(std::size_t line, double* feature, double* targets) const {
    const Fields fields = split(line);
    if (fields.size() != columns_)
      fail_at(line, std::nullopt,
              fmt::format("found {} fields, expected {}", fields.size(), columns_));
    int label = -1;
    for (std::size_t column = 0; column < columns_; ++column) {
      const double value = number(line, column, fields[column]);
      if (roles_[column] == kFeature)
        *feature++ = value;
      else if (roles_[column] == kLabel)
        label = checked_label(line, column, value);
      else
        targets[roles_[column]] = checked_target(line, column, value);
    }
    return label;
  }

  [[nodiscard]] double number(std::size_t line, std::size_t column, std::string_view field) const {
    double value = 0;
    const Reading reading = read(field, value);
    if (reading == Reading::text)
      fail_at(line, column, fmt::format("found '{}', expected a number", field));
    if (reading == Reading::out_of_range)
      fail_at(line, column, fmt::format("found {}, expected a number in a double's range", field));
    if (!std::isfinite(value))
      fail_at(line, column, fmt::format("found {}, expected a finite number", field));
    return value;
  }

  [[nodiscard]] int checked_label(std::size_t line, std::size_t column, double value) const {
    if (std::trunc(value) != value || value < 0 || value > kMaxLabel)
      fail_at(line, column,
              fmt::format("found label {}, expected an integer from 0 to {}", value, kMaxLabel));
    return static_cast<int>(value);
  }

  [[nodiscard]] double checked_target(std::size_t line, std::size_t column, double value) const {
    if (!fits_fp32(value))
      fail_at(line, column,
              fmt::format("found target {}, expected a number in the range of fp32", value));
    return value;
  }

  // What a column holds; any other role is the number of a target.
  static constexpr int kFeature = -1;
  static constexpr int kLabel = -2;

  const File& file_;
  const CsvOptions& options_;
  std::vector<std::string_view> lines_;
  std::optional<Fields> names_;
  std::size_t first_row_ = 0;  // index of the first data line
  std::size_t columns_ = 0;
  std::vector<int> roles_;  // by column
};

}  // namespace

RawData parse_csv(const File& file, const CsvOptions& options) {
  return Parser(file, options).run();
}

RawData read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return parse_csv(gunzip(read_file(path)), options);
}

}  // namespace numgeom
