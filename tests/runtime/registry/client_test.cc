#include "runtime/registry/client.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <filesystem>
#include <thread>

#include "runtime/oci/digest.h"
#include "runtime/registry/locate.h"
#include "runtime/registry/resolver.h"
#include "tests/support/image_archive.h"
#include "tests/support/private_registry.h"
#include "tests/support/scripted_server.h"

namespace mayfly::registry {
namespace {

using runtime::FaultKind;
using support::PrivateRegistry;
using support::ScriptedServer;
using Answer = ScriptedServer::Answer;
using Request = ScriptedServer::Request;
using namespace std::chrono_literals;

const std::string kManifest = R"({"config":{"digest":"sha256:)" + std::string(64, 'c') +
                              R"(","size":1},"layers":[{"digest":"sha256:)" + std::string(64, '1') +
                              R"(","size":7}]})";

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    patience.backoff = patience.backoff_max = 1ms;
    patience.stall = 2s;
    if (mkdtemp(directory.data()) == nullptr) throw std::runtime_error("no folder");
  }
  ~ClientTest() override { std::filesystem::remove_all(directory); }

  void know(const std::string& host) { options.registries[host].plain_http = true; }
  void log_in(const std::string& host, const std::string& user, const std::string& password) {
    support::write_file(directory + "/password", password + "\n");
    chmod((directory + "/password").c_str(), 0600);
    options.registries[host].username = user;
    options.registries[host].password_file = directory + "/password";
  }

  runtime::Result<Found> find(const std::string& name) {
    auto reference = parse_reference(name);
    const auto version = reference->version();
    Client client(options, std::move(*reference), patience, stop.get_token());
    return locate(client, version).map([](const Located& located) { return located.found(); });
  }

  void expect_fault(const runtime::Result<Found>& result, FaultKind kind, const std::string& word) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, kind) << result.error().what;
    EXPECT_NE(result.error().what.find(word), std::string::npos) << result.error().what;
    EXPECT_EQ(result.error().what.find("s3cret"), std::string::npos) << result.error().what;
  }

  Options options;
  Patience patience;
  std::stop_source stop;
  std::string directory = "/tmp/mayfly-test-XXXXXX";
};

TEST_F(ClientTest, LogsInToARealRegistry) {
  PrivateRegistry registry(PrivateRegistry::Login::kBasic);
  support::ImageArchive image;
  image.layer(support::Tar().file("a", "b"));
  const auto digest = registry.push(image, "x/y:1");
  const auto name = registry.host() + "/x/y:1";
  know(registry.host());
  expect_fault(find(name), FaultKind::kRefused, "log in with");
  log_in(registry.host(), PrivateRegistry::kUser, "s3cret-but-wrong");
  expect_fault(find(name), FaultKind::kRefused, "bob");
  log_in(registry.host(), PrivateRegistry::kUser, PrivateRegistry::kPassword);
  const auto found = find(name);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->digest, digest);
  EXPECT_EQ(found->size_bytes, image.layers[0].size());
  expect_fault(find(registry.host() + "/x/y:2"), FaultKind::kNotFound, "MANIFEST_UNKNOWN");
}

/// A registry and its token service in one.
class TokenServer {
 public:
  explicit TokenServer(std::string token = "the-token")
      : server([this](const Request& request) { return answer(request); }),
        token_(std::move(token)) {}

  std::string realm;                                     ///< "" = here
  std::string password_pair = "Basic Ym9iOnMzY3JldA==";  // bob:s3cret
  std::vector<Request> token_requests;
  int manifests = 0;
  ScriptedServer server;

 private:
  Answer answer(const Request& request) {
    if (request.target.starts_with("/token")) return give_token(request);
    if (request.header("authorization") == "Bearer the-token") {
      ++manifests;
      return {"200 OK", kManifest};
    }
    return {"401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"" +
                (realm.empty() ? "http://" + server.host() + "/token" : realm) + "\",service=\"s\"",
            {}};
  }

