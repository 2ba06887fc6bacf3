#include <sys/mount.h>

#include <algorithm>

#include "runtime/oci/digest.h"
#include "tests/runtime/containerd/pull_fixture.h"

namespace mayfly::containerd {
namespace {

using runtime::FaultKind;
using support::FaultyProxy;

std::uint64_t bytes_of(const std::vector<FaultyProxy::Request>& requests) {
  std::uint64_t bytes = 0;
  for (const auto& request : requests) bytes += request.body_bytes;
  return bytes;
}

TEST_F(PullTest, SaysThatATagIsUnknown) {
  const auto name = push(random_image(1), "tags:1");
  const auto other = proxy().host() + "/tags:2";
  expect_fault(prepare(other), FaultKind::kNotFound, "tags:2");
  expect_fault(resolve({other, {}, {}}), FaultKind::kNotFound, "MANIFEST_UNKNOWN");
  expect_fault(prepare(proxy().host() + "/nothing:1"), FaultKind::kNotFound, proxy().host());
}

TEST_F(PullTest, RefusesWhatIsNoReference) {
  expect_fault(prepare("Not/A Name"), FaultKind::kRefused, "names no image");
  expect_fault(prepare("sha256:" + std::string(64, 'a')), FaultKind::kNotFound, "no image");
}

TEST_F(PullTest, SpeaksNoPlainHttpUnasked) {
  push(random_image(1), "plain:1");
  expect_fault(prepare(registry().host() + "/plain:1"), FaultKind::kFailed, "plain_http");
}

TEST_F(PullTest, GoesOnWhereALayerWasCut) {
  const auto image = random_image(1, 4 << 20);
  const auto name = push(image, "cut:1");
  const auto layer = oci::sha256_digest(image.layers[0]);
  proxy().add({Kind::kCut, layer, 1 << 20, {}, 1});
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  const auto requests = proxy().requests_for(layer);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].range, "bytes=" + std::to_string(1 << 20) + "-");
  EXPECT_EQ(bytes_of(requests), image.layers[0].size());
}

TEST_F(PullTest, GoesOnWhereAnEarlierPullGaveUp) {
  const auto image = random_image(3, 2 << 20);
  const auto name = push(image, "later:1");
  const auto layer = oci::sha256_digest(image.layers[2]);
  proxy().add({Kind::kCut, layer, 1 << 20, {}, 1});
  proxy().add({Kind::kAnswer, layer, 0, "503 Service Unavailable", -1});
  expect_fault(prepare(name), FaultKind::kFailed, "503");
  proxy().clear();
  proxy().forget();
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  const auto requests = proxy().requests_for("/blobs/" + layer);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].range, "bytes=" + std::to_string(1 << 20) + "-");
  for (const auto at : {0U, 1U}) {
    const auto other = oci::sha256_digest(image.layers[at]);
    EXPECT_TRUE(proxy().requests_for(other).empty()) << "layer " << at << " was there";
  }
}

TEST_F(PullTest, FetchesACorruptedLayerAgain) {
  const auto image = random_image(2);
  const auto name = push(image, "corrupt-once:1");
  proxy().add({Kind::kCorrupt, oci::sha256_digest(image.layers[1]), 1000, {}, 1});
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
}

TEST_F(PullTest, RefusesALayerThatStaysCorrupted) {
  const auto image = random_image(2);
  const auto name = push(image, "corrupt:1");
  const auto layer = oci::sha256_digest(image.layers[1]);
  proxy().add({Kind::kCorrupt, layer, 1000, {}, -1});
  expect_fault(prepare(name), FaultKind::kRefused, layer);
  const auto content = ctr("content ls -q");
  EXPECT_EQ(std::ranges::find(content, layer), content.end());
  EXPECT_EQ(ctr("content active").size(), 3U) << "an ingest is left";
  proxy().clear();
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
}

TEST_F(PullTest, RefusesAManifestThatIsNotWhatItsDigestSays) {
  const auto name = push(random_image(1), "manifest:1");
  proxy().add({Kind::kCorrupt, "/manifests/", 10, {}, -1});
  expect_fault(prepare(name), FaultKind::kRefused, "digest");
}

