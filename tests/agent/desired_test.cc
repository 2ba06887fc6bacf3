#include "agent/desired.h"

#include <gtest/gtest.h>

#include "tests/agent/fake_runtime.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;
using control::Refusal;
using Applied = tl::expected<control::ApplyResult, control::Error>;

config::Pool pool(const std::string& image) {
  config::Pool made;
  made.name = "encode";
  made.worker.image = image;
  return made;
}

class DesiredTest : public testing::Test {
 protected:
  /// Not answered before the runtime is.
  std::shared_ptr<std::optional<Applied>> ask(const config::Pool& pool) {
    auto applied = std::make_shared<std::optional<Applied>>();
    desired_.apply(pool, {}, [applied](Applied result) { *applied = std::move(result); });
    return applied;
  }
  Applied apply(const config::Pool& pool) {
    const auto applied = ask(pool);
    runtime_.answer();
    return applied->value_or(tl::unexpected(control::Error{Refusal::kFailed, "no answer"}));
  }
  static Images::Options options() {
    Images::Options options;
    options.uses = [] { return std::vector<ImageUse>{}; };
    options.disk_of = [](const std::string&) { return std::nullopt; };
    options.resolve_deadline = 20ms;
    return options;
  }

  boost::asio::io_context loop_;
  FakeRuntime runtime_;
  FakeStore store_;
  Evidence evidence_;
  Catalog catalog_;
  Inbox inbox_;
  Images images_{loop_, Images::Parts{runtime_, store_, evidence_}, options()};
  Desired desired_{Desired::Parts{catalog_, store_, images_, inbox_}, config::Runtime{}};
};

TEST_F(DesiredTest, ResolvesTheTagAndSaysTheDigest) {
  runtime_.registry["encode:1"] = "sha256:1";
  const Applied applied = apply(pool("encode:1"));
  ASSERT_TRUE(applied) << applied.error().what;
  EXPECT_EQ(applied->image, "encode:1");
  EXPECT_EQ(applied->image_digest, "sha256:1");
  EXPECT_EQ(applied->image_fault, "");
  EXPECT_EQ((store_.revisions.at({"encode", 1}).image), "sha256:1");
  EXPECT_EQ(runtime_.calls, std::vector<std::string>{"resolve encode:1"}) << "nothing is pulled";
}

TEST_F(DesiredTest, AsksTheRegistryAsThePoolSays) {
  for (const auto& [pull, word] : {std::pair(config::Pull::kAlways, "resolve encode:1 (always)"),
                                   std::pair(config::Pull::kNever, "resolve encode:1 (never)")}) {
    config::Pool wanted = pool("encode:1");
    wanted.pull = pull;
    (void)apply(wanted);
    EXPECT_EQ(runtime_.calls.back(), word);
  }
}

TEST_F(DesiredTest, TakesAPoolInWhoseImageIsNotThereAndSaysWhy) {
  const Applied applied = apply(pool("encode:1"));
  ASSERT_TRUE(applied) << applied.error().what;
  EXPECT_EQ(applied->image_digest, "");
  EXPECT_EQ(applied->image_fault, "the fake says no");
  EXPECT_NE(catalog_.find("encode"), nullptr);
}

TEST_F(DesiredTest, IsNotHeldUpByARegistryThatDoesNotAnswer) {
  runtime_.mute = true;
  const auto applied = ask(pool("encode:1"));
  loop_.run();
  ASSERT_TRUE(*applied);
  ASSERT_TRUE(**applied);
  EXPECT_EQ((**applied)->image_fault, "the registry did not answer in time");
}

TEST_F(DesiredTest, KeepsTheDigestUntilTheTagIsAppliedAgain) {
  runtime_.registry["encode:1"] = "sha256:1";
  (void)apply(pool("encode:1"));
  runtime_.registry["encode:1"] = "sha256:2";
  desired_.scale("encode", 5, [](const Applied& scaled) { EXPECT_EQ(scaled->revision, 1U); });
  EXPECT_EQ(catalog_.revision("encode", core::Revision{1})->row.image, "sha256:1");
  const Applied again = apply(pool("encode:1"));
  EXPECT_EQ(again->revision, 2U) << "it is not on this node, so the registry was asked";
  EXPECT_EQ(again->image_digest, "sha256:2");
}

TEST_F(DesiredTest, ChangesNoRevisionWhenPullDoes) {
  runtime_.registry["encode:1"] = "sha256:1";
  (void)apply(pool("encode:1"));
  config::Pool changed = pool("encode:1");
  changed.pull = config::Pull::kAlways;
  const Applied applied = apply(changed);
  EXPECT_EQ(applied->revision, 1U);
  EXPECT_FALSE(applied->new_revision);
  ASSERT_EQ(applied->changes.size(), 1U);
  EXPECT_EQ(applied->changes[0].key, "pull");
}

TEST_F(DesiredTest, RefusesWhatWasOvertakenWhileItsImageWasLookedUp) {
  runtime_.registry = {{"encode:1", "sha256:1"}, {"encode:2", "sha256:2"}};
  (void)apply(pool("encode:1"));
  const auto slow = ask(pool("encode:2"));
  desired_.scale("encode", 5, [](const Applied& scaled) { EXPECT_TRUE(scaled); });
  runtime_.answer();
  ASSERT_TRUE(*slow);
  ASSERT_FALSE(**slow);
  EXPECT_EQ((**slow).error().refusal, Refusal::kRefused);
  EXPECT_EQ(catalog_.find("encode")->desired.worker.image, "encode:1");
  EXPECT_EQ(catalog_.find("encode")->desired.replicas, 5U);
}

