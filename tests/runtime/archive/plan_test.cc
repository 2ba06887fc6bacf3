#include "runtime/archive/plan.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/archive/look.h"
#include "runtime/archive/preface.h"
#include "runtime/oci/digest.h"
#include "tests/support/image_archive.h"

namespace mayfly::archive {
namespace {

using support::ImageArchive;
using support::Tar;

/// What a first look finds in a tar of ours.
Contents contents_of(const Tar& tar) {
  Contents contents;
  for (const auto& [path, bytes] : tar.files()) {
    contents.files[path] = static_cast<std::int64_t>(bytes.size());
    if (bytes.starts_with('{') || bytes.starts_with('[')) contents.documents[path] = bytes;
  }
  return contents;
}

ImageArchive two_layers() {
  ImageArchive image;
  image.layer(Tar().file("a", "1")).gzip_layer(Tar().file("b", "2")).names = {"tool:1"};
  return image;
}

TEST(ArchivePlan, ReadsWhatDockerSaves) {
  const auto image = two_layers();
  const auto plan = plan_import(contents_of(image.docker()), {});
  ASSERT_TRUE(plan) << plan.error();
  ASSERT_EQ(plan->size(), 1U);
  EXPECT_EQ(plan->at(0).names, std::vector<std::string>{"docker.io/library/tool:1"});
  EXPECT_EQ(plan->at(0).config, image.config());
  EXPECT_FALSE(plan->at(0).manifest);
  ASSERT_EQ(plan->at(0).layers.size(), 2U);
  EXPECT_EQ(plan->at(0).layers[1].diff_id, image.diff_ids[1]);
}

TEST(ArchivePlan, ReadsAnOciLayout) {
  const auto image = two_layers();
  const auto plan = plan_import(contents_of(image.oci()), {});
  ASSERT_TRUE(plan) << plan.error();
  ASSERT_EQ(plan->size(), 1U);
  EXPECT_TRUE(plan->at(0).manifest);
  ASSERT_TRUE(plan->at(0).layers[0].blob);
  EXPECT_EQ(plan->at(0).layers[0].blob->digest, oci::sha256_digest(image.layers[0]));
}

TEST(ArchivePlan, TakesAGivenName) {
  auto image = two_layers();
  image.names = {"tool:1"};
  const auto plan = plan_import(contents_of(image.docker()), "other.example/x:2");
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(plan->at(0).names, std::vector<std::string>{"other.example/x:2"});
}

TEST(ArchivePlan, FollowsTheLinksOfAnOldDockerSave) {
  const auto image = two_layers();
  auto contents = contents_of(image.docker());
  const auto layer = oci::sha256_digest(image.layers[0]).substr(7) + "/layer.tar";
  contents.files.erase(layer);
  contents.links[layer] = "../" + std::string(64, 'f') + "/layer.tar";
  contents.files[std::string(64, 'f') + "/layer.tar"] = 3;
  const auto plan = plan_import(contents, {});
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(plan->at(0).layers[0].entry, std::string(64, 'f') + "/layer.tar");
}

TEST(ArchivePlan, RefusesLinksThatLeadInACircle) {
  const auto image = two_layers();
  auto contents = contents_of(image.docker());
  const auto layer = oci::sha256_digest(image.layers[0]).substr(7) + "/layer.tar";
  contents.files.erase(layer);
  contents.links[layer] = "x/layer.tar";
  contents.links["x/layer.tar"] = layer;
  EXPECT_FALSE(plan_import(contents, {}));
}

TEST(ArchivePlan, RefusesWhatIsNoImageArchive) {
  EXPECT_FALSE(plan_import({}, {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("manifest.json", "{}")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("manifest.json", "[]")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("manifest.json", "[1]")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("manifest.json", "[{}]")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("index.json", "{}")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("index.json", R"({"manifests":[{}]})")), {}));
  EXPECT_FALSE(plan_import(contents_of(Tar().file("index.json", R"({"manifests":[null]})")), {}));
}

TEST(ArchivePlan, RefusesAnImageThatIsNotWhole) {
  for (const auto& tar : {two_layers().docker(), two_layers().oci()}) {
    const auto whole = contents_of(tar);
    for (const auto& [name, size] : whole.files) {
      if (name == "oci-layout") continue;
      auto contents = whole;
      contents.files.erase(name);
      contents.documents.erase(name);
      EXPECT_FALSE(plan_import(contents, {})) << "without " << name;
    }
  }
}

TEST(ArchivePlan, RefusesDocumentsThatAreNotWhatTheirDigestSays) {
  const auto whole = contents_of(two_layers().oci());
  for (const auto& [name, bytes] : whole.documents) {
    if (!name.starts_with("blobs/")) continue;
    auto contents = whole;
    contents.documents[name] += " ";
    EXPECT_FALSE(plan_import(contents, {})) << name;
  }
}

TEST(ArchivePreface, MakesALayoutWhatDockerSaves) {
  const auto layout = two_layers().oci();
  const auto images = plan_import(contents_of(layout), {});
  ASSERT_TRUE(images) << images.error();
  const auto path = ::testing::TempDir() + "mayfly-preface.tar";
  support::write_file(path, docker_preface(*images) + layout.bytes());
  auto contents = look(path, [] { return false; });
  std::filesystem::remove(path);
  ASSERT_TRUE(contents) << contents.error();
  contents->documents.erase("index.json");
  const auto again = plan_import(*contents, {});
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->at(0).names, images->at(0).names);
  EXPECT_EQ(again->at(0).config, images->at(0).config);
  EXPECT_EQ(again->at(0).layers.size(), 2U);
}

TEST(ArchivePlan, RefusesAnImageForAnotherMachine) {
  auto image = two_layers();
  image.architecture = "s390x";
  const auto plan = plan_import(contents_of(image.docker()), {});
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().find("s390x"), std::string::npos) << plan.error();
}

TEST(ArchivePlan, RefusesAnImageWithoutAName) {
  auto image = two_layers();
  image.names.clear();
  EXPECT_FALSE(plan_import(contents_of(image.docker()), {}));
  EXPECT_TRUE(plan_import(contents_of(image.docker()), "x:1"));
}

TEST(ArchivePlan, RefusesNamesThatAreNone) {
  for (const auto* bad : {"a b", "a\n", "", "\x01"}) {
    auto image = two_layers();
    image.names = {bad};
    EXPECT_FALSE(plan_import(contents_of(image.docker()), {})) << bad;
  }
  auto image = two_layers();
  EXPECT_FALSE(plan_import(contents_of(image.docker()), std::string(300, 'x')));
}

TEST(ArchivePlan, RefusesALayerCountThatTheConfigContradicts) {
  auto fewer = two_layers();
  fewer.diff_ids.pop_back();
  EXPECT_FALSE(plan_import(contents_of(fewer.docker()), {}));
  auto more = two_layers();
  more.diff_ids.push_back(more.diff_ids[0]);
  EXPECT_FALSE(plan_import(contents_of(more.oci()), {}));
}

}  // namespace
}  // namespace mayfly::archive