  Answer give_token(const Request& request) {
    token_requests.push_back(request);
    const bool good = request.method == "POST"
                          ? request.body.find("refresh_token=s3cret-identity") != std::string::npos
                          : request.header("authorization") == password_pair;
    if (!good) return {"401 Unauthorized", R"({"details":"incorrect username or password"})"};
    return {"200 OK", R"({"access_token":")" + token_ + R"(","expires_in":300})"};
  }

  std::string token_;
};

TEST_F(ClientTest, FetchesATokenForTheRepositoryAndKeepsIt) {
  TokenServer tokens;
  know(tokens.server.host());
  log_in(tokens.server.host(), "bob", "s3cret");
  auto reference = parse_reference(tokens.server.host() + "/x/y:1");
  Client client(options, *reference, patience, stop.get_token());
  for (int times = 0; times < 3; ++times) {
    const auto manifest = client.manifest("1");
    ASSERT_TRUE(manifest) << manifest.error().what;
  }
  ASSERT_EQ(tokens.token_requests.size(), 1U);
  EXPECT_EQ(tokens.token_requests[0].target, "/token?service=s&scope=repository%3Ax%2Fy%3Apull");
}

TEST_F(ClientTest, ExchangesAnIdentityToken) {
  TokenServer tokens;
  know(tokens.server.host());
  options.docker_config = directory + "/config.json";
  support::write_file(options.docker_config, R"({"auths":{")" + tokens.server.host() +
                                                 R"(":{"identitytoken":"s3cret-identity"}}})");
  const auto found = find(tokens.server.host() + "/x:1");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(tokens.token_requests.at(0).method, "POST");
}

TEST_F(ClientTest, TellsTheTokenServicesWords) {
  TokenServer tokens;
  know(tokens.server.host());
  log_in(tokens.server.host(), "bob", "s3cret-but-wrong");
  expect_fault(find(tokens.server.host() + "/x:1"), FaultKind::kRefused, "incorrect username");
}

TEST_F(ClientTest, AsksNoTokenServiceWithoutTls) {
  TokenServer tokens;
  ScriptedServer other([](const Request&) {
    ADD_FAILURE() << "it was asked";
    return Answer{"200 OK", R"({"token":"the-token"})"};
  });
  know(tokens.server.host());
  log_in(tokens.server.host(), "bob", "s3cret");
  for (const auto& realm : {"http://" + other.host() + "/token", std::string("file:///etc/passwd"),
                            std::string("nonsense")}) {
    tokens.realm = realm;
    expect_fault(find(tokens.server.host() + "/x:1"), FaultKind::kRefused, "no TLS");
  }
}

TEST_F(ClientTest, TakesNoTokenThatIsMoreThanAToken) {
  TokenServer tokens("a\\r\\nHost: evil");
  know(tokens.server.host());
  log_in(tokens.server.host(), "bob", "s3cret");
  expect_fault(find(tokens.server.host() + "/x:1"), FaultKind::kRefused, "no token");
}