TEST_F(DesiredTest, TakesTwoChangesInTheOrderInWhichTheyWereAskedFor) {
  runtime_.registry = {{"encode:1", "sha256:1"}, {"encode:2", "sha256:2"}};
  const auto first = ask(pool("encode:1"));
  const auto second = ask(pool("encode:2"));
  runtime_.answer();
  EXPECT_TRUE(**first);
  ASSERT_TRUE(**second);
  EXPECT_EQ((**second)->revision, 2U);
}

TEST_F(DesiredTest, DoesNotBringBackAPoolThatWasDeletedMeanwhile) {
  (void)apply(pool("encode:1"));
  const auto slow = ask(pool("encode:2"));
  desired_.drop("encode", [](const Applied& dropped) { EXPECT_TRUE(dropped); });
  runtime_.answer();
  EXPECT_FALSE(**slow);
  EXPECT_EQ(catalog_.find("encode"), nullptr);
}

TEST_F(DesiredTest, RefusesANetworkThatTheRuntimeHasNot) {
  config::Pool wanted = pool("encode:1");
  wanted.worker.network = "front";
  const Applied applied = apply(wanted);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().refusal, Refusal::kInvalid);
  EXPECT_EQ(catalog_.find("encode"), nullptr);
}

const std::string kKey = "/mayfly/main/pools/encode";

class DesiredOfFleet : public DesiredTest {
 protected:
  Applied take(const config::Pool& pool) {
    Applied taken = tl::unexpected(control::Error{Refusal::kFailed, "no answer"});
    desired_.take({pool, fleet_source(kKey)}, [&](Applied result) { taken = std::move(result); });
    runtime_.answer();
    return taken;
  }
};

TEST_F(DesiredOfFleet, IsTakenAndChangedByTheCoordinatorAlone) {
  ASSERT_TRUE(take(pool("encode:1")));
  ASSERT_TRUE(take(pool("encode:2")));
  EXPECT_EQ(catalog_.find("encode")->source, "etcd:" + kKey);
  EXPECT_TRUE(store_.desired.empty()) << "the coordinator's rows are kept elsewhere";
  const auto refuses = [](const Applied& applied) {
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().refusal, Refusal::kRefused);
    EXPECT_NE(applied.error().what.find(kKey), std::string::npos) << applied.error().what;
  };
  refuses(apply(pool("encode:3")));
  desired_.scale("encode", 5, refuses);
  desired_.drop("encode", refuses);
  EXPECT_EQ(catalog_.find("encode")->desired.worker.image, "encode:2");
}

TEST_F(DesiredOfFleet, IsPausedByTheCoordinatorAndByTheNodeEach) {
  const auto paused = [this] { return catalog_.settings("encode").paused; };
  const auto take_paused = [this](bool by_fleet) {
    desired_.take({pool("encode:1"), fleet_source(kKey), by_fleet}, [](const Applied&) {});
    runtime_.answer();
  };
  std::optional<Applied> marked;
  const auto mark = [&](Desired::Mark as) {
    desired_.mark("encode", as, [&marked](Applied result) { marked = std::move(result); });
  };
  take_paused(true);
  EXPECT_TRUE(paused());
  mark(Desired::Mark::kRunning);
  ASSERT_FALSE(*marked) << "the fleet's pause is not the node's to end";
  EXPECT_NE(marked->error().what.find("`mayfly --cluster main resume encode`"), std::string::npos);
  mark(Desired::Mark::kPaused);
  take_paused(false);
  EXPECT_TRUE(paused()) << "the node's own stays";
  mark(Desired::Mark::kRunning);
  EXPECT_TRUE(*marked);
  EXPECT_FALSE(paused());
}

TEST_F(DesiredOfFleet, TakesOverNoPoolThatANodeHasOfItsOwn) {
  ASSERT_TRUE(apply(pool("encode:1")));
  const Applied taken = take(pool("encode:2"));
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().what.find("given by command"), std::string::npos);
  desired_.drop_of_fleet("encode");
  EXPECT_NE(catalog_.find("encode"), nullptr);
}

TEST_F(DesiredOfFleet, StaysWhenTheFilesAreReadAgain) {
  ASSERT_TRUE(take(pool("encode:1")));
  desired_.reload({});
  EXPECT_NE(catalog_.find("encode"), nullptr);
  desired_.drop_of_fleet("encode");
  EXPECT_EQ(catalog_.find("encode"), nullptr);
}

TEST_F(DesiredOfFleet, IsRestoredBehindFilesAndTheApi) {
  config::Document document;
  document.pools["encode"] = pool("encode:file");
  document.pool_files["encode"] = "/etc/encode.toml";
  config::Pool other = pool("other:1");
  other.name = "other";
  const std::vector<Desired::FromFleet> fleet{{pool("encode:fleet"), fleet_source(kKey)},
                                              {other, fleet_source("/k"), true}};
  EXPECT_TRUE(desired_.restore(document, fleet).empty());
  EXPECT_EQ(catalog_.find("encode")->source, "/etc/encode.toml");
  EXPECT_EQ(catalog_.find("other")->source, "etcd:/k");
  EXPECT_TRUE(catalog_.settings("other").paused);
  EXPECT_FALSE(catalog_.find("other")->paused) << "that is the document's, not the node's";
}

TEST_F(DesiredOfFleet, IsTheNodesOwnOnceItHasLeft) {
  EXPECT_TRUE(desired_.restore({}, {{pool("encode:1"), ""}}).empty());
  EXPECT_EQ(catalog_.find("encode")->source, "");
  EXPECT_NE(store_.desired.at("encode").spec, "");
}

}  // namespace
}  // namespace mayfly::agent
