// Images without a registry: from archives, prepared, listed, removed. And what the runtime says of
// itself.
#include <filesystem>
#include <fstream>

#include "tests/runtime/conformance/fixture.h"

namespace mayfly::conformance {
namespace {

using runtime::FaultKind;
using runtime::ImageWanted;
using runtime::Pull;

constexpr const char* kExtra = "mayfly.test/extra:1";

class Images : public Conformance {
 protected:
  void TearDown() override {
    for (const auto* name : {kExtra, "mayfly.test/renamed:2", "mayfly.test/second:1"}) {
      static_cast<void>(remove_image({name, {}, {}}));
    }
    Conformance::TearDown();
  }

  [[nodiscard]] std::string file() const { return out() + "/image.tar"; }

  /// Differs from all others by what it holds.
  support::ImageArchive extra(const std::string& content = "extra") {
    support::ImageArchive image;
    image.layer(support::busybox_root().file("etc/content", content)).names = {kExtra};
    return image;
  }

  runtime::Result<std::vector<runtime::Image>> import_tar(const std::string& bytes) {
    support::write_file(file(), bytes);
    return import(file());
  }

  runtime::Result<std::monostate> remove_image(const ImageWanted& wanted) {
    return answer<std::monostate>(
        [&](auto done) { driver().remove_image(wanted, std::move(done)); });
  }

  std::optional<runtime::Image> listed(const std::string& name) {
    const auto all = answer<std::vector<runtime::Image>>(
        [&](auto done) { driver().list_images(std::move(done)); });
    EXPECT_TRUE(all) << all.error().what;
    for (const auto& one : all.value_or(std::vector<runtime::Image>())) {
      if (one.name == name) return one;
    }
    return std::nullopt;
  }

  void expect_to_run(const std::string& digest) {
    auto one = spec("runs", {"/bin/cat", "/etc/content"});
    one.image = digest;
    ASSERT_TRUE(create(one));
    EXPECT_EQ(end_of(one.name).code, 0);
    EXPECT_TRUE(remove(one.name));
  }