TEST_F(ClientTest, LeavesTheLoginAtHomeOnARedirect) {
  std::string seen = "nothing";
  ScriptedServer elsewhere([&](const Request& request) {
    seen = request.header("authorization");
    return Answer{"200 OK", kManifest};
  });
  ScriptedServer home([&](const Request& request) {
    if (request.header("authorization").empty()) {
      return Answer{"401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"", {}};
    }
    return Answer{"307 There\r\nLocation: http://" + elsewhere.host() + "/m", {}};
  });
  know(home.host());
  know(elsewhere.host());
  log_in(home.host(), "bob", "s3cret");
  const auto found = find(home.host() + "/x:1");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(seen, "");
}

TEST_F(ClientTest, GoesNotRoundInCircles) {
  ScriptedServer server([](const Request& request) {
    return Answer{"302 Again\r\nLocation: " + request.target + "x", {}};
  });
  know(server.host());
  expect_fault(find(server.host() + "/x:1"), FaultKind::kRefused, "circles");
}

TEST_F(ClientTest, BoundsWhatARegistrySays) {
  const auto cases = std::vector<std::pair<Answer, std::string>>{
      {{"200 OK", std::string(9 << 20, ' ')}, "too large"},
      {{"200 OK\r\nX: " + std::string(100'000, 'x'), kManifest}, ""},
      {{"500 No", std::string(9 << 20, 'x')}, "HTTP 500"},
      {{"200 OK", "no manifest"}, "no JSON"},
      {{"200 OK", R"({"manifests":[]})"}, "not for linux"},
      {{"200 OK\r\nDocker-Content-Digest: sha256:" + std::string(64, 'a'), kManifest}, "digest"},
      {{"401 Unauthorized", {}}, "a kind that"},
      {{"401 Unauthorized\r\nWWW-Authenticate: Negotiate", {}}, "a kind that"},
      {{"302 Nowhere", {}}, "302"},
      {{"302 There\r\nLocation: ftp://x/", {}}, ""},
      {{"418 Teapot", R"({"errors":[{"code":"TEAPOT","message":"s\u001b[31mhort"}]})"},
       "TEAPOT: s?"},
  };
  for (const auto& [answer, word] : cases) {
    ScriptedServer server([&](const Request&) { return answer; });
    options.registries.clear();
    know(server.host());
    const auto found = find(server.host() + "/x:1");
    ASSERT_FALSE(found) << word;
    EXPECT_NE(found.error().what.find(word), std::string::npos) << found.error().what;
    EXPECT_LT(found.error().what.size(), 1000U);
  }
}

TEST_F(ClientTest, EndsWhenItIsTold) {
  ScriptedServer server([](const Request&) { return Answer{"503 Busy", {}}; });
  know(server.host());
  patience.backoff = patience.backoff_max = 1h;
  std::thread teller;
  auto reference = parse_reference(server.host() + "/x:1");
  Client client(options, *reference, patience, stop.get_token());
  client.on_wait([&](const std::string& why) {
    if (!why.empty()) teller = std::thread([&] { stop.request_stop(); });
  });
  EXPECT_FALSE(client.manifest("1"));
  teller.join();
}

TEST_F(ClientTest, NamesARegistryThatIsNotThere) {
  std::string host;
  {
    ScriptedServer server([](const Request&) { return Answer{}; });
    host = server.host();
  }
  know(host);
  expect_fault(find(host + "/x:1"), FaultKind::kFailed, host);
}

TEST(Resolver, AnswersOnTheLoopAndAsksOnceForAllWhoWaitForTheSame) {
  std::atomic<int> asked = 0;
  ScriptedServer server([&](const Request&) {
    ++asked;
    return Answer{"200 OK", kManifest};
  });
  Options options;
  options.registries[server.host()].plain_http = true;
  boost::asio::io_context loop;
  Resolver resolver(loop, options);
  const auto work = boost::asio::make_work_guard(loop);
  int answers = 0;
  for (int asker = 0; asker < 3; ++asker) {
    resolver.resolve(server.host() + "/x:1", [&](runtime::Result<Found> found) {
      ASSERT_TRUE(found) << found.error().what;
      EXPECT_EQ(found->digest, oci::sha256_digest(kManifest));
      EXPECT_EQ(found->size_bytes, 7U);
      ++answers;
    });
  }
  EXPECT_EQ(answers, 0);
  while (answers < 3 && loop.run_one_for(30s) > 0) continue;
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(asked, 1);
  resolver.resolve("Not A Name", [&](runtime::Result<Found> found) {
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, FaultKind::kRefused);
    ++answers;
  });
  while (answers < 4 && loop.run_one_for(30s) > 0) continue;
  EXPECT_EQ(answers, 4);
}

TEST(Resolver, CallsNothingBackOnceItHasGone) {
  boost::asio::io_context loop;
  Options options;
  {
    Resolver resolver(loop, options);
    for (int name = 0; name < 20; ++name) {
      resolver.credentials("a.example/x" + std::to_string(name),
                           [](const auto&) { ADD_FAILURE() << "called back"; });
    }
  }
  loop.run();
}

}  // namespace
}  // namespace mayfly::registry
