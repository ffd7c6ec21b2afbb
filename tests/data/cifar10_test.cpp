#include "data/cifar10.hpp"

#include <png.h>

#include "numgeom/data/idx.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;

namespace {

/// The PNG image with these RGB pixels.
std::string png_of(std::uint32_t width, std::uint32_t height, const std::string& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr);
  bytes.resize(size);
  return bytes;
}

std::string some_pixels(std::size_t count) {
  std::string pixels(3 * count, '\0');
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i * i * 7 + i / 5);
  return pixels;
}

}  // namespace

TEST_CASE("the rows of a sheet become images, byte by byte") {
  const std::string pixels = some_pixels(2 * 1024);
  const Array images = parse_idx({"idx", idx_of_sheet({"s.png", png_of(1024, 2, pixels)})});
  CHECK(images.shape == std::vector<std::int64_t>{2, 32, 32, 3});
  const auto& values = std::get<std::vector<std::uint8_t>>(images.values);
  CHECK(std::string(values.begin(), values.end()) == pixels);
}

TEST_CASE("what is no sheet is refused") {
  CHECK(error_of([] {
          (void)idx_of_sheet({"s.png", "no image"});
        }).find("s.png: expected a PNG image: ") == 0);
  const std::string sheet = png_of(1024, 2, some_pixels(2 * 1024));
  CHECK(error_of([&] {
          (void)idx_of_sheet({"s.png", sheet.substr(0, sheet.size() / 2)});
        }).find("s.png: expected a PNG image: ") == 0);
  CHECK(error_of([] {
          (void)idx_of_sheet({"s.png", png_of(4, 2, some_pixels(8))});
        }) == "s.png: found 4 pixels a row, expected 1024, a 32×32 image");
}

TEST_CASE("a package that is incomplete or altered is not converted") {
  const Folder folder;
  CHECK(error_of([&] {
          convert_cifar10(folder.path(), {});
        }).find("train_lables.json: cannot be opened") != std::string::npos);
  folder.write("train_lables.json", "[1,2]");
  CHECK(error_of([&] {
          convert_cifar10(folder.path(), {});
        }).find("train_lables.json: found SHA-256 ") != std::string::npos);
}
