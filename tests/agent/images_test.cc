#include "agent/images.h"

#include <gtest/gtest.h>

#include "tests/agent/fake_runtime.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;
using runtime::FaultKind;
using runtime::Pull;
using runtime::Result;
using Names = std::vector<std::string>;

class ImagesTest : public testing::Test {
 protected:
  std::unique_ptr<Images> make() {
    Images::Options options;
    options.policy = {0ms, 0};  // what is not needed goes at once
    options.uses = [this] { return uses_; };
    options.disk_of = [](const std::string&) { return std::nullopt; };
    options.resolve_deadline = 20ms;
    return std::make_unique<Images>(loop_, Images::Parts{runtime_, store_, evidence_},
                                    std::move(options));
  }
  void need(const std::string& name, const std::string& digest) {
    uses_.push_back({"encode", 4, UseRole::kCurrent, name, digest});
  }
  Result<runtime::Image> prepare(const std::string& name, Pull pull = Pull::kMissing) {
    Result<runtime::Image> got;
    images_->prepare({name, {}, pull}, [&got](Result<runtime::Image> image) { got = image; });
    runtime_.answer();
    return got;
  }
  Names ours() {
    Names names;
    for (const auto& [key, image] : store_.images) names.push_back(key.first);
    return names;
  }
  /// What went, and " (WHY)" of what did not.
  Names collect(Images::Mode mode = Images::Mode::kRemove) {
    Names names;
    images_->collect(mode, [&names](const Result<std::vector<CollectedImage>>& rows) {
      ASSERT_TRUE(rows) << rows.error().what;
      for (const CollectedImage& row : *rows) {
        names.push_back(row.removal.image.name + (row.fault.empty() ? "" : " (still there)"));
      }
    });
    runtime_.answer();
    return names;
  }
  Result<std::vector<runtime::Image>> remove(const std::string& name) {
    Result<std::vector<runtime::Image>> got;
    images_->remove(name, [&got](Result<std::vector<runtime::Image>> gone) { got = gone; });
    runtime_.answer();
    return got;
  }

  /// What is put down by then is there after it.
  void die_in_a_pull_of(const runtime::ImageWanted& wanted) {
    images_->prepare(wanted, [](const auto&) {});
    runtime_.answer(wanted.digest.empty() ? 2 : 1);
    EXPECT_EQ(runtime_.calls.back(), "prepare a:1");
    images_.reset();
    runtime_.forget_all();
    for (const auto& [key, image] : store_.images) store_.rows.images.push_back(image);
    images_ = make();
  }

  boost::asio::io_context loop_;
  FakeRuntime runtime_;
  FakeStore store_;
  Evidence evidence_;
  std::vector<ImageUse> uses_;
  std::unique_ptr<Images> images_ = make();
};

TEST_F(ImagesTest, RememberWhatAPullBroughtIn) {
  runtime_.registry["a:1"] = "sha256:1";
  ASSERT_TRUE(prepare("a:1"));
  EXPECT_EQ(ours(), Names{"a:1"});
  EXPECT_EQ(evidence_.images.pulled, 1U);
  EXPECT_EQ(evidence_.images.kept_bytes, 5U);
}

TEST_F(ImagesTest, TakeNothingForTheirsThatWasHereBefore) {
  runtime_.here["a:1"] = "sha256:1";
  ASSERT_TRUE(prepare("a:1"));
  EXPECT_EQ(ours(), Names{});
  EXPECT_EQ(collect(), Names{});
  EXPECT_TRUE(runtime_.here.contains("a:1"));
  EXPECT_EQ(evidence_.images.pulled, 0U);
}

TEST_F(ImagesTest, RememberTheNewOneWhenATagHasMoved) {
  runtime_.here["a:1"] = "sha256:old";
  runtime_.registry["a:1"] = "sha256:new";
  ASSERT_EQ(prepare("a:1", Pull::kAlways)->digest, "sha256:new");
  ASSERT_EQ(store_.images.size(), 1U);
  EXPECT_EQ(store_.images.begin()->first.second, "sha256:new");
}

TEST_F(ImagesTest, CountAFailedPullAndRememberNothing) {
  EXPECT_EQ(prepare("a:1").error().kind, FaultKind::kNotFound);
  EXPECT_EQ(evidence_.images.failed, 1U);
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, KnowAgainWhatAnEarlierRunBroughtIn) {
  runtime_.here["a:1"] = "sha256:1";
  store_.rows.images = {{"a:1", "sha256:1", 5, 1, 2}};
  store_.images[{"a:1", "sha256:1"}] = store_.rows.images[0];
  images_ = make();
  EXPECT_EQ(collect(), Names{"a:1"});
  EXPECT_EQ(ours(), Names{});
  EXPECT_EQ(evidence_.images.kept, 0U);
}

