#include "agent/catalog.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace mayfly::agent {
namespace {

config::Pool pool(const std::string& image) {
  config::Pool made;
  made.name = "encode";
  made.worker.image = image;
  return made;
}

TEST(Catalog, NumbersTheFirstRevisionOne) {
  const Catalog catalog;
  const auto planned = catalog.plan(pool("a"), "sha256:1", 5);
  EXPECT_EQ(planned.number, 1U);
  EXPECT_EQ(planned.image, "sha256:1");
  EXPECT_EQ(planned.created_ms, 5);
}

TEST(Catalog, KeepsTheRevisionWhenOnlyTheSizeChanges) {
  Catalog catalog;
  catalog.put(pool("a"), "", catalog.plan(pool("a"), "sha256:1", 0));
  auto larger = pool("a");
  larger.replicas = 9;
  EXPECT_EQ(catalog.plan(larger, "sha256:1", 0).number, 1U);
}

TEST(Catalog, MakesARevisionOfAChangedCommandOrAMovedTag) {
  Catalog catalog;
  catalog.put(pool("a"), "", catalog.plan(pool("a"), "sha256:1", 0));
  auto other = pool("a");
  other.worker.command = {"/other"};
  EXPECT_EQ(catalog.plan(other, "sha256:1", 0).number, 2U);
  EXPECT_EQ(catalog.plan(pool("a"), "sha256:2", 0).number, 2U);
}

TEST(Catalog, AnUnresolvedImageIsNoChange) {
  Catalog catalog;
  catalog.put(pool("a"), "", catalog.plan(pool("a"), "", 0));
  const auto resolved = catalog.plan(pool("a"), "sha256:1", 0);
  EXPECT_EQ(resolved.number, 1U);
  EXPECT_EQ(resolved.image, "sha256:1");
}

TEST(Catalog, APoolThatComesBackGoesOnCounting) {
  Catalog catalog;
  catalog.put(pool("a"), "", catalog.plan(pool("a"), "sha256:1", 0));
  catalog.drop("encode");
  EXPECT_EQ(catalog.find("encode"), nullptr);
  EXPECT_NE(catalog.revision("encode", core::Revision{1}), nullptr);
  EXPECT_EQ(catalog.plan(pool("b"), "sha256:2", 0).number, 2U);
  catalog.forget("encode");
  EXPECT_EQ(catalog.revision("encode", core::Revision{1}), nullptr);
}

TEST(Catalog, RestoresRevisionsFromTheirRows) {
  Catalog first;
  const auto row = first.plan(pool("a"), "sha256:1", 0);
  auto broken = row;
  broken.number = 2;
  broken.spec = "{";
  Catalog second;
  EXPECT_EQ(second.restore({row, broken}).size(), 1U);
  ASSERT_NE(second.revision("encode", core::Revision{1}), nullptr);
  EXPECT_EQ(second.revision("encode", core::Revision{1})->worker.image, "a");
  EXPECT_EQ(second.plan(pool("a"), "", 0).number, 1U);
}

TEST(Catalog, KeepsABoundedNumberOfRevisions) {
  Catalog catalog;
  for (int i = 0; i < 50; ++i) {
    const auto next = pool("image" + std::to_string(i));
    catalog.put(next, "", catalog.plan(next, "", 0));
  }
  EXPECT_EQ(catalog.find("encode")->revisions.size(), Catalog::kRevisionsKept);
  EXPECT_EQ(catalog.find("encode")->revisions.back().row.number, 50U);
}

TEST(Catalog, TellsTheCoreWhatTheDocumentSays) {
  Catalog catalog;
  auto document = pool("a");
  document.replicas = 3;
  document.standby = 2;
  document.lifetime.stop_grace = std::chrono::milliseconds(1500);
  catalog.put(document, "", catalog.plan(document, "", 0));
  catalog.find("encode")->paused = true;
  const core::PoolSettings settings = catalog.settings("encode");
  EXPECT_EQ(settings.name, "encode");
  EXPECT_EQ(settings.replicas, 3U);
  EXPECT_EQ(settings.standby, 2U);
  EXPECT_EQ(settings.stop_grace, std::chrono::milliseconds(1500));
  EXPECT_EQ(settings.revision, core::Revision{1});
  EXPECT_TRUE(settings.paused);
}

}  // namespace
}  // namespace mayfly::agent
