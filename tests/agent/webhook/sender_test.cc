#include "agent/webhook/sender.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "agent/webhook/event.h"
#include "tests/support/scripted_server.h"

namespace mayfly::webhook {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using support::ScriptedServer;

constexpr const char* kSecret = "a secret";
constexpr auto kLong = 60s;  ///< only ends what hangs

/// What has been asked of a server, on whatever thread.
class Asked {
 public:
  std::size_t add(const ScriptedServer::Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    return requests_.size();
  }
  std::vector<ScriptedServer::Request> all() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::vector<ScriptedServer::Request> requests_;
};

class WebhookTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "mayfly-webhook-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    write_secret(kSecret);
    node_.node = "host-1";
    node_.instance = "3fa9c2d1";
    node_.version = "1.2";
  }
  void TearDown() override {
    webhook_.reset();
    server_.reset();
    fs::remove_all(folder_);
  }

  void write_secret(const std::string& text) const {
    const std::string file = folder_ + "/secret";
    std::ofstream{file} << text << "\n";
    chmod(file.c_str(), 0600);
  }
  /// `answer` is given the number of the request, from 1.
  void serve(std::function<ScriptedServer::Answer(std::size_t)> answer) {
    server_ = std::make_unique<ScriptedServer>(
        [this, answer = std::move(answer)](const ScriptedServer::Request& request) {
          return answer(asked_.add(request));
        });
  }
  void make(std::vector<std::string> events = {}) {
    config::Webhook config;
    config.url = "http://" + server_->host() + "/hook?token=hush";
    config.secret_file = folder_ + "/secret";
    config.events = std::move(events);
    webhook_ = std::make_unique<Sender>(loop_, Sender::Parts{core_, node_},
                                        Sender::Options{config, 1, deadline_, farewell_max_});
  }
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop_.run_one_until(end) == 0) loop_.restart();
    }
    return true;
  }
  [[nodiscard]] bool has_sent(std::uint64_t count) {
    return until([&] { return status().sent == count; });
  }
  [[nodiscard]] const control::WebhookStatus& status() const { return *node_.webhook; }

  std::string folder_;
  boost::asio::io_context loop_;
  core::Core core_{core::Limits{}, core::WorkerId{1}, 1};
  control::NodeStatus node_;
  std::chrono::milliseconds deadline_ = kLong;
  std::chrono::milliseconds farewell_max_ = 10 * kLong;
  Asked asked_;
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<Sender> webhook_;
};

TEST_F(WebhookTest, TellsOfTheStartSigned) {
  serve([](std::size_t) { return ScriptedServer::Answer{"204 No Content", ""}; });
  make();
  webhook_->start();
  ASSERT_TRUE(has_sent(1));
  const auto request = asked_.all().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/hook?token=hush");
  EXPECT_EQ(request.header("content-type"), kContentType);
  const std::string said = request.header("mayfly-signature");
  const std::int64_t time = std::stoll(said.substr(2));
  EXPECT_EQ(said, signature(kSecret, time, request.body));
  const Json body = Json::parse(request.body);
  EXPECT_EQ(body["type"], "io.mayfly.node.started");
  EXPECT_EQ(body["source"], "/mayfly/nodes/host-1");
  EXPECT_EQ(body["data"]["version"], "1.2");
  EXPECT_EQ(status().url, "http://" + server_->host()) << "what else is in it may be a secret";
}

TEST_F(WebhookTest, TriesAgainWithTheSameIdAndANewSignature) {
  serve([](std::size_t number) {
    return ScriptedServer::Answer{number == 1 ? "503 Busy" : "200 OK", ""};
  });
  make();
  webhook_->start();
  ASSERT_TRUE(until([&] { return !status().fault.empty(); }));
  EXPECT_EQ(status().fault, "it answers 503");
  EXPECT_EQ(status().waiting, 1U);
  write_secret("another");
  ASSERT_TRUE(has_sent(1));
  const auto requests = asked_.all();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].body, requests[1].body);
  const std::string said = requests[1].header("mayfly-signature");
  EXPECT_EQ(said, signature("another", std::stoll(said.substr(2)), requests[1].body));
  EXPECT_EQ(status().fault, "");
}

TEST_F(WebhookTest, FollowsNoRedirect) {
  Asked elsewhere;
  const ScriptedServer other([&](const ScriptedServer::Request& request) {
    elsewhere.add(request);
    return ScriptedServer::Answer{"200 OK", ""};
  });
  serve([&](std::size_t) {
    return ScriptedServer::Answer{"307 Elsewhere\r\nLocation: http://" + other.host() + "/", ""};
  });
  make();
  webhook_->start();
  ASSERT_TRUE(until([&] { return status().refused == 1; }));
  EXPECT_EQ(status().fault, "it answers 307, and redirects are not followed");
  EXPECT_EQ(elsewhere.all().size(), 0U);
  EXPECT_EQ(status().waiting, 0U);
}

