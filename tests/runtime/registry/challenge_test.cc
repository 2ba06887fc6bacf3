#include "runtime/registry/challenge.h"

#include <gtest/gtest.h>

#include "runtime/registry/address.h"

namespace mayfly::registry {
namespace {

using Scheme = Challenge::Scheme;

TEST(Challenge, NamesRealmServiceAndScope) {
  const auto read = read_challenges({R"(Bearer realm="https://auth.example/token",service="reg",)"
                                     R"(scope="repository:a/b:pull,push")"});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->scheme, Scheme::kBearer);
  EXPECT_EQ(read->realm, "https://auth.example/token");
  EXPECT_EQ(read->service, "reg");
  EXPECT_EQ(read->scope, "repository:a/b:pull,push");
}

TEST(Challenge, IsReadInEveryWayThatItIsWritten) {
  for (const auto& header : std::initializer_list<std::string>{
           R"(Bearer realm="https://x/t")",
           R"(bearer REALM=https://x/t)",
           R"(Bearer error="a, b=\"c\"",realm="https://x/t")",
           R"(Basic realm="r", Bearer realm="https://x/t")",
           R"(Negotiate, Digest realm="d",nonce="n", Bearer realm="https://x/t",)",
           R"(Bearer realm="https://x/t)",
       }) {
    const auto read = read_challenges({header});
    ASSERT_TRUE(read) << header;
    EXPECT_EQ(read->scheme, Scheme::kBearer) << header;
    EXPECT_EQ(read->realm, "https://x/t") << header;
  }
}

TEST(Challenge, MayComeInSeveralHeaders) {
  const auto read = read_challenges({R"(Basic realm="r")", R"(Bearer realm="https://x/t")"});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->scheme, Scheme::kBearer);
  EXPECT_EQ(read_challenges({R"(Basic realm="r")"})->scheme, Scheme::kBasic);
  EXPECT_EQ(read_challenges({"Basic"})->scheme, Scheme::kBasic);
}

TEST(Challenge, IsNoneWhereNothingIsKnown) {
  for (const auto& header : std::initializer_list<std::string>{
           "",
           ",",
           "=",
           "=x, Basic",
           "Negotiate",
           R"(Bearer service="no realm")",
           R"(realm="https://x/t")",
           R"("Bearer" realm="x")",
           "Bearer realm=" + std::string(20'000, 'x'),
       }) {
    EXPECT_FALSE(read_challenges({header})) << header.substr(0, 60);
  }
  EXPECT_FALSE(read_challenges({}));
}

TEST(Address, SpeaksTlsUnlessToldNotTo) {
  Options options;
  options.registries["a.example:5000"].plain_http = true;
  EXPECT_EQ(base_url(options, "a.example:5000"), "http://a.example:5000");
  EXPECT_EQ(base_url(options, "a.example"), "https://a.example");
  EXPECT_EQ(base_url(options, "docker.io"), "https://registry-1.docker.io");
}

TEST(Address, LeadsToPlainHttpOnlyWhereTheOptionsSaySo) {
  Options options;
  options.registries["a.example:5000"].plain_http = true;
  options.registries["b.example"].plain_http = true;
  options.registries["c.example"].ca_file = "/ca";
  for (const auto* url :
       {"https://c.example/x", "https://any.example:1/", "http://a.example:5000/x",
        "HTTP://A.example:5000/x?y", "http://b.example/", "http://b.example:80/"}) {
    EXPECT_TRUE(is_allowed(options, url)) << url;
  }
  for (const auto* url :
       {"", "x", "/x", "http://a.example/", "http://a.example:5001/", "http://b.example:8080/",
        "http://c.example/", "ftp://a.example:5000/", "file:///etc/passwd",
        "http://user@a.example:5000/", "https://u:p@c.example/", "http://a.example:5000@evil/",
        "https://", "javascript:alert(1)"}) {
    EXPECT_FALSE(is_allowed(options, url)) << url;
  }
}

TEST(Address, EscapesWhatGoesIntoAQuery) {
  EXPECT_EQ(
      with_query("https://x/t", {{"service", "a b&c"}, {"none", ""}, {"scope", "r:x/y:pull"}}),
      "https://x/t?service=a%20b%26c&scope=r%3Ax%2Fy%3Apull");
  EXPECT_EQ(with_query("https://x/t?a=1", {{"b", "2"}}), "https://x/t?a=1&b=2");
}

}  // namespace
}  // namespace mayfly::registry