TEST_F(PullTest, BearsWithARegistryThatStallsOnce) {
  const auto image = random_image(1, 1 << 20);
  const auto name = push(image, "stall-once:1");
  proxy().add({Kind::kStall, oci::sha256_digest(image.layers[0]), 500'000, {}, 1});
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
}

TEST_F(PullTest, FailsOnARegistryThatStallsForEver) {
  auto hasty = options();
  hasty.patience.stall = 300ms;
  hasty.patience.connect = 300ms;
  hasty.patience.tries = 2;
  use(hasty);
  const auto name = push(random_image(1), "stall:1");
  proxy().add({Kind::kHold, "/manifests/", 0, {}, -1});
  expect_fault(prepare(name), FaultKind::kFailed, "stalls");
  proxy().clear();
  EXPECT_TRUE(prepare(name));
}

TEST_F(PullTest, TriesAgainWhereARegistryIsBusy) {
  const auto name = push(random_image(1), "busy:1");
  proxy().add({Kind::kAnswer, "/manifests/", 0, "429 Too Many\r\nRetry-After: 0", 1});
  proxy().add({Kind::kAnswer, "/blobs/", 0, "503 Busy\r\nRetry-After: 1", 1});
  const auto begun = std::chrono::steady_clock::now();
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s) << "it did not wait as it was told";
}

TEST_F(PullTest, FollowsARedirectToAnotherRegistryThatIsKnown) {
  const auto image = random_image(1);
  const auto name = push(image, "redirected:1");
  const auto path = "/v2/redirected/blobs/" + oci::sha256_digest(image.layers[0]);
  auto both = options();
  both.registries.registries[registry().host()].plain_http = true;
  use(both);
  proxy().add({Kind::kAnswer, path, 0,
               "307 Elsewhere\r\nLocation: http://" + registry().host() + path, -1});
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
}

TEST_F(PullTest, FollowsNoRedirectToPlainHttpThatIsNotAllowed) {
  const auto image = random_image(1);
  const auto name = push(image, "misled:1");
  const auto path = "/v2/misled/blobs/" + oci::sha256_digest(image.layers[0]);
  proxy().add({Kind::kAnswer, path, 0,
               "307 Elsewhere\r\nLocation: http://" + registry().host() + path, -1});
  expect_fault(prepare(name), FaultKind::kRefused, "no TLS");
}

/// The config is on its way meanwhile, and is given up for the layer's sake.
TEST_F(PullTest, SaysWhatIsWrongWithALayerThatFailsBeforeTheConfigIsHere) {
  const auto image = random_image(1);
  const auto name = push(image, "hasty:1");
  const auto path = "/v2/hasty/blobs/" + oci::sha256_digest(image.layers[0]);
  proxy().add({Kind::kAnswer, path, 0,
               "307 Elsewhere\r\nLocation: http://" + registry().host() + path, -1});
  proxy().add({Kind::kHold, "/blobs/", 0, {}, -1});
  expect_fault(prepare(name), FaultKind::kRefused, "no TLS");
}

TEST_F(PullTest, SaysWhatItWaitsFor) {
  auto patient = options();
  patient.patience.backoff = patient.patience.backoff_max = 60s;
  use(patient);
  const auto name = push(random_image(1), "waiting:1");
  proxy().add({Kind::kAnswer, "/manifests/", 0, "503 Busy", -1});
  driver().prepare_image({name, {}, {}}, [](const auto&) { ADD_FAILURE() << "it has ended"; });
  EXPECT_TRUE(until([&] {
    const auto pulls = driver().pulls();
    return pulls.size() == 1 && pulls[0].waiting_for.find("503") != std::string::npos;
  }));
  drop_driver();  // at once, whatever it waits for
}

TEST_F(PullTest, OutlivesContainerdsDeath) {
  const auto image = random_image(2, 2 << 20);
  const auto name = push(image, "killed:1");
  const auto layer = oci::sha256_digest(image.layers[1]);
  proxy().add({Kind::kHold, layer, 0, {}, 1});
  std::optional<runtime::Result<runtime::Image>> result;
  driver().prepare_image({name, {}, {}}, [&](auto prepared) { result = std::move(prepared); });
  ASSERT_TRUE(until([&] {
    const auto pulls = driver().pulls();
    return pulls.size() == 1 && pulls[0].layers_done == 1;
  }));
  daemon().kill9();
  proxy().clear();
  ASSERT_TRUE(until([&] { return result.has_value(); }));
  EXPECT_FALSE(*result);
  daemon().start();
  proxy().forget();
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_TRUE(proxy().requests_for(oci::sha256_digest(image.layers[0])).empty());
}

TEST_F(PullTest, EndsAtOnceWithItsDriver) {
  const auto image = random_image(3, 1 << 20);
  const auto name = push(image, "dropped:1");
  proxy().add({Kind::kStall, "/blobs/", 300'000, {}, -1});
  driver().prepare_image({name, {}, {}}, [](const auto&) { ADD_FAILURE() << "called back"; });
  ASSERT_TRUE(until([&] {
    const auto pulls = driver().pulls();
    return pulls.size() == 1 && pulls[0].bytes_done > 0;
  }));
  const auto begun = std::chrono::steady_clock::now();
  drop_driver();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);  // a tenth of every deadline there is
  proxy().clear();
  use(options());
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
}

TEST_F(PullTest, LeavesNothingOfADriverThatDied) {
  const auto name = push(random_image(2, 1 << 20), "abandoned:1");
  proxy().add({Kind::kStall, "/blobs/", 300'000, {}, -1});
  driver().prepare_image({name, {}, {}}, [](const auto&) {});
  ASSERT_TRUE(until([&] { return ctr("content active").size() > 3; }));
  drop_driver();
  use(options());
  EXPECT_TRUE(until([] { return leftovers().empty(); }));
}

TEST_F(PullTest, FailsOnAFullDiskAndGoesOnWhenThereIsRoom) {
  support::PrivateContainerd small;
  const auto root = small.directory() + "/root";
  small.terminate();
  ASSERT_EQ(mount("tmpfs", root.c_str(), "tmpfs", 0, "size=12m"), 0);
  small.start();
  auto there = options();
  there.socket = small.socket();
  there.name_space = small.name_space();
  use(there);
  const auto image = random_image(2, 8 << 20);
  const auto name = push(image, "full:1");
  expect_fault(prepare(name), FaultKind::kFailed, "no space left");
  ASSERT_EQ(mount("tmpfs", root.c_str(), "tmpfs", MS_REMOUNT, "size=100m"), 0);
  const auto prepared = prepare(name);
  ASSERT_TRUE(prepared) << prepared.error().what;
  EXPECT_TRUE(remove({name, {}, {}}));
  drop_driver();
}

}  // namespace
}  // namespace mayfly::containerd