TEST_F(ImagesTest, OwnWhatCameWhileNobodyCouldSaySo) {
  runtime_.registry["a:1"] = "sha256:1";
  die_in_a_pull_of({"a:1", {}, Pull::kMissing});
  runtime_.here["a:1"] = "sha256:1";  // it had ended
  images_->start();
  runtime_.answer();
  EXPECT_EQ(store_.images.begin()->second.size_bytes, 5U);
  EXPECT_EQ(evidence_.images.kept, 1U);
  EXPECT_EQ(collect(), Names{"a:1"});
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, OwnWhatCameByItsDigestToo) {
  runtime_.registry["a:1"] = "sha256:1";
  die_in_a_pull_of({"a:1", "sha256:1", Pull::kMissing});
  runtime_.here["a:1"] = "sha256:1";
  images_->start();
  runtime_.answer();
  EXPECT_EQ(collect(), Names{"a:1"});
}

TEST_F(ImagesTest, ForgetAPullThatADeadDaemonHasNotEnded) {
  runtime_.registry["a:1"] = "sha256:1";
  die_in_a_pull_of({"a:1", {}, Pull::kMissing});
  images_->start();
  runtime_.answer();
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, ClaimNothingThatIsHereAndIsNotTheirs) {
  runtime_.here["a:1"] = runtime_.registry["a:1"] = "sha256:1";
  for (const Pull pull : {Pull::kMissing, Pull::kAlways, Pull::kNever}) {
    images_->prepare({"a:1", {}, pull}, [](const auto&) {});
    runtime_.answer(2);
    EXPECT_EQ(ours(), Names{});
    runtime_.answer();
  }
  images_->prepare({"b:1", {}, Pull::kNever}, [](const auto&) {});
  runtime_.answer(1);
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, ClaimUntilTheLastOfItsAskersHasAnAnswer) {
  const runtime::ImageWanted wanted{"a:1", "sha256:1", Pull::kMissing};
  images_->prepare(wanted, [](const auto&) {});
  runtime_.answer(1);
  images_->prepare(wanted, [](const auto&) {});
  runtime_.answer(2);  // the first has failed
  EXPECT_EQ(ours(), Names{"a:1"});
  runtime_.answer();
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, OwnWhatAPullThatFailedHasLeft) {
  images_->prepare({"a:1", "sha256:1", Pull::kMissing}, [](const auto&) {});
  runtime_.answer(2);                 // it has failed, and is looked for
  runtime_.here["a:1"] = "sha256:1";  // not unpacked, as on a full disk
  runtime_.answer();
  EXPECT_EQ(collect(), Names{"a:1"});
  EXPECT_FALSE(runtime_.here.contains("a:1"));
}

TEST_F(ImagesTest, CollectWhatNoPoolNeedsAndNothingElse) {
  for (const char* name : {"a:1", "b:1"}) runtime_.registry[name] = std::string("sha256:") + name;
  need("b:1", "sha256:b:1");
  ASSERT_TRUE(prepare("a:1"));
  ASSERT_TRUE(prepare("b:1"));
  EXPECT_EQ(collect(Images::Mode::kDryRun), Names{"a:1"});
  EXPECT_TRUE(runtime_.here.contains("a:1"));
  EXPECT_EQ(collect(), Names{"a:1"});
  EXPECT_FALSE(runtime_.here.contains("a:1"));
  EXPECT_EQ(ours(), Names{"b:1"});
  uses_.clear();
  EXPECT_EQ(collect(), Names{"b:1"});
}

TEST_F(ImagesTest, LeaveWhatIsNeededAgainWhileTheOthersGo) {
  for (const char* name : {"a:1", "b:1"}) runtime_.registry[name] = std::string("sha256:") + name;
  ASSERT_TRUE(prepare("a:1"));
  ASSERT_TRUE(prepare("b:1"));
  Names left;
  images_->collect(Images::Mode::kRemove, [&left](const Result<std::vector<CollectedImage>>& rows) {
    for (const CollectedImage& row : *rows) {
      if (!row.fault.empty()) left.push_back(row.removal.image.name + ": " + row.fault);
    }
  });
  need("b:1", "sha256:b:1");  // applied while a:1 goes
  runtime_.answer();
  EXPECT_EQ(left, Names{"b:1: it is needed now by encode (revision 4)"});
  EXPECT_TRUE(runtime_.here.contains("b:1"));
}

