#include "numgeom/data/npz.hpp"

#include <cstdlib>

#include "numgeom/data/file.hpp"
#include "support.hpp"

using namespace numgeom;
using data_test::error_of;
using data_test::Folder;

namespace {

namespace fs = std::filesystem;

const ExactMatrix kFirst = (ExactMatrix(2, 2) << 0.1F, -2, 3e30F, 4).finished();
const ExactMatrix kSecond = (ExactMatrix(1, 3) << 1, 2, 3).finished();

/// Whether a Python program with NumPy as np and the path as f runs to its end.
bool runs(const std::string& program, const fs::path& path) {
  const std::string command = std::string(NUMGEOM_TEST_PYTHON) + " -c \"import numpy as np; f='" +
                              path.string() + "'\n" + program + "\"";
  return std::system(command.c_str()) == 0;
}

/// The bytes of an archive of two arrays, a and b.
std::string archive_bytes() {
  const Folder folder;
  write_npz(folder / "f.npz", {{"a", kFirst}, {"b", kSecond}});
  return read_file(folder / "f.npz").bytes;
}

std::string replaced(std::string bytes, std::string_view old, std::string_view fresh) {
  for (auto at = bytes.find(old); at != std::string::npos; at = bytes.find(old, at + fresh.size()))
    bytes.replace(at, old.size(), fresh);
  return bytes;
}

/// Puts `value` at the offset in the local header and in the directory entry of the first member.
std::string with_header(std::string bytes, std::size_t local_offset, std::string_view value) {
  constexpr std::size_t kLocalToDirectory = 2;  // an entry has one more field of two bytes
  bytes.replace(local_offset, value.size(), value);
  const auto entry = bytes.find("PK\x01\x02");
  return bytes.replace(entry + local_offset + kLocalToDirectory, value.size(), value);
}

/// What follows the file's name in the message, for a file of these bytes.
std::string error_for(const std::string& bytes) {
  const Folder folder;
  const fs::path path = folder.write("f.npz", bytes);
  const std::string error = error_of([&] { (void)read_npz(path); });
  CHECK(error.find('\n') == std::string::npos);
  CHECK(error.find(path.string() + ": ") == 0);
  return error.empty() ? "" : error.substr(path.string().size() + 2);
}

}  // namespace

TEST_CASE("what write_npz writes is read back, in order") {
  const Folder folder;
  const ExactMatrix nothing(0, 3);
  write_npz(folder / "f.npz", {{"second", kSecond}, {"first", kFirst}, {"ä/0", nothing}});
  const auto arrays = read_npz(folder / "f.npz");
  REQUIRE(arrays.size() == 3);
  CHECK(arrays[0].first == "second");
  CHECK(arrays[0].second.shape == std::vector<std::int64_t>{1, 3});
  CHECK(arrays[1].first == "first");
  CHECK(arrays[1].second.shape == std::vector<std::int64_t>{2, 2});
  CHECK(arrays[1].second.is_floating_point);
  CHECK(std::get<std::vector<double>>(arrays[1].second.values) ==
        std::vector<double>{0.1F, -2, 3e30F, 4});
  CHECK(arrays[2].first == "ä/0");
  CHECK(arrays[2].second.shape == std::vector<std::int64_t>{0, 3});
}

TEST_CASE("doubles are written as they are") {
  const Folder folder;
  Matrix<double> x(2, 2);
  x << 0.1, -0.0, 5e-324, 1e308;
  write_npz_of_doubles(folder / "f.npz", {{"x", x}});
  const auto arrays = read_npz(folder / "f.npz");
  REQUIRE(arrays.size() == 1);
  CHECK(arrays[0].second.shape == std::vector<std::int64_t>{2, 2});
  CHECK(std::get<std::vector<double>>(arrays[0].second.values) ==
        std::vector<double>{0.1, -0.0, 5e-324, 1e308});
}

TEST_CASE("NumPy reads what write_npz writes") {
  const Folder folder;
  write_npz(folder / "f.npz", {{"second", kSecond}, {"first", kFirst}});
  CHECK(
      runs("z = np.load(f)\n"
           "assert z.files == ['second', 'first']\n"
           "assert z['first'].dtype == np.float32 and z['second'].shape == (1, 3)\n"
           "assert (z['first'] == np.array([[.1, -2], [3e30, 4]], np.float32)).all()",
           folder / "f.npz"));
}

