// What is pure of the driver's images: their names, how a pull goes, what went wrong.
#include <gtest/gtest.h>

#include "runtime/docker/images/discard.h"
#include "runtime/docker/images/load.h"
#include "runtime/docker/images/names.h"
#include "runtime/docker/images/progress.h"
#include "runtime/docker/images/pull.h"
#include "runtime/docker/images/trouble.h"

namespace mayfly::docker {
namespace {

using runtime::FaultKind;

std::string digest(char digit) {
  return "sha256:" + std::string(64, digit);
}

LocalImage image() {
  LocalImage image;
  image.id = digest('1');
  image.tags = {"host.example/a:1", "host.example/b@" + digest('3')};
  image.digests = {"host.example/a@" + digest('2'), "host.example/b@" + digest('3')};
  image.size_bytes = 7;
  return image;
}

TEST(DockerImageNames, AreAskedForByDigestWhereOneIsWanted) {
  const auto pinned = names_of({"host.example/a:1", digest('2'), {}});
  ASSERT_TRUE(pinned);
  EXPECT_EQ(spellings(*pinned), (std::vector{"host.example/a@" + digest('2'), digest('2')}));
  EXPECT_EQ(spellings(*names_of({"busybox", "", {}})),
            std::vector<std::string>{"docker.io/library/busybox:latest"});
  EXPECT_EQ(spellings(*names_of({digest('2'), "", {}})), std::vector{digest('2')});
  EXPECT_EQ(names_of({"a@" + digest('2'), "", {}})->digest, digest('2'));
}

TEST(DockerImageNames, ThatAreNoneAreRefused) {
  for (const auto* wrong : {"", "../containers/x", "a b", "UPPER/x", "a:b:c", "a@sha256:12"}) {
    EXPECT_FALSE(names_of({wrong, "", {}})) << wrong;
  }
  EXPECT_FALSE(names_of({"a", "sha256:12", {}}));
}

TEST(DockerImageNames, TellTheOneFromAnother) {
  EXPECT_TRUE(is_it(image(), *names_of({"x", digest('1'), {}})));
  EXPECT_TRUE(is_it(image(), *names_of({"x", digest('3'), {}})));
  EXPECT_FALSE(is_it(image(), *names_of({"x", digest('4'), {}})));
}

TEST(DockerImageNames, KnowAnImageByTheDigestOfItsRepository) {
  EXPECT_EQ(digest_of(image(), *names_of({"host.example/a:1", "", {}})), digest('2'));
  EXPECT_EQ(digest_of(image(), *names_of({"host.example/b:1", "", {}})), digest('3'));
  EXPECT_EQ(digest_of(image(), *names_of({"host.example/c:1", "", {}})), digest('1'));
}

TEST(DockerImageNames, AreListedOnceEach) {
  const auto named = named_images(image());
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].name, "host.example/a:1");
  EXPECT_EQ(named[0].digest, digest('2'));
  auto untagged = image();
  untagged.tags.clear();
  EXPECT_EQ(named_images(untagged).size(), 2U);
}

TEST(DockerImageNames, LeaveNothingInAPathThatLeadsElsewhere) {
  EXPECT_EQ(image_path("host:5000/a@sha256:1", "/json"), "/images/host:5000/a@sha256:1/json");
  EXPECT_EQ(image_path("a?b#c", ""), "/images/a%3Fb%23c");
}

TEST(DockerDiscard, TakesTheDigestsWithTheLastTagOfARepository) {
  const auto wanted = *names_of({"host.example/a:1", "", {}});
  EXPECT_EQ(spellings_of(image(), wanted),
            (std::vector<std::string>{"host.example/a:1", "host.example/a@" + digest('2')}));
  auto twice = image();
  twice.tags.emplace_back("host.example/a:2");
  EXPECT_EQ(spellings_of(twice, wanted), std::vector<std::string>{"host.example/a:1"});
  const auto pinned = "host.example/a@" + digest('2');
  EXPECT_EQ(spellings_of(twice, *names_of({pinned, "", {}})), std::vector{pinned});
  EXPECT_EQ(spellings_of(image(), *names_of({digest('1'), "", {}})), std::vector{digest('1')});
}

TEST(DockerDiscard, TakesOnlyDigestsThatPodmanPulled) {
  const auto own = with_own_digests(image());
  EXPECT_EQ(own.tags, std::vector<std::string>{"host.example/a:1"});
  EXPECT_EQ(own.digests, std::vector{"host.example/b@" + digest('3')});
  EXPECT_EQ(spellings_of(own, *names_of({"host.example/a:1", "", {}})),
            std::vector<std::string>{"host.example/a:1"});
}

