#include "numgeom/data/file.hpp"

#include <sys/resource.h>

#include <csignal>

#include "numgeom/data/sha256.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;
using data_test::gzipped;

namespace {

/// Lets this process write files of at most `bytes`: what a full disk looks like to a program.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("a file is read as it is, and written whole") {
  const Folder folder;
  const std::string text = data_test::raw("a\0b\r\n\xff");
  write_file(folder / "f", "before");
  write_file(folder / "f", text);
  CHECK(read_file(folder / "f").bytes == text);
  CHECK(read_file(folder / "f").name == (folder / "f").string());
  CHECK(list_directory(folder.path()) == std::vector{folder / "f"});
}

TEST_CASE("unreadable and empty files are refused by name") {
  const Folder folder;
  CHECK(error_of([&] { (void)read_file(folder / "none"); }) ==
        (folder / "none").string() + ": cannot be opened: No such file or directory");
  CHECK(error_of([&] { (void)read_file(folder.path()); }) ==
        folder.path().string() + ": cannot be read: Is a directory");
  const auto empty = folder.write("empty", "");
  CHECK(error_of([&] { (void)read_file(empty); }) ==
        empty.string() + ": the file is empty, expected data");
  CHECK(error_of([&] { (void)list_directory(folder / "none"); }) ==
        (folder / "none").string() + ": cannot be read: No such file or directory");
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
  const Folder folder;
  CHECK(error_of([&] { write_file(folder / "none" / "f", "x"); }) ==
        (folder / "none" / "f").string() + ": cannot be written: No such file or directory");

  write_file(folder / "f", "before");
  {
    const FileSizeLimit limit(1000);
    CHECK(error_of([&] { write_file(folder / "f", std::string(1001, 'x')); }) ==
          (folder / "f").string() + ": cannot be written: File too large");
  }
  CHECK(read_file(folder / "f").bytes == "before");
  CHECK(list_directory(folder.path()).size() == 1);

  std::filesystem::create_directories(folder / "directory" / "inside");
  CHECK(error_of([&] { write_file(folder / "directory", "x"); }) != "");
  CHECK(list_directory(folder.path()).size() == 2);
}

TEST_CASE("gzip data are unpacked, members one after the other, plain data left alone") {
  const std::string text(300000, 'n');
  CHECK(gunzip({"f", gzipped(text)}).bytes == text);
  CHECK(gunzip({"f", gzipped("one ") + gzipped("two")}).bytes == "one two");
  CHECK(gunzip({"f", "plain"}).bytes == "plain");
}

TEST_CASE("damaged gzip data are refused with the place") {
  const std::string packed = gzipped("a text that is long enough to be cut");
  CHECK(error_of([&] {
          (void)gunzip({"f", packed.substr(0, 20)});
        }) == "f: byte 20: the gzip data end too early");
  CHECK(error_of([&] {
          (void)gunzip({"f", packed + "x"});
        }) == "f: byte " + std::to_string(packed.size() + 1) + ": the gzip data end too early");
  CHECK(error_of([&] {
          (void)gunzip({"f", packed + "rubbish"});
        }).find("damaged gzip data") != std::string::npos);
  std::string flipped = packed;
  flipped[flipped.size() - 8] ^= 1;  // the checksum
  CHECK(error_of([&] {
          (void)gunzip({"f", flipped});
        }).find("damaged gzip data") != std::string::npos);
  CHECK(error_of([&] {
          (void)gunzip({"f", gzipped("")});
        }) == "f: the gzip data are empty, expected data");
}

TEST_CASE("SHA-256 gives the values of FIPS 180") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
