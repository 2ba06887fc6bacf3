#include "runtime/oci/digest.h"

#include <gtest/gtest.h>

namespace mayfly::oci {
namespace {

// The standard's own examples (FIPS 180-2, appendix B).
constexpr const char* kOfNothing =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kOfAMillionAs =
    "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Digest, IsTheStandardsOwn) {
  EXPECT_EQ(sha256_digest(""), kOfNothing);
  EXPECT_EQ(sha256_digest("abc"), kOfAbc);
  EXPECT_EQ(sha256_digest(std::string(1'000'000, 'a')), kOfAMillionAs);
}

TEST(Digest, OfPiecesIsThatOfTheWhole) {
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.add(std::string(1000, 'a'));
  EXPECT_EQ(hash.digest(), kOfAMillionAs);
}

TEST(Digest, BeginsAnewOnceItIsToldOrRestarted) {
  Sha256 hash;
  hash.add("abc");
  EXPECT_EQ(hash.digest(), kOfAbc);
  EXPECT_EQ(hash.digest(), kOfNothing);
  hash.add("x");
  hash.restart();
  hash.add("abc");
  EXPECT_EQ(hash.digest(), kOfAbc);
}

}  // namespace
}  // namespace mayfly::oci
