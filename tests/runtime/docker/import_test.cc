// What an import does to names that others have.
#include <stdlib.h>
#include <unistd.h>

#include "tests/runtime/docker/driver_fixture.h"
#include "tests/support/image_archive.h"

namespace mayfly::docker {
namespace {

/// An import under a name of its own, of an archive that carries host.example/a:1. What the image
/// is called by then besides: `others`, of its JSON.
class DockerImports : public DockerDriver {
 protected:
  bool drops_the_carried_name(const std::string& others, int status_before = 404) {
    char file[] = "/tmp/mayfly-test-XXXXXX";
    close(mkstemp(file));
    support::ImageArchive archive;
    archive.names = {"host.example/a:1"};
    support::write_file(file, archive.layer({}).docker().bytes());
    bool is_loaded = false;
    bool is_dropped = false;
    serve([&](Peer& peer, const Asked& asked, const std::string& target) {
      is_dropped = is_dropped || asked.method == "DELETE";
      if (target.starts_with("/images/load")) {
        is_loaded = true;
        return peer.answer(200, R"({"stream":"Loaded image: host.example/a:1\n"})");
      }
      if (asked.method == "POST") return peer.answer(201, "");
      const auto image = R"({"Id":")" + kDigest + "\"," + others + R"(,"Config":{"Cmd":["/x"]}})";
      is_loaded ? peer.answer(200, image) : peer.answer(status_before, "{}");
    });
    using Images = std::vector<runtime::Image>;
    imported = answer<Images>([&](auto done) { driver->import_image(file, "mine:1", done); });
    unlink(file);
    return is_dropped;
  }

  runtime::Result<std::vector<runtime::Image>> imported;
};

TEST_F(DockerImports, DropTheNameThatTheArchiveCarries) {
  EXPECT_TRUE(drops_the_carried_name(R"("RepoTags":["host.example/a:1"],"RepoDigests":[])"));
  ASSERT_TRUE(imported) << imported.error().what;
}

TEST_F(DockerImports, KeepItWhereADigestOfTheRepositoryWouldGoWithIt) {
  const auto digests = R"("RepoDigests":["host.example/a@)" + kDigest + "\"]";
  EXPECT_FALSE(drops_the_carried_name(R"("RepoTags":["host.example/a:1"],)" + digests));
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_TRUE(
      drops_the_carried_name(R"("RepoTags":["host.example/a:1","host.example/a:2"],)" + digests));
}

TEST_F(DockerImports, LoadNothingWhereItIsNotKnownWhoHasTheName) {
  EXPECT_FALSE(drops_the_carried_name(R"("RepoTags":[],"RepoDigests":[])", 500));
  ASSERT_FALSE(imported);
  EXPECT_EQ(engine->count("POST", "/images/load"), 0);
}

}  // namespace
}  // namespace mayfly::docker
