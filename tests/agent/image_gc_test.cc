#include "agent/image_gc.h"

#include <gtest/gtest.h>

#include <vector>

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kNow = 1000 * kHour;
constexpr std::uint64_t kGiB = 1ULL << 30;

store::Image image(const std::string& name, std::optional<std::int64_t> unused_hours,
                   std::uint64_t size = kGiB) {
  store::Image made{name, "sha256:" + name, size, 0, std::nullopt};
  if (unused_hours) made.unused_ms = kNow - *unused_hours * kHour;
  return made;
}

struct Case {
  const char* story;
  std::vector<store::Image> images;
  std::optional<files::Space> disk;
  std::vector<std::string> removed;
};

TEST(ImageGc, RemovesWhatIsUnusedForTooLongOrInTheWay) {
  const ImagePolicy policy{168h, 15};
  const files::Space roomy{50 * kGiB, 100 * kGiB};
  const files::Space tight{14 * kGiB, 100 * kGiB};
  for (const Case& each : std::vector<Case>{
           {"nothing is there", {}, roomy, {}},
           {"one is used", {image("a", {})}, tight, {}},
           {"one was used a while ago", {image("a", 167)}, roomy, {}},
           {"one was used long ago", {image("a", 168)}, roomy, {"a"}},
           {"long ago, and the disk is not known", {image("a", 168)}, {}, {"a"}},
           {"a while ago, and the disk is not known", {image("a", 1)}, {}, {}},
           {"the disk is short: the longest unused goes, until it is not",
            {image("new", 1), image("old", 9, 3 * kGiB), image("used", {})},
            tight,
            {"old"}},
           {"the disk is shorter: all unused go",
            {image("b", 1, kGiB / 4), image("a", 2, kGiB / 4), image("used", {})},
            tight,
            {"a", "b"}},
           {"what goes by age counts for the disk too",
            {image("ancient", 400, 9 * kGiB), image("b", 1)},
            tight,
            {"ancient"}},
           {"it seems to have been used in the future", {image("a", -5)}, roomy, {}},
           {"a disk of no size tells nothing", {image("a", 1)}, files::Space{}, {}}}) {
    std::vector<std::string> removed;
    for (const ImageRemoval& removal : choose_removals(each.images, policy, kNow, each.disk)) {
      removed.push_back(removal.image.name);
      EXPECT_FALSE(removal.why.empty());
    }
    EXPECT_EQ(removed, each.removed) << each.story;
  }
}

TEST(ImageGc, LeavesTheDiskAloneWhereNothingIsAsked) {
  EXPECT_TRUE(
      choose_removals({image("a", 1)}, {168h, 0}, kNow, files::Space{0, 100 * kGiB}).empty());
}

TEST(ImageGc, SaysWhy) {
  const auto removals = choose_removals({image("a", 200), image("b", 3)}, {168h, 15}, kNow,
                                        files::Space{0, 100 * kGiB});
  ASSERT_EQ(removals.size(), 2U);
  EXPECT_EQ(removals[0].why, "no pool has needed it for 8d");
  EXPECT_EQ(removals[1].why, "less than 15 % of the disk is free, and no pool needs it");
}

// ---- what is needed -------------------------------------------------------------------------

config::Pool pool(const std::string& image) {
  config::Pool made;
  made.name = "encode";
  made.worker.image = image;
  return made;
}

/// Revisions 1, 2, … of these images, each resolved to "sha256:NAME".
Catalog catalog_of(const std::vector<std::string>& images) {
  Catalog catalog;
  for (const std::string& name : images) {
    catalog.put(pool(name), "", catalog.plan(pool(name), "sha256:" + name, 0));
  }
  return catalog;
}

core::Model model_of(std::uint32_t wanted, std::uint32_t active) {
  core::Model model;
  core::Pool& pool = model.pools["encode"];
  pool.settings.name = "encode";
  pool.settings.revision = core::Revision{wanted};
  pool.active = core::Revision{active};
  return model;
}

std::vector<std::string> needed(const Catalog& catalog, const core::Model& model) {
  std::vector<std::string> names;
  for (const ImageUse& use : image_uses(catalog, model)) {
    names.push_back(use.name + (use.role == UseRole::kCurrent ? "" : " (previous)"));
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(ImageUses, AreOfTheWantedRevisionAndTheOneBefore) {
  EXPECT_EQ(needed(catalog_of({"a", "b", "c"}), model_of(3, 3)), (Names{"b (previous)", "c"}));
  EXPECT_EQ(needed(catalog_of({"a"}), model_of(1, 0)), (Names{"a"}));
}

TEST(ImageUses, AreAlsoOfWhatSlotsAreFilledWithWhileALaterOneIsPulled) {
  EXPECT_EQ(needed(catalog_of({"a", "b", "c", "d"}), model_of(4, 2)),
            (Names{"a (previous)", "b", "c (previous)", "d"}));
}

TEST(ImageUses, AreAlsoOfWorkersThatStillRun) {
  core::Model model = model_of(4, 4);
  core::Worker& worker = model.workers[core::WorkerId{7}];
  worker.revision = core::Revision{1};
  model.pools["encode"].workers.insert(core::WorkerId{7});
  EXPECT_EQ(needed(catalog_of({"a", "b", "c", "d"}), model), (Names{"a", "c (previous)", "d"}));
}

TEST(ImageUses, AreOfAPoolThatEndsUntilItsWorkersHave) {
  Catalog catalog = catalog_of({"a"});
  catalog.drop("encode");
  core::Model model = model_of(1, 1);
  EXPECT_EQ(needed(catalog, model), (Names{"a"}));
  model.pools.clear();
  EXPECT_EQ(needed(catalog, model), Names{});
}

TEST(ImageUses, GoByTheDigestWhereItIsKnown) {
  const store::Image moved{"encode:1", "sha256:new", 0, 0, std::nullopt};
  EXPECT_TRUE(uses_image({"p", 1, UseRole::kCurrent, "encode:1", "sha256:new"}, moved));
  EXPECT_TRUE(uses_image({"p", 1, UseRole::kCurrent, "other:1", "sha256:new"}, moved));
  EXPECT_FALSE(uses_image({"p", 1, UseRole::kCurrent, "encode:1", "sha256:old"}, moved));
  EXPECT_TRUE(uses_image({"p", 1, UseRole::kCurrent, "encode:1", ""}, moved));
  EXPECT_FALSE(uses_image({"p", 1, UseRole::kCurrent, "other:1", ""}, moved));
}

}  // namespace
}  // namespace mayfly::agent
