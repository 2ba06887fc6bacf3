#include <algorithm>
#include <filesystem>

#include "runtime/oci/digest.h"
#include "tests/runtime/containerd/pull_fixture.h"

namespace mayfly::containerd {
namespace {

using runtime::FaultKind;
using runtime::Pull;

TEST_F(PullTest, BringsAnImageThatIsMissing) {
  const auto image = random_image(5);
  const auto name = push(image, "whole:1");
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_EQ(prepared->name, name);
  EXPECT_EQ(prepared->digest, digest);
  EXPECT_EQ(images().at(0).name, name);
  EXPECT_TRUE(driver().pulls().empty());
  EXPECT_TRUE(ctr("leases ls -q").empty());
}

TEST_F(PullTest, AsksNobodyForWhatIsHere) {
  const auto name = push(random_image(1), "here:1");
  ASSERT_TRUE(prepare(name));
  proxy().forget();
  EXPECT_EQ(prepare(name)->digest, digest);
  EXPECT_EQ(resolve({name, {}, {}})->digest, digest);
  EXPECT_EQ(prepare({name, digest, Pull::kAlways})->digest, digest);
  EXPECT_TRUE(proxy().requests().empty());
}

TEST_F(PullTest, PullsNothingWhereItMayNot) {
  const auto name = push(random_image(1), "never:1");
  expect_fault(prepare({name, {}, Pull::kNever}), FaultKind::kNotFound, "never:1");
  expect_fault(resolve({name, {}, Pull::kNever}), FaultKind::kNotFound, "never:1");
  EXPECT_TRUE(proxy().requests().empty());
}

TEST_F(PullTest, ResolvesWithoutPulling) {
  const auto name = push(random_image(2), "resolved:1");
  const auto resolved = resolve({name, {}, {}});
  ASSERT_TRUE(resolved) << resolved.error().what;
  EXPECT_EQ(resolved->digest, digest);
  EXPECT_GT(resolved->size_bytes, 100'000U);
  EXPECT_TRUE(proxy().requests_for("/blobs/").empty());
  EXPECT_TRUE(images().empty());
}

TEST_F(PullTest, IsSharedByThoseWhoWantTheSame) {
  const auto image = random_image(1, 1 << 20);
  const auto name = push(image, "shared:1");
  int done = 0;
  for (int asker = 0; asker < 5; ++asker) {
    driver().prepare_image({name, {}, {}}, [&](runtime::Result<runtime::Image> prepared) {
      EXPECT_TRUE(prepared) << prepared.error().what;
      ++done;
    });
  }
  ASSERT_TRUE(until([&] { return done == 5; }));
  EXPECT_EQ(proxy().requests_for(oci::sha256_digest(image.layers[0])).size(), 1U);
}

TEST_F(PullTest, FetchesOnceWhatSeveralImagesHave) {
  auto base = random_image(2, 1 << 20);
  constexpr int kImages = 20;
  std::vector<std::string> names;
  for (int at = 0; at < kImages; ++at) {
    auto image = base;
    image.gzip_layer(support::Tar().file("own", std::to_string(at)));
    names.push_back(push(image, "many-" + std::to_string(at) + ":1"));
  }
  int done = 0;
  for (const auto& name : names) {
    driver().prepare_image({name, {}, {}}, [&](runtime::Result<runtime::Image> prepared) {
      EXPECT_TRUE(prepared) << prepared.error().what;
      ++done;
    });
  }
  ASSERT_TRUE(until([&] { return done == kImages; }));
  for (const auto& layer : base.layers) {
    EXPECT_EQ(proxy().requests_for(oci::sha256_digest(layer)).size(), 1U);
  }
}

TEST_F(PullTest, TellsHowFarItHasCome) {
  const auto image = random_image(2, 1 << 20);
  const auto name = push(image, "progress:1");
  proxy().add({Kind::kStall, oci::sha256_digest(image.layers[1]), 500'000, {}, 1});
  bool done = false;
  driver().prepare_image({name, {}, {}}, [&](const auto&) { done = true; });
  const auto total = image.layers[0].size() + image.layers[1].size();
  ASSERT_TRUE(until([&] {
    const auto pulls = driver().pulls();
    return pulls.size() == 1 && pulls[0].layers_done == 1 &&
           pulls[0].bytes_done == image.layers[0].size() + 500'000;
  }));
  const auto pull = driver().pulls().at(0);
  EXPECT_EQ(pull.name, name);
  EXPECT_EQ(pull.digest, digest);
  EXPECT_EQ(pull.bytes_total, total);
  EXPECT_EQ(pull.layers_total, 2U);
  proxy().clear();
  ASSERT_TRUE(until([&] { return done; }));
  EXPECT_TRUE(driver().pulls().empty());
}

TEST_F(PullTest, ChoosesThePlatformOfThisMachine) {
  auto other = random_image(1);
  other.architecture = "mips";
  const auto strange = registry().push(other, "index:mips");
  const auto mine = registry().push(random_image(1), "index:mine");
  registry().push_index("index:1", mine, strange);
  const auto name = proxy().host() + "/index:1";
  EXPECT_EQ(resolve({name, {}, {}})->digest, mine);
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_EQ(prepared->digest, mine);
  EXPECT_EQ(prepare({name, {}, Pull::kNever})->digest, mine);
  expect_fault(prepare(proxy().host() + "/index:mips"), FaultKind::kRefused, "mips");
}

TEST_F(PullTest, StaysAtADigestWhenItsTagMovesOn) {
  const auto name = push(random_image(1), "moving:1");
  const auto first = digest;
  ASSERT_TRUE(prepare(name));
  push(random_image(1), "moving:1");
  const auto newest = prepare({name, {}, Pull::kAlways});
  ASSERT_TRUE(newest) << newest.error().what;
  EXPECT_EQ(newest->digest, digest);
  proxy().forget();
  EXPECT_EQ(prepare({name, first, {}})->digest, first);
  EXPECT_TRUE(proxy().requests().empty()) << "the old one was not kept";
  EXPECT_EQ(prepare(name)->digest, digest);
  EXPECT_EQ(images().size(), 2U);
}

TEST_F(PullTest, BringsADigestThatItsTagHasLeft) {
  const auto name = push(random_image(1), "left:1");
  const auto first = digest;
  push(random_image(1), "left:1");
  const auto prepared = prepare({name, first, {}});
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_EQ(prepared->digest, first);
  EXPECT_TRUE(prepare(proxy().host() + "/left@" + first));
}

TEST_F(PullTest, ServesWhatIsHereWhenTheRegistryIsDown) {
  const auto name = push(random_image(1), "down:1");
  expect_fault(prepare(proxy().host() + "/elsewhere:1"), FaultKind::kNotFound, "elsewhere");
  ASSERT_TRUE(prepare(name));
  registry().stop();
  EXPECT_EQ(prepare({name, {}, Pull::kAlways})->digest, digest);
  EXPECT_EQ(resolve({name, {}, Pull::kAlways})->digest, digest);
  expect_fault(prepare({proxy().host() + "/other:1", {}, Pull::kAlways}), FaultKind::kFailed,
               proxy().host());
  registry().start();
}

TEST_F(PullTest, FetchesNothingWhereTheTagHasNotMoved) {
  const auto name = push(random_image(1), "still:1");
  ASSERT_TRUE(prepare(name));
  proxy().forget();
  EXPECT_EQ(prepare({name, {}, Pull::kAlways})->digest, digest);
  ASSERT_EQ(proxy().requests().size(), 1U);
  EXPECT_EQ(proxy().requests()[0].method, "HEAD");
}

TEST_F(PullTest, RemovesWhatItHasPulledAndNothingElse) {
  const auto name = push(random_image(1), "removed:1");
  ASSERT_TRUE(prepare(name));
  const auto foreign = proxy().host() + "/removed:foreign";
  ctr("images tag " + name + " " + foreign);
  ctr("images label " + foreign + " mayfly.instance.image=another");
  const auto refused = remove({foreign, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, FaultKind::kRefused);
  EXPECT_TRUE(remove({name, {}, {}}));
  EXPECT_EQ(images().at(0).name, foreign);
  const auto again = remove({name, {}, {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, FaultKind::kNotFound);
  ctr("images rm --sync " + foreign);
  EXPECT_TRUE(images().empty());
}

TEST_F(PullTest, SaysWhereImagesLie) {
  std::optional<runtime::About> about;
  driver().about([&](runtime::Result<runtime::About> told) { about = told.value(); });
  ASSERT_TRUE(until([&] { return about.has_value(); }));
  EXPECT_TRUE(about->storage.starts_with(daemon().directory())) << about->storage;
  EXPECT_TRUE(std::filesystem::is_directory(about->storage));
}

}  // namespace
}  // namespace mayfly::containerd