  void expect_refused(const std::string& bytes) {
    const auto imported = import_tar(bytes);
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().kind, FaultKind::kRefused) << imported.error().what;
    EXPECT_FALSE(listed(kExtra));
  }
};

TEST_F(Images, ComeFromADockerArchive) {
  const auto imported = import_tar(extra("docker").docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  ASSERT_EQ(imported->size(), 1U);
  EXPECT_EQ(imported->at(0).name, kExtra);
  EXPECT_TRUE(imported->at(0).digest.starts_with("sha256:"));
  expect_to_run(imported->at(0).digest);
}

TEST_F(Images, ComeFromAnOciLayout) {
  const auto imported = import_tar(extra("oci").oci().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  ASSERT_EQ(imported->size(), 1U);
  EXPECT_EQ(imported->at(0).name, kExtra);
  expect_to_run(imported->at(0).digest);
}

TEST_F(Images, TakeTheNameThatIsGiven) {
  support::write_file(file(), extra("named").docker().bytes());
  const auto imported = import(file(), "mayfly.test/renamed:2");
  ASSERT_TRUE(imported) << imported.error().what;
  ASSERT_EQ(imported->size(), 1U);
  EXPECT_EQ(imported->at(0).name, "mayfly.test/renamed:2");
  EXPECT_TRUE(prepare({"mayfly.test/renamed:2", {}, Pull::kNever}));
  EXPECT_FALSE(listed(kExtra));
}

TEST_F(Images, AreKnownByNameAndDigestAfterwards) {
  const auto imported = import_tar(extra().docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  const auto digest = imported->at(0).digest;
  for (const auto& wanted :
       {ImageWanted{kExtra, {}, Pull::kMissing}, ImageWanted{kExtra, digest, Pull::kMissing},
        ImageWanted{kExtra, {}, Pull::kNever}, ImageWanted{digest, {}, Pull::kNever}}) {
    const auto prepared = prepare(wanted);
    ASSERT_TRUE(prepared) << wanted.name << ": " << prepared.error().what;
    EXPECT_EQ(prepared->digest, digest);
    EXPECT_EQ(prepared->name, wanted.name);
    const auto resolved =
        answer<runtime::Image>([&](auto done) { driver().resolve_image(wanted, std::move(done)); });
    ASSERT_TRUE(resolved) << wanted.name << ": " << resolved.error().what;
    EXPECT_EQ(resolved->digest, digest);
  }
  EXPECT_TRUE(driver().pulls().empty());
}

TEST_F(Images, AreListedWithDigestAndSize) {
  const auto imported = import_tar(extra().docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  const auto found = listed(kExtra);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, imported->at(0).digest);
  EXPECT_GT(found->size_bytes, 100'000U);  // a busybox
}

TEST_F(Images, ThatAreNotHereAreNotFoundWhereNothingMayBePulled) {
  for (const auto& name :
       {std::string("mayfly.test/missing:1"), "sha256:" + std::string(64, '0')}) {
    const auto prepared = prepare({name, {}, Pull::kNever});
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().kind, FaultKind::kNotFound) << prepared.error().what;
    const auto resolved = answer<runtime::Image>([&](auto done) {
      driver().resolve_image({name, {}, Pull::kNever}, std::move(done));
    });
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, FaultKind::kNotFound) << resolved.error().what;
  }
  EXPECT_TRUE(driver().pulls().empty());
}

TEST_F(Images, AreOnlyWhatTheirDigestSays) {
  const auto imported = import_tar(extra().docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  const auto prepared = prepare({kExtra, "sha256:" + std::string(64, '0'), Pull::kNever});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, FaultKind::kNotFound) << prepared.error().what;
}

TEST_F(Images, OfAnotherPlatformAreRefused) {
  auto other = extra("other");
  other.architecture = "riscv64";
  expect_refused(other.docker().bytes());
  expect_refused(other.oci().bytes());
}

TEST_F(Images, FromBrokenArchivesAreRefused) {
  expect_refused("this is no archive");
  expect_refused("");
  expect_refused(support::Tar().file("etc/passwd", "x").bytes());
  expect_refused(extra().docker().bytes().substr(0, 20'000));
  auto lying = extra();
  lying.diff_ids = {"sha256:" + std::string(64, 'a')};
  expect_refused(lying.docker().bytes());
  auto garbled = extra();
  garbled.config_json = "{";
  expect_refused(garbled.docker().bytes());
}

TEST_F(Images, FromAFileThatIsNotThereAreRefused) {
  const auto imported = import(out() + "/none.tar");
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().kind, FaultKind::kRefused) << imported.error().what;
}

TEST_F(Images, GoWhenTheyAreRemoved) {
  const auto imported = import_tar(extra().docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  const auto removed = remove_image({kExtra, {}, {}});
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_FALSE(listed(kExtra));
  const auto prepared = prepare({kExtra, {}, Pull::kNever});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, FaultKind::kNotFound) << prepared.error().what;
  const auto again = remove_image({kExtra, {}, {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, FaultKind::kNotFound) << again.error().what;
}

TEST_F(Images, StayWhileAContainerNeedsThem) {
  const auto imported = import_tar(extra().docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  auto one = spec("needs", {"/bin/sleep", "999"});
  one.image = imported->at(0).digest;
  one.image_name = kExtra;
  ASSERT_TRUE(create(one));
  const auto refused = remove_image({kExtra, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, FaultKind::kRefused) << refused.error().what;
  EXPECT_TRUE(listed(kExtra));
  EXPECT_TRUE(remove(one.name));
  const auto removed = remove_image({kExtra, {}, {}});
  EXPECT_TRUE(removed) << removed.error().what;
}

TEST_F(Images, KeepTheirBytesWhileAnotherNameHasThem) {
  auto twice = extra("shared");
  twice.names = {kExtra, "mayfly.test/second:1"};
  const auto imported = import_tar(twice.docker().bytes());
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_EQ(imported->size(), 2U);
  const auto removed = remove_image({kExtra, {}, {}});
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_FALSE(listed(kExtra));
  const auto second = prepare({"mayfly.test/second:1", {}, Pull::kNever});
  ASSERT_TRUE(second) << second.error().what;
  expect_to_run(second->digest);
}

TEST_F(Images, AreImportedSeveralAtATime) {
  const std::vector<std::string> names = {kExtra, "mayfly.test/renamed:2", "mayfly.test/second:1"};
  std::size_t over = 0;
  for (const auto& name : names) {
    auto image = extra(name);
    image.names = {name};
    const auto archive = out() + "/" + image.diff_ids.at(0).substr(7, 8) + ".tar";
    support::write_file(archive, image.docker().bytes());
    driver().import_image(archive, {}, [&](const auto& images) {
      EXPECT_TRUE(images) << images.error().what;
      ++over;
    });
  }
  EXPECT_TRUE(until([&] { return over == names.size(); }));
  for (const auto& name : names) EXPECT_TRUE(listed(name)) << name;
}

class About : public Conformance {};

TEST_F(About, TellsRuntimeVersionAndStorage) {
  const auto about = answer<runtime::About>([&](auto done) { driver().about(std::move(done)); });
  ASSERT_TRUE(about) << about.error().what;
  EXPECT_EQ(about->runtime, world().traits().runtime);
  EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(about->version.at(0)))) << about->version;
  EXPECT_EQ(about->storage, world().traits().storage);
  EXPECT_TRUE(about->storage.empty() || std::filesystem::is_directory(about->storage));
}

TEST_F(About, WarnsOfNothingWhereNothingIsWrong) {
  const auto about = answer<runtime::About>([&](auto done) { driver().about(std::move(done)); });
  ASSERT_TRUE(about) << about.error().what;
  for (const auto& warning : about->warnings) ADD_FAILURE() << warning.what;
}

}  // namespace
}  // namespace mayfly::conformance
