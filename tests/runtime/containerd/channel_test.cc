#include "runtime/containerd/grpc/channel.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <optional>

namespace mayfly::containerd::grpc {
namespace {

using namespace std::chrono_literals;
using Local = boost::asio::local::stream_protocol;

class Link : public ::testing::Test {
 protected:
  Link() {
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    Channel::Options options;
    options.socket = folder + "/sock";
    options.backoff_min = 1h;
    options.backoff_max = 1h;
    channel.emplace(loop, options,
                    [this](Channel::Link link, const auto&) { links.push_back(link); });
  }
  ~Link() override { std::filesystem::remove_all(folder); }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop.run_one_until(end) == 0) loop.restart();
    }
    return true;
  }

  std::string folder = "/tmp/mayfly-channel-XXXXXX";
  boost::asio::io_context loop;
  std::vector<Channel::Link> links;
  std::optional<Channel> channel;
};

TEST_F(Link, IsTriedAtOnceWhereItsServerIsSaidToBeBack) {
  channel->start();
  ASSERT_TRUE(until([&] { return links == std::vector{Channel::Link::kDown}; }));
  Local::acceptor server(loop, Local::endpoint(folder + "/sock"));
  int connections = 0;
  const std::function<void()> accept = [&] {
    server.async_accept([&](const auto& error, Local::socket) {
      if (error) return;
      ++connections;
      accept();
    });
  };
  accept();
  channel->connect_now();
  channel->connect_now();  // one is under way
  EXPECT_TRUE(until([&] { return connections > 0; }));
  loop.poll();
  EXPECT_EQ(connections, 1);
}

TEST_F(Link, IsNotTriedBeforeItsStart) {
  channel->connect_now();
  loop.poll();
  EXPECT_TRUE(links.empty());
}

}  // namespace
}  // namespace mayfly::containerd::grpc
