#include "runtime/registry/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/registry/docker_config.h"
#include "runtime/registry/helper.h"

namespace mayfly::registry {
namespace {

using runtime::FaultKind;
using namespace std::chrono_literals;

const std::string kSecret = "s3cret";
const std::string kBobsAuth = "Ym9iOnMzY3JldA==";  // bob:s3cret

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("no folder");
    path_ = std::getenv("PATH");
    setenv("PATH", (directory_ + ":" + path_).c_str(), 1);
  }
  ~CredentialsTest() override {
    setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  std::string write(const std::string& name, const std::string& bytes) {
    const auto file = directory_ + "/" + name;
    std::ofstream(file) << bytes;
    chmod(file.c_str(), 0600);
    return file;
  }

  void helper(const std::string& name, const std::string& script) {
    chmod(write("docker-credential-" + name, "#!/bin/sh\n" + script + "\n").c_str(), 0755);
  }

  runtime::Result<Credentials> with_config(const std::string& json,
                                           const std::string& host = "a.example") {
    Options options;
    options.docker_config = write("config.json", json);
    return find_credentials(options, host, stop.get_token(), deadline);
  }

  void expect_refused(const runtime::Result<Credentials>& result, const std::string& word) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, FaultKind::kRefused);
    EXPECT_NE(result.error().what.find(word), std::string::npos) << result.error().what;
    EXPECT_EQ(result.error().what.find(kSecret), std::string::npos) << result.error().what;
  }

  std::stop_source stop;
  std::chrono::milliseconds deadline{30'000};
  std::string directory_ = "/tmp/mayfly-test-XXXXXX";
  std::string path_;
};

TEST_F(CredentialsTest, AreNobodysWhereNothingIsConfigured) {
  const auto nobody = find_credentials({}, "a.example", stop.get_token());
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->username, "");
  EXPECT_EQ(with_config(R"({"auths":{"other.example":{"auth":"x"}}})")->username, "");
  EXPECT_EQ(with_config("{}")->username, "");
}

TEST_F(CredentialsTest, ComeFromTheRegistrysOwnSectionFirst) {
  Options options;
  options.docker_config = write("config.json", R"({"auths":{"a.example":{"username":"carl"}}})");
  options.registries["a.example"] = {false, {}, "bob", write("password", kSecret + "\n")};
  const auto own = find_credentials(options, "a.example", stop.get_token());
  ASSERT_TRUE(own) << own.error().what;
  EXPECT_EQ(own->username, "bob");
  EXPECT_EQ(own->password, kSecret);
  options.registries["a.example"].password_file = directory_ + "/none";
  expect_refused(find_credentials(options, "a.example", stop.get_token()), "/none");
}

TEST_F(CredentialsTest, AreNotWaitedForAtAFifo) {
  Options options;
  options.docker_config = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(options.docker_config.c_str(), 0600), 0);
  expect_refused(find_credentials(options, "a.example", stop.get_token()), "not a regular file");
}

TEST_F(CredentialsTest, ComeFromDockersConfig) {
  for (const auto* key :
       {"a.example", "https://a.example", "https://a.example/v1/", "http://a.example/v2"}) {
    const auto read =
        with_config(R"({"auths":{")" + std::string(key) + R"(":{"auth":")" + kBobsAuth + "\"}}}");
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->username, "bob") << key;
    EXPECT_EQ(read->password, kSecret) << key;
  }
  EXPECT_EQ(
      with_config(R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + kBobsAuth + "\"}}}",
                  "docker.io")
          ->username,
      "bob");
  EXPECT_EQ(with_config(R"({"auths":{"a.example":{"identitytoken":"t"}}})")->identity_token, "t");
}

TEST_F(CredentialsTest, AreRefusedWhereTheConfigIsNoConfig) {
  for (const auto& bad : std::initializer_list<std::string>{
           "", "[]", "{", "null", R"({"auths":{"a.example":{"auth":"!)" + kSecret + R"("}}})",
           R"({"auths":{"a.example":{"auth":"Ym9i"}}})",
           R"({"credsStore":"../../bin/)" + kSecret + "\"}",
           R"({"credHelpers":{"a.example":"a b"}})", R"({"credHelpers":{"a.example":"-x"}})"}) {
    expect_refused(with_config(bad), "config");
  }
  Options options;
  options.docker_config = directory_;
  expect_refused(find_credentials(options, "a.example", stop.get_token()), directory_);
}