TEST_CASE("what NumPy's savez and savez_compressed write is read") {
  const Folder folder;
  for (const std::string function : {"savez", "savez_compressed"}) {
    REQUIRE(runs("np." + function +
                     "(f, z=np.arange(6.).reshape(2, 3), a=np.array([3, -1]), "
                     "zeros=np.zeros((300, 1000), np.float32), F=np.arange(4.).reshape(2, 2).T)",
                 folder / "f.npz"));
    const auto arrays = read_npz(folder / "f.npz");
    REQUIRE(arrays.size() == 4);
    CHECK(arrays[0].first == "z");
    CHECK(arrays[0].second.shape == std::vector<std::int64_t>{2, 3});
    CHECK(std::get<1>(arrays[0].second.values) == std::vector<double>{0, 1, 2, 3, 4, 5});
    CHECK(arrays[1].first == "a");
    CHECK(std::get<1>(arrays[1].second.values) == std::vector<double>{3, -1});
    CHECK_FALSE(arrays[1].second.is_floating_point);
    CHECK(std::get<1>(arrays[2].second.values) == std::vector<double>(300000));
    CHECK(std::get<1>(arrays[3].second.values) == std::vector<double>{0, 2, 1, 3});
  }
}

TEST_CASE("equal arrays make equal files") { CHECK(archive_bytes() == archive_bytes()); }

TEST_CASE("files that are no archives, or parts of one, are refused") {
  CHECK(error_of([] { (void)read_npz("/none.npz"); }) ==
        "/none.npz: cannot be opened: No such file or directory");
  CHECK(error_for("some text") == "found no ZIP archive, expected one as numpy.savez writes it");
  const std::string bytes = archive_bytes();
  CHECK(error_for(bytes.substr(0, 100)) ==
        "truncated: found no ZIP directory at the end, expected one");
  for (std::size_t size = 1; size < bytes.size(); ++size)
    CHECK_FALSE(error_for(bytes.substr(0, size)).empty());
  // The beginning is missing instead: the directory points to where members are no longer.
  CHECK_FALSE(error_for(bytes.substr(60)).empty());
}

TEST_CASE("members that cannot be arrays are refused by name") {
  const std::string bytes = archive_bytes();
  CHECK(error_for(replaced(bytes, "a.npy", "a.txt")) ==
        "member 'a.txt': expected an array, NAME.npy");
  CHECK(error_for(replaced(bytes, "b.npy", "a.npy")) ==
        "member 'a.npy': found twice, expected once");
  CHECK(error_for(replaced(bytes, "'<f4'", "'|O4'")).find("member 'a.npy': damaged: ") == 0);
  CHECK(error_for(with_header(bytes, 6, "\x01")) ==
        "member 'a.npy': encrypted, expected plain data");
  CHECK(error_for(with_header(bytes, 8, "\x0c")) ==
        "member 'a.npy': found compression method 12, expected 0 (none) or 8 (deflate)");
  CHECK(error_for(with_header(bytes, 22, "\xf0\xff\xff\x7f")) ==
        "member 'a.npy': found a size of 2147483632 bytes, expected at most what its 144 bytes "
        "hold");
  CHECK(error_for(with_header(bytes, 18, "\xf0\xff\xff\x7f")).find("member 'a.npy': truncated: ") ==
        0);
  const Folder folder;
  REQUIRE(runs("np.savez(f, a=np.array(['x']))", folder / "f.npz"));
  CHECK(error_of([&] {
          (void)read_npz(folder / "f.npz");
        }).find("f.npz: member 'a.npy': found NPY type <U1, expected") != std::string::npos);
}

TEST_CASE("a file that says more than it holds takes no memory") {
  const Folder folder;
  REQUIRE(
      runs("import io, zipfile\n"
           "b = io.BytesIO()\n"
           "np.lib.format.write_array_header_1_0(b, {'descr': '<f8', 'fortran_order': False, "
           "'shape': (2**40, 2**40)})\n"
           "zipfile.ZipFile(f, 'w').writestr('a.npy', b.getvalue())",
           folder / "f.npz"));
  CHECK(error_of([&] {
          (void)read_npz(folder / "f.npz");
        }).find("member 'a.npy': the file is truncated: found 128 bytes, expected ") !=
        std::string::npos);
}

TEST_CASE("what makes no archive is not written") {
  const Folder folder;
  const fs::path path = folder / "f.npz";
  const auto error = [&](const std::vector<std::pair<std::string, ExactMatrix>>& arrays) {
    return error_of([&] { write_npz(path, arrays); });
  };
  CHECK(error({}) == path.string() + ": found no arrays to write, expected at least one");
  CHECK(error({{"", kFirst}}) == path.string() + ": found an array without a name, expected one");
  CHECK(error({{"a", kFirst}, {"a", kFirst}}) ==
        path.string() + ": found the array 'a' twice, expected once");
  CHECK(list_directory(folder.path()).empty());
  CHECK(error_of([] {
          write_npz("/none/f.npz", {{"a", kFirst}});
        }) == "/none/f.npz: cannot be written: No such file or directory");
}
