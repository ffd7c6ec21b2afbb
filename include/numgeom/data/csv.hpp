#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "numgeom/data/file.hpp"
#include "numgeom/data/raw_data.hpp"

namespace numgeom {

struct CsvOptions {
  /// Name of the label's column; empty: the last column. A name makes the first line a header.
  std::string label_column;
  /// Names of the columns of real targets, in the order of the outputs, instead of a label; they
  /// too make the first line a header.
  std::vector<std::string> target_columns = {};
  /// Lines before the table that are not read.
  int skipped_lines = 0;
};

/// A table of comma-separated numbers, one sample a line, with an integer label in one column or
/// real targets in some.
///
/// The first line is a header if none of its fields is a number. Spaces around fields, CR LF line
/// ends, a byte-order mark and blank lines at the end are accepted; quoted fields are refused.
/// Decimal numbers become the nearest doubles.
///
/// Throws Error naming the file, the row (data rows, from 1), the line and the column (from 1)
/// for: text where a number is expected, NaN, infinities, numbers beyond a double's range, missing
/// or surplus fields, labels that are not integers in 0 … kMaxLabel, targets beyond the range of
/// fp32, a named column that is unknown or named twice, a label column beside target columns, and
/// tables without rows or without features.
[[nodiscard]] RawData parse_csv(const File& file, const CsvOptions& options = {});

/// Reads and parses a CSV file, gzipped or not. Throws Error as read_file, gunzip and parse_csv.
[[nodiscard]] RawData read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

}  // namespace numgeom
