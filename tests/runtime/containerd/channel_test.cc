#include "runtime/containerd/grpc/channel.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>

#include "tests/runtime/containerd/fake_grpc_server.h"

namespace mayfly::containerd {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPatience = 30s;  ///< for what must come

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() : server_(loop_, socket()) {}

  /// An abstract one, of this process.
  [[nodiscard]] static std::string socket() {
    using namespace std::string_literals;
    return "\0mayfly-channel-test-"s + std::to_string(getpid());
  }

  /// To a server whose silence is borne for so long, and whose pings may wait.
  void connect(std::chrono::milliseconds answer_max = 1h,
               std::chrono::milliseconds ping_answer_wait = 0ms) {
    grpc::Channel::Options options;
    options.socket = socket();
    options.answer_max = answer_max;
    options.ping_answer_wait = ping_answer_wait;
    channel_.emplace(loop_, options, [this](grpc::Channel::Link link, const std::string&) {
      links_.push_back(link);
    });
    channel_->start();
    ASSERT_TRUE(until([&] { return links_ == Links{grpc::Channel::Link::kUp}; }));
  }

  bool until(const std::function<bool()>& so) {
    const auto end = steady_clock::now() + kPatience;
    while (!so()) {
      if (steady_clock::now() >= end) return false;
      if (loop_.run_one_until(end) == 0) loop_.restart();
    }
    return true;
  }

  /// Calls, and waits for the answer, or for the end of the deadline.
  grpc::Channel::Reply call(std::chrono::milliseconds deadline) {
    std::optional<grpc::Channel::Reply> answer;
    grpc::Request request;
    request.path = "/fake.Service/Method";
    request.body = grpc::frame("");
    channel_->call(std::move(request), deadline,
                   [&](grpc::Channel::Reply reply) { answer = std::move(reply); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }

  using Links = std::vector<grpc::Channel::Link>;
  boost::asio::io_context loop_;
  FakeGrpcServer server_;
  std::optional<grpc::Channel> channel_;
  Links links_;
};

TEST_F(ChannelTest, GivesTheServersAnswer) {
  connect();
  const auto reply = call(kPatience);
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(*reply, "");
  EXPECT_EQ(server_.calls(), 1U);
}

TEST_F(ChannelTest, DoubtsAServerThatLetAShortCallPass) {
  connect(1s);
  server_.stop();
  const auto reply = call(50ms);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, grpc::Failure::Kind::kNoAnswer);
  // No call is out any more; the doubt alone asks whether it still lives.
  EXPECT_TRUE(until([&] { return links_.back() == grpc::Channel::Link::kDown; }));
  server_.go_on();
  EXPECT_TRUE(until([&] { return links_.back() == grpc::Channel::Link::kUp; }));
  EXPECT_TRUE(call(kPatience)) << "over the same connection";
}

TEST_F(ChannelTest, AnswersThePingsOfTheServer) {
  connect();
  server_.ping('a');
  EXPECT_TRUE(until([&] { return server_.answered() == "a"; }));
}

TEST_F(ChannelTest, LetsPingsWaitForSoLong) {
  constexpr auto kWait = 100ms;
  connect(1h, kWait);
  const auto from = steady_clock::now();
  server_.ping('a');
  ASSERT_TRUE(until([&] { return server_.answered() == "a"; }));
  EXPECT_GE(steady_clock::now() - from, kWait);
  server_.ping('b');
  EXPECT_TRUE(until([&] { return server_.answered() == "ab"; })) << "and later ones as long";
}

TEST_F(ChannelTest, LetsOnePingWaitAtATime) {
  connect(1h, 1h);
  server_.ping('a');
  ASSERT_TRUE(call(kPatience));
  EXPECT_EQ(server_.answered(), "");
  server_.ping('b');
  EXPECT_TRUE(until([&] { return server_.answered() == "a"; }));
}

// ---- without a server at first ----------------------------------------------------------------

class UnansweredChannelTest : public ChannelTest {
 protected:
  UnansweredChannelTest() {
    grpc::Channel::Options options;
    options.socket = socket() + "-later";
    options.backoff_min = 1h;
    options.backoff_max = 1h;
    channel_.emplace(loop_, options, [this](grpc::Channel::Link link, const std::string&) {
      links_.push_back(link);
    });
  }
};

TEST_F(UnansweredChannelTest, IsTriedAtOnceWhereItsServerIsSaidToBeBack) {
  using Local = boost::asio::local::stream_protocol;
  channel_->start();
  ASSERT_TRUE(until([&] { return links_ == Links{grpc::Channel::Link::kDown}; }));
  Local::acceptor server(loop_, Local::endpoint(socket() + "-later"));
  int connections = 0;
  const std::function<void()> accept = [&] {
    server.async_accept([&](const auto& error, Local::socket) {
      if (error) return;
      ++connections;
      accept();
    });
  };
  accept();
  channel_->connect_now();
  channel_->connect_now();  // one is under way
  EXPECT_TRUE(until([&] { return connections > 0; }));
  loop_.poll();
  EXPECT_EQ(connections, 1);
}

TEST_F(UnansweredChannelTest, IsNotTriedBeforeItsStart) {
  channel_->connect_now();
  loop_.poll();
  EXPECT_TRUE(links_.empty());
}

}  // namespace
}  // namespace mayfly::containerd
