#include "runtime/encoding/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace mayfly::encoding {
namespace {

using namespace std::string_literals;

TEST(Base64, ReadsBackWhatItWrites) {
  for (const auto& bytes : {""s, "a"s, "ab"s, "abc"s, "\0\xff\n"s, std::string(10'000, '\x80')}) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
  EXPECT_EQ(to_base64("/mayfly/a"), "L21heWZseS9h");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"a", "YQ", "YQ=", "YQ===", "====", "=", "!!!!",
                           "YQ==YQ==", " YQ==", "YQ==\n", "YR==", "Y\xc3\xa4==", "-_-_"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64, HasAnAlphabetForPlacesWhereSlashesMeanSomething) {
  EXPECT_EQ(to_base64("\xfb\xff\xfe?"), "+//+Pw==");
  EXPECT_EQ(to_base64url("\xfb\xff\xfe?"), "-__-Pw==");
}

}  // namespace
}  // namespace mayfly::encoding