TEST_F(WebhookTest, TakesNoAnswerThatIsTooLong) {
  serve([](std::size_t number) {
    return ScriptedServer::Answer{"200 OK", std::string(number == 1 ? 1 << 20 : 10, 'x')};
  });
  make();
  webhook_->start();
  ASSERT_TRUE(until([&] { return !status().fault.empty(); }));
  EXPECT_NE(status().fault.find("is longer than"), std::string::npos) << status().fault;
  ASSERT_TRUE(has_sent(1));
}

TEST_F(WebhookTest, GivesUpAServerThatIsSilentAndGoesOn) {
  deadline_ = 50ms;
  std::promise<void> over;
  serve([told = over.get_future().share()](std::size_t number) {
    if (number == 1) told.wait();
    return ScriptedServer::Answer{"200 OK", ""};
  });
  make();
  webhook_->start();
  ASSERT_TRUE(until([&] { return !status().fault.empty(); }));
  EXPECT_NE(status().fault.find("in time"), std::string::npos) << status().fault;
  over.set_value();
  ASSERT_TRUE(has_sent(1));
}

TEST_F(WebhookTest, SaysNothingWithoutASecret) {
  serve([](std::size_t) { return ScriptedServer::Answer{"200 OK", ""}; });
  fs::remove(folder_ + "/secret");
  make();
  webhook_->start();
  EXPECT_NE(status().fault.find("secret_file"), std::string::npos) << status().fault;
  EXPECT_EQ(asked_.all().size(), 0U);
  write_secret(kSecret);
  ASSERT_TRUE(has_sent(1));
}

TEST_F(WebhookTest, TellsOnlyWhatIsWanted) {
  serve([](std::size_t) { return ScriptedServer::Answer{"200 OK", ""}; });
  make({"node.stopping"});
  webhook_->start();
  bool has_closed = false;
  webhook_->close([&] { has_closed = true; });
  ASSERT_TRUE(until([&] { return has_closed; }));
  ASSERT_EQ(asked_.all().size(), 1U);
  EXPECT_EQ(Json::parse(asked_.all()[0].body)["type"], "io.mayfly.node.stopping");
}

TEST_F(WebhookTest, EndsWhenAllIsSentOrTheFirstTryFails) {
  for (const char* answer : {"200 OK", "500 Broken"}) {
    serve([answer](std::size_t) { return ScriptedServer::Answer{answer, ""}; });
    make();
    webhook_->start();
    bool has_closed = false;
    webhook_->close([&] { has_closed = true; });
    EXPECT_FALSE(has_closed);
    ASSERT_TRUE(until([&] { return has_closed; })) << answer;
    webhook_.reset();
  }
}

TEST_F(WebhookTest, EndsAfterAWhileWhateverTheServerDoes) {
  farewell_max_ = 50ms;
  std::promise<void> over;
  serve([told = over.get_future().share()](std::size_t) {
    told.wait();
    return ScriptedServer::Answer{"200 OK", ""};
  });
  make();
  bool has_closed = false;
  webhook_->close([&] { has_closed = true; });
  EXPECT_TRUE(until([&] { return has_closed; }));
  EXPECT_EQ(status().sent, 0U);
  over.set_value();
}

TEST_F(WebhookTest, EndsAtOnceWhereNothingCanBeSent) {
  webhook_ = std::make_unique<Sender>(loop_, Sender::Parts{core_, node_}, Sender::Options{});
  webhook_->start();
  webhook_->observe();
  bool has_closed = false;
  webhook_->close([&] { has_closed = true; });
  EXPECT_TRUE(has_closed);
  EXPECT_FALSE(node_.webhook);
}

TEST_F(WebhookTest, TellsWhatTheCoreSees) {
  serve([](std::size_t) { return ScriptedServer::Answer{"200 OK", ""}; });
  make();
  webhook_->observe();
  const std::vector<core::Event> lost{core::RuntimeLost{"gone"}};
  (void)core_.step(core::Time{1h}, lost);
  webhook_->observe();
  ASSERT_TRUE(has_sent(1));
  const Json body = Json::parse(asked_.all().at(0).body);
  EXPECT_EQ(body["type"], "io.mayfly.runtime.lost");
  EXPECT_EQ(body["data"]["error"], "gone");
}

}  // namespace
}  // namespace mayfly::webhook