TEST_F(ImagesTest, KeepInMindWhatCouldNotBeRemoved) {
  runtime_.registry["a:1"] = "sha256:1";
  ASSERT_TRUE(prepare("a:1"));
  runtime_.needed.insert("sha256:1");
  EXPECT_EQ(collect(), Names{"a:1 (still there)"});
  EXPECT_EQ(ours(), Names{"a:1"});
  runtime_.needed.clear();
  runtime_.here.clear();  // somebody else removed it: that is as good
  EXPECT_EQ(collect(), Names{"a:1"});
  EXPECT_EQ(ours(), Names{});
}

TEST_F(ImagesTest, RefuseASecondCollectionMeanwhile) {
  runtime_.registry["a:1"] = "sha256:1";
  ASSERT_TRUE(prepare("a:1"));
  images_->collect(Images::Mode::kRemove, [](const auto&) {});
  bool refused = false;
  images_->collect(Images::Mode::kRemove, [&refused](const auto& rows) { refused = !rows; });
  EXPECT_TRUE(refused);
  runtime_.answer();
  EXPECT_EQ(collect(), Names{});
}

TEST_F(ImagesTest, RefuseToRemoveWhatAPoolNeedsAndSayWhich) {
  runtime_.registry["a:1"] = "sha256:1";
  need("a:1", "sha256:1");
  ASSERT_TRUE(prepare("a:1"));
  const auto refused = remove("a:1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, FaultKind::kRefused);
  EXPECT_EQ(refused.error().what, "image a:1 is needed by encode (revision 4)");
  uses_.clear();
  EXPECT_EQ(remove("sha256:1")->size(), 1U) << "by digest";
  EXPECT_FALSE(runtime_.here.contains("a:1"));
}

TEST_F(ImagesTest, RemoveNothingThatOthersBroughtIn) {
  runtime_.here["a:1"] = "sha256:1";
  EXPECT_EQ(remove("a:1").error().kind, FaultKind::kNotFound);
  EXPECT_TRUE(runtime_.here.contains("a:1"));
}

TEST_F(ImagesTest, ListWhatIsHereWithItsUsers) {
  runtime_.here["theirs:1"] = "sha256:2";
  runtime_.registry["a:1"] = "sha256:1";
  ASSERT_TRUE(prepare("a:1"));
  need("a:1", "sha256:1");
  std::vector<ListedImage> rows;
  images_->list([&rows](const Result<std::vector<ListedImage>>& found) { rows = *found; });
  runtime_.answer();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].ours);
  ASSERT_EQ(rows[0].uses.size(), 1U);
  EXPECT_EQ(rows[0].uses[0].pool, "encode");
  EXPECT_EQ(rows[0].unused_ms, std::nullopt);
  EXPECT_FALSE(rows[1].ours);
}

TEST_F(ImagesTest, NoteSinceWhenAnImageIsNotNeeded) {
  runtime_.registry["a:1"] = "sha256:1";
  need("a:1", "sha256:1");
  ASSERT_TRUE(prepare("a:1"));
  EXPECT_EQ(store_.images.begin()->second.unused_ms, std::nullopt);
  uses_.clear();
  (void)collect(Images::Mode::kDryRun);
  const auto since = store_.images.begin()->second.unused_ms;
  ASSERT_TRUE(since);
  (void)collect(Images::Mode::kDryRun);
  EXPECT_EQ(store_.images.begin()->second.unused_ms, since) << "not anew";
  need("a:1", "sha256:1");
  (void)collect(Images::Mode::kDryRun);
  EXPECT_EQ(store_.images.begin()->second.unused_ms, std::nullopt);
}

TEST_F(ImagesTest, AnswerForARegistryThatDoesNot) {
  runtime_.mute = true;
  Result<runtime::Image> got;
  int answers = 0;
  images_->resolve({"a:1", {}, Pull::kAlways}, [&](Result<runtime::Image> image) {
    got = std::move(image);
    ++answers;
  });
  loop_.run();  // ends with the deadline
  EXPECT_EQ(answers, 1);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, FaultKind::kUnknown);
}

TEST_F(ImagesTest, AnswerOnceWhenTheRegistryIsLate) {
  runtime_.registry["a:1"] = "sha256:1";
  int answers = 0;
  images_->resolve({"a:1", {}, Pull::kAlways}, [&](const auto&) { ++answers; });
  loop_.run();
  runtime_.answer();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace mayfly::agent
