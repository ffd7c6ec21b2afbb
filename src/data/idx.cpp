#include "numgeom/data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <set>

#include "binary.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

std::size_t size_of_type(const File& file, std::uint8_t type) {
  switch (type) {
    case 0x08:
    case 0x09:
      return 1;
    case 0x0b:
      return 2;
    case 0x0c:
    case 0x0d:
      return 4;
    case 0x0e:
      return 8;
    default:
      throw Error(
          fmt::format("{}: byte 2: found type {:02x}, expected an IDX type: 08, 09, 0b, "
                      "0c, 0d or 0e",
                      file.name, type));
  }
}

std::variant<std::vector<std::uint8_t>, std::vector<double>> read_values(std::uint8_t type,
                                                                         std::string_view bytes) {
  switch (type) {
    case 0x08:
      return read_bytes(bytes);
    case 0x09:
      return read_numbers<std::int8_t>(bytes, std::endian::big);
    case 0x0b:
      return read_numbers<std::int16_t>(bytes, std::endian::big);
    case 0x0c:
      return read_numbers<std::int32_t>(bytes, std::endian::big);
    case 0x0d:
      return read_numbers<float>(bytes, std::endian::big);
    default:
      return read_numbers<double>(bytes, std::endian::big);
  }
}

void require_magic(const File& file) {
  constexpr std::string_view kMagic("\0\0", 2);
  if (file.bytes.size() < 4)
    throw Error(fmt::format("{}: found {} bytes, expected an IDX header of at least 4", file.name,
                            file.bytes.size()));
  if (!file.bytes.starts_with(kMagic))
    throw Error(fmt::format("{}: byte 0: found {:02x} {:02x}, expected the IDX magic 00 00",
                            file.name, static_cast<unsigned char>(file.bytes[0]),
                            static_cast<unsigned char>(file.bytes[1])));
  if (file.bytes[3] == 0)
    throw Error(file.name + ": byte 3: found 0 dimensions, expected at least 1");
}

std::vector<std::int64_t> read_shape(const File& file, std::size_t header_size) {
  if (file.bytes.size() < header_size)
    throw Error(fmt::format("{}: found {} bytes, expected an IDX header of {}", file.name,
                            file.bytes.size(), header_size));
  std::vector<std::int64_t> shape;
  for (std::size_t offset = 4; offset < header_size; offset += 4)
    shape.push_back(
        read_number<std::uint32_t>(std::string_view(file.bytes).substr(offset), std::endian::big));
  return shape;
}

void require_size(const File& file, std::size_t header_size, const std::vector<std::int64_t>& shape,
                  std::size_t value_size) {
  // A double cannot overflow here; it is exact wherever the two sizes can be equal.
  double expected = static_cast<double>(value_size);
  for (const std::int64_t length : shape) expected *= static_cast<double>(length);
  expected += static_cast<double>(header_size);
  const auto found = static_cast<double>(file.bytes.size());
  if (found == expected) return;
  throw Error(fmt::format(
      "{}: the file is {}: found {} bytes, expected {:.0f}, as the IDX header "
      "says",
      file.name, found < expected ? "truncated" : "too long", file.bytes.size(), expected));
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// One pair of files in a directory.
struct Pair {
  fs::path images;
  fs::path labels;
};

/// The prefix if `name` is that of an IDX file of the given role (images, labels).
std::optional<std::string> prefix_of(const std::string& name, const std::string& role) {
  const std::regex pattern("(.*)-" + role + R"([-.]idx[0-9]+-ubyte(\.gz)?)");
  std::smatch match;
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  return match[1].str();
}

/// The file with the given prefix and role; of a plain and a gzipped file, the plain one.
std::optional<fs::path> find_role(const fs::path& directory, const std::string& prefix,
                                  const std::string& role) {
  for (const auto& path : list_directory(directory))
    if (prefix_of(path.filename().string(), role) == prefix) return path;
  return std::nullopt;
}

Pair find_pair(const fs::path& directory, const std::string& prefix) {
  const auto images = find_role(directory, prefix, "images");
  const auto labels = find_role(directory, prefix, "labels");
  const auto name = [&](const std::string& role, int dimensions) {
    return fmt::format("{}-{}-idx{}-ubyte", (directory / prefix).string(), role, dimensions);
  };
  if (!images) throw Error(name("images", 3) + ": there is no such file (nor .gz)");
  if (!labels) throw Error(name("labels", 1) + ": there is no such file (nor .gz)");
  return {*images, *labels};
}

std::vector<std::string> prefixes_in(const fs::path& directory) {
  std::set<std::string> prefixes;
  for (const auto& path : list_directory(directory))
    for (const char* role : {"images", "labels"})
      if (const auto prefix = prefix_of(path.filename().string(), role)) prefixes.insert(*prefix);
  if (prefixes.empty())
    throw Error(directory.string() +
                ": found no IDX files, expected PREFIX-images-idx3-ubyte and "
                "PREFIX-labels-idx1-ubyte");
  std::vector<std::string> ordered(prefixes.begin(), prefixes.end());
  std::stable_partition(ordered.begin(), ordered.end(),
                        [](const std::string& prefix) { return prefix == "train"; });
  return ordered;
}

RawData read_pair(const fs::path& directory, const std::string& prefix) {
  const Pair pair = find_pair(directory, prefix);
  return raw_data(read_idx(pair.images), read_idx(pair.labels));
}

RawData read_directory(const fs::path& directory) {
  const auto prefixes = prefixes_in(directory);
  std::vector<RawData> parts;
  for (const auto& prefix : prefixes) parts.push_back(read_pair(directory, prefix));
  RawData data = concatenate(parts);
  data.name = directory.string();
  return data;
}

}  // namespace

Array parse_idx(const File& file, std::optional<std::int64_t> rows) {
  require_magic(file);
  const auto type = static_cast<std::uint8_t>(file.bytes[2]);
  const std::size_t value_size = size_of_type(file, type);
  const std::size_t header_size = 4 + 4 * static_cast<unsigned char>(file.bytes[3]);
  auto shape = read_shape(file, header_size);
  require_size(file, header_size, shape, value_size);
  auto values = std::string_view(file.bytes).substr(header_size);
  if (rows && *rows < shape[0]) {
    const std::size_t row_size = values.size() / static_cast<std::size_t>(shape[0]);
    values = values.substr(0, row_size * static_cast<std::size_t>(*rows));
    shape[0] = *rows;
  }
  return {file.name, std::move(shape), read_values(type, values), type >= 0x0d};
}

Array read_idx(const fs::path& path) { return parse_idx(gunzip(read_file(path))); }

RawData read_idx_pairs(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return read_directory(path);
  const std::string name = path.filename().string();
  return read_pair(parent_of(path), prefix_of(name, "images").value_or(name));
}

bool names_idx_files(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored)) return true;
  if (!fs::is_directory(parent_of(path), ignored)) return false;
  const auto files = list_directory(parent_of(path));
  return std::any_of(files.begin(), files.end(), [&](const fs::path& file) {
    return prefix_of(file.filename().string(), "images") == path.filename().string();
  });
}

}  // namespace numgeom
