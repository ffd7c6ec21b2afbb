// What a certificate's reader must stand: bytes of all kinds. The digest is put behind the bytes,
// so that what it protects is reached. The first byte chooses between a certificate and an array.

#include <string>

#include "training.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 8 < 4) {
      constexpr const char* kTypes[] = {"<f4", "<f8", "<i8", "|u1"};
      (void)verify::parse_npy(bytes, kTypes[data[0] % 4]);
    } else {
      const std::string digest = verify::sha256(bytes);
      verify::check_claims(
          verify::Certificate::parse(bytes + "\n\"sha256\": \"" + digest + "\"\n}\n"));
    }
  } catch (const verify::Refusal&) {  // what is expected of most
  }
  return 0;
}
