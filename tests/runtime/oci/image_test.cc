#include "runtime/oci/image.h"

#include <gtest/gtest.h>

namespace mayfly::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageConfig, ReadsWhatAContainerNeeds) {
  const auto image = parse_image_config(R"({
    "architecture": "amd64", "os": "linux", "created": "2023-01-01T00:00:00Z",
    "config": {"Env": ["PATH=/bin", "EMPTY=", "E=a=b", "NOEQUALS", "=x"],
               "Entrypoint": ["/entry"], "Cmd": ["a", "b"], "User": "worker:extra",
               "WorkingDir": "/srv", "Labels": {"x": "y"}},
    "rootfs": {"type": "layers", "diff_ids": [")" +
                                        kDigest + R"("]}})");
  ASSERT_TRUE(image) << image.error();
  using Env = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(image->architecture, "amd64");
  EXPECT_EQ(image->env, (Env{{"PATH", "/bin"}, {"EMPTY", ""}, {"E", "a=b"}}));
  EXPECT_EQ(image->entrypoint, std::vector<std::string>{"/entry"});
  EXPECT_EQ(image->cmd, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(image->user, "worker:extra");
  EXPECT_EQ(image->working_directory, "/srv");
  EXPECT_EQ(image->diff_ids, std::vector<std::string>{kDigest});
}

TEST(ImageConfig, TakesNullsAndGapsAsEmpty) {
  for (const auto* json : {"{}", R"({"config":null,"rootfs":null})",
                           R"({"config":{"Env":null,"Cmd":null,"Entrypoint":null,"User":null}})",
                           R"({"config":{},"rootfs":{"diff_ids":null}})"}) {
    const auto image = parse_image_config(json);
    ASSERT_TRUE(image) << json << image.error();
    EXPECT_TRUE(image->cmd.empty());
    EXPECT_TRUE(image->diff_ids.empty());
  }
}

TEST(ImageConfig, RefusesWhatIsNone) {
  std::string many = R"({"config":{"Cmd":["x")";
  for (int word = 0; word < 5'000; ++word) many += R"(,"x")";
  for (const auto& json : std::initializer_list<std::string>{
           "", "[]", "nothing", "{", R"({"architecture":1})", R"({"config":{"Cmd":"x"}})",
           R"({"config":{"Cmd":[1]}})", R"({"config":{"Env":[null]}})", R"({"config":{"User":[]}})",
           R"({"config":{"User":"a\u0000b"}})", R"({"config":{"Cmd":["a\u0000b"]}})",
           R"({"rootfs":{"diff_ids":["sha256:x"]}})", R"({"rootfs":{"diff_ids":"x"}})",
           "{\"os\":\"\xff\"}", many + "]}}", std::string(100'000, '[')}) {
    EXPECT_FALSE(parse_image_config(json)) << json.substr(0, 100);
  }
}

TEST(Digest, IsSha256InLowerCase) {
  EXPECT_TRUE(is_digest(kDigest));
  for (const auto& bad :
       {std::string(), std::string("sha256:"), kDigest + "a", "sha256:" + std::string(64, 'A'),
        "sha512:" + std::string(64, 'a'), "sha256:" + std::string(63, 'a') + "/"}) {
    EXPECT_FALSE(is_digest(bad)) << bad;
  }
}

}  // namespace
}  // namespace mayfly::oci