TEST(DockerPullProgress, AddsUpLayers) {
  Progress progress;
  EXPECT_FALSE(progress.take(R"({"status":"Pulling from a","id":"1"})"));
  EXPECT_TRUE(progress.take(R"({"status":"Pulling fs layer","progressDetail":{},"id":"x"})"));
  EXPECT_TRUE(progress.take(R"({"status":"Already exists","progressDetail":{},"id":"y"})"));
  const std::string half =
      R"({"status":"Downloading","progressDetail":{"current":50,"total":100},"id":"x"})";
  EXPECT_TRUE(progress.take(half));
  EXPECT_FALSE(progress.take(half));
  runtime::Pulling pulling;
  progress.tell(pulling, 0);
  EXPECT_EQ(pulling.bytes_done, 50U);
  EXPECT_EQ(pulling.bytes_total, 100U);
  EXPECT_EQ(pulling.layers_done, 1U);
  EXPECT_EQ(pulling.layers_total, 2U);
  EXPECT_TRUE(progress.take(R"({"status":"Pull complete","id":"x"})"));
  progress.tell(pulling, 170);
  EXPECT_EQ(pulling.bytes_done, 100U);
  EXPECT_EQ(pulling.bytes_total, 170U);
  EXPECT_EQ(pulling.layers_done, 2U);
}

TEST(DockerPullProgress, KnowsAFailureAmongTheLines) {
  Progress progress;
  progress.take(R"({"errorDetail":{"message":"unexpected\nEOF"},"error":"unexpected EOF"})");
  EXPECT_EQ(progress.fault(), "unexpected EOF");
}

TEST(DockerPullProgress, TakesNoHostileLine) {
  Progress progress;
  for (const auto* hostile :
       {"", "[]", "{\"id\":7}", "{\"id\":\"a\",\"status\":{}}", "\xff",
        R"({"id":"a","status":"Downloading","progressDetail":{"current":-5}})"}) {
    progress.take(hostile);
  }
  for (int layer = 0; layer < 5'000; ++layer) {
    progress.take(R"({"status":"Waiting","id":")" + std::to_string(layer) + "\"}");
  }
  runtime::Pulling pulling;
  progress.tell(pulling, 0);
  EXPECT_LE(pulling.layers_total, 1'024U);
  EXPECT_EQ(pulling.bytes_done, 0U);
}

TEST(DockerPullFaults, TellWhatMayPass) {
  EXPECT_EQ(kind_of_pull_fault("manifest for a:1 not found: manifest unknown"),
            FaultKind::kNotFound);
  for (const auto* text : {"unauthorized: authentication required", "no basic auth credentials",
                           "pull access denied for a, repository does not exist",
                           "no matching manifest for linux/arm64 in the manifest list entries",
                           "filesystem layer verification failed for digest sha256:1",
                           "x509: certificate signed by unknown authority"}) {
    EXPECT_EQ(kind_of_pull_fault(text), FaultKind::kRefused) << text;
  }
  for (const auto* text :
       {"connection refused", "unexpected EOF", "toomanyrequests: denied for now",
        "write x: no space left on device", "received unexpected HTTP status: 503"}) {
    EXPECT_EQ(kind_of_pull_fault(text), FaultKind::kFailed) << text;
  }
}

TEST(DockerLoad, ReadsTheNamesOfBothDaemons) {
  const auto docker = read_loaded(
      "{\"stream\":\"Loaded image: a:1\\n\"}\n"
      "{\"stream\":\"Loaded image ID: sha256:12\\n\"}\n");
  EXPECT_EQ(docker.names, (std::vector<std::string>{"a:1", "sha256:12"}));
  EXPECT_EQ(docker.fault, "");
  EXPECT_EQ(read_loaded(R"({"stream":"Loaded image: a:1,b:2"})").names,
            (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(read_loaded(R"({"errorDetail":{"message":"bad tar"},"error":"bad tar"})").fault,
            "bad tar");
  EXPECT_TRUE(read_loaded("nonsense").names.empty());
}

TEST(DockerCredentials, AreWrittenAsDockerReadsThem) {
  EXPECT_EQ(registry_auth({"", "", "tok"}, "h"),
            "eyJpZGVudGl0eXRva2VuIjoidG9rIiwic2VydmVyYWRkcmVzcyI6ImgifQ==");
  const auto login = registry_auth({"u", "p\xff?>", ""}, "h");
  EXPECT_EQ(login.find_first_of("+/ \n"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::docker
