#include "numgeom/data/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "numgeom/error.hpp"

namespace numgeom {

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw Error("SHA-256: the OpenSSL library cannot compute it");
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace numgeom