TEST_F(CredentialsTest, AreNobodysWhereNobodyHasLoggedIn) {
  Options options;
  options.docker_config = directory_ + "/none.json";
  const auto nobody = find_credentials(options, "a.example", stop.get_token());
  ASSERT_TRUE(nobody) << nobody.error().what;
  EXPECT_EQ(nobody->username, "");
}

TEST_F(CredentialsTest, LeaveOutWhatHasAnotherType) {
  for (const auto* odd : {R"({"auths":[]})", R"({"auths":{"a.example":1}})", R"({"credHelpers":1})",
                          R"({"credHelpers":{"a.example":1},"credsStore":null})",
                          R"({"auths":{"a.example":{"auth":1,"username":{}}}})"}) {
    const auto read = with_config(odd);
    ASSERT_TRUE(read) << odd;
    EXPECT_EQ(read->username, "") << odd;
  }
}

TEST_F(CredentialsTest, ComeFromAHelperThatIsToldTheHost) {
  helper(
      "fake",
      "read -r host; [ \"$1\" = get ] || exit 9; "
      "printf '{\"ServerURL\":\"%s\",\"Username\":\"u-%s\",\"Secret\":\"s\"}' \"$host\" \"$host\"");
  const auto told = with_config(R"({"credHelpers":{"a.example":"fake"}})");
  ASSERT_TRUE(told) << told.error().what;
  EXPECT_EQ(told->username, "u-a.example");
  EXPECT_EQ(told->password, "s");
  EXPECT_EQ(with_config(R"({"credsStore":"fake"})", "docker.io")->username,
            "u-https://index.docker.io/v1/");
}

TEST_F(CredentialsTest, MayBeAnIdentityToken) {
  helper("fake", R"(echo '{"Username":"<token>","Secret":"tok"}')");
  const auto told = with_config(R"({"credsStore":"fake"})");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->identity_token, "tok");
  EXPECT_EQ(told->username, "");
}

TEST_F(CredentialsTest, ComeFromTheFileWhereTheHelperHasNone) {
  helper("fake", "echo 'credentials not found in native keychain'; exit 1");
  const auto read =
      with_config(R"({"credsStore":"fake","auths":{"a.example":{"auth":")" + kBobsAuth + "\"}}}");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->username, "bob");
}

TEST_F(CredentialsTest, TellNoSecretOfAHelperThatFails) {
  const auto config = R"({"credsStore":"fake"})";
  expect_refused(with_config(config), "docker-credential-fake");  // there is none
  helper("fake", "echo " + kSecret + "; echo " + kSecret + " >&2; exit 3");
  expect_refused(with_config(config), "ends with 3");
  helper("fake", "echo " + kSecret);
  expect_refused(with_config(config), "no JSON");
  helper("fake", R"(echo '{"Username":"","Secret":")" + kSecret + "\"}'");
  expect_refused(with_config(config), "without");
  helper("fake", "yes " + kSecret);
  expect_refused(with_config(config), "too much");
}

TEST_F(CredentialsTest, DoNotWaitForAHelperThatIsLate) {
  deadline = 200ms;
  helper("fake", "exec sleep 1000");
  expect_refused(with_config(R"({"credsStore":"fake"})"), "in time");
}

TEST_F(CredentialsTest, DoNotWaitForWhatAHelperLeavesBehind) {
  helper("fake", "sleep 5 & echo '{\"Username\":\"u\",\"Secret\":\"s\"}'");
  const auto told = with_config(R"({"credsStore":"fake"})");
  ASSERT_TRUE(told) << told.error().what;
  EXPECT_EQ(told->username, "u");
}

TEST_F(CredentialsTest, EndAHelperWhenTheDaemonStops) {
  helper("fake", "exec sleep 1000");
  stop.request_stop();
  expect_refused(with_config(R"({"credsStore":"fake"})"), "stopping");
}

TEST(HelperName, IsAPlainWord) {
  for (const auto* good : {"pass", "ecr-login", "gcr", "a.b", "A_1"}) {
    EXPECT_TRUE(is_helper_name(good)) << good;
  }
  for (const auto& bad : std::initializer_list<std::string>{"", "/", "a/b", "..", ".a", "-a", "a b",
                                                            "a\n", "a;b", std::string(65, 'a')}) {
    EXPECT_FALSE(is_helper_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace mayfly::registry
