#include "runtime/oci/manifest.h"

#include <gtest/gtest.h>

#include "runtime/oci/digest.h"

namespace mayfly::oci {
namespace {

std::string digest(char digit) {
  return "sha256:" + std::string(64, digit);
}

std::string descriptor(char digit, const std::string& more = "") {
  return R"({"mediaType":"x","digest":")" + digest(digit) + R"(","size":5)" + more + "}";
}

std::string platform(const char* os, const char* architecture) {
  return R"(,"platform":{"os":")" + std::string(os) + R"(","architecture":")" + architecture +
         "\"}";
}

TEST(Manifest, NamesConfigAndLayers) {
  const auto parsed = parse_manifest(R"({"config":)" + descriptor('c') + R"(,"layers":[)" +
                                         descriptor('1') + "," + descriptor('2') + "]}",
                                     "amd64");
  ASSERT_TRUE(parsed) << parsed.error();
  const auto& manifest = std::get<Manifest>(*parsed);
  EXPECT_EQ(manifest.config.digest, digest('c'));
  ASSERT_EQ(manifest.layers.size(), 2U);
  EXPECT_EQ(manifest.layers[1].digest, digest('2'));
  EXPECT_EQ(manifest.layers[1].size, 5);
}

TEST(Manifest, MayHaveNoLayers) {
  EXPECT_TRUE(parse_manifest(R"({"config":)" + descriptor('c') + R"(,"layers":[]})", "amd64"));
}

TEST(Index, LeadsToTheManifestForThisMachine) {
  const auto index = R"({"manifests":[)" + descriptor('1', platform("linux", "arm64")) + "," +
                     descriptor('2', platform("windows", "amd64")) + "," +
                     descriptor('3', platform("linux", "amd64")) + "," +
                     descriptor('4', platform("linux", "amd64")) + "]}";
  EXPECT_EQ(std::get<Choice>(*parse_manifest(index, "amd64")).manifest.digest, digest('3'));
  EXPECT_EQ(std::get<Choice>(*parse_manifest(index, "arm64")).manifest.digest, digest('1'));
  EXPECT_FALSE(parse_manifest(index, "riscv64"));
}

TEST(Index, OfOneNeedsNoPlatform) {
  const auto one = R"({"manifests":[)" + descriptor('1') + "]}";
  EXPECT_TRUE(parse_manifest(one, "amd64"));
  const auto two = R"({"manifests":[)" + descriptor('1') + "," + descriptor('2') + "]}";
  EXPECT_FALSE(parse_manifest(two, "amd64"));
}

TEST(Manifest, RefusesWhatIsNone) {
  const auto good = descriptor('c');
  for (const auto& bad : std::initializer_list<std::string>{
           "",
           "{",
           "[]",
           "1",
           "\"x\"",
           "{}",
           "null",
           std::string("{\"config\":\0}", 12),
           R"({"config":)" + good + "}",
           R"({"config":)" + good + R"(,"layers":{}})",
           R"({"config":{},"layers":[]})",
           R"({"config":null,"layers":[]})",
           R"({"config":)" + good + R"(,"layers":[1]})",
           R"({"config":)" + good + R"(,"layers":[{"digest":"sha256:short","size":1}]})",
           R"({"config":)" + good + R"(,"layers":[{"digest":")" + digest('1') + R"("}]})",
           R"({"config":)" + good + R"(,"layers":[{"digest":")" + digest('1') + R"(","size":-1}]})",
           R"({"config":)" + good + R"(,"layers":[{"digest":")" + digest('1') +
               R"(","size":1e3}]})",
           R"({"config":)" + good + R"(,"layers":[{"digest":")" + digest('G') + R"(","size":1}]})",
           R"({"manifests":[]})",
           R"({"manifests":[1,null]})",
           R"({"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]})",
           std::string(200'000, '['),
       }) {
    EXPECT_FALSE(parse_manifest(bad, "amd64")) << bad.substr(0, 200);
  }
}

TEST(Manifest, RefusesMoreLayersThanAnyImageHas) {
  std::string layers = descriptor('1');
  for (std::size_t layer = 0; layer < kLayersMax; ++layer) layers += "," + descriptor('1');
  EXPECT_FALSE(parse_manifest(R"({"config":)" + descriptor('c') + R"(,"layers":[)" + layers + "]}",
                              "amd64"));
}

TEST(ChainId, IsTheDigestOfTheChainBelowAndTheLayer) {
  EXPECT_EQ(chain_id({}), "");
  EXPECT_EQ(chain_id({digest('1')}), digest('1'));
  EXPECT_EQ(chain_id({digest('1'), digest('2')}), sha256_digest(digest('1') + " " + digest('2')));
  EXPECT_EQ(chain_id({digest('1'), digest('2'), digest('3')}),
            sha256_digest(chain_id({digest('1'), digest('2')}) + " " + digest('3')));
}

TEST(Digest, IsSha256) {
  EXPECT_EQ(sha256_digest("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace mayfly::oci
