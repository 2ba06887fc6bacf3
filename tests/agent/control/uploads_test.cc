// Files that are sent to the server: they lie in a spool folder while they are read.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/control/server.h"
#include "tests/agent/control/harness.h"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

TEST(Uploads, AreSpooledAndRemovedAfterTheReply) {
  ServerUnderTest server;
  std::string seen;
  server.on_loop([&](FakeOperations& operations) {
    operations.on_import = [&seen](const std::string& file) {
      std::ifstream in(file, std::ios::binary);
      seen.assign(std::istreambuf_iterator<char>(in), {});
    };
  });
  std::string image(3'000'000, '\0');
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<char>(i * 7 % 251);
  const std::string response =
      post(server.socket(), "/v1/images/import?name=demo:1", image, "application/octet-stream");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(json::parse(body_of(response))["images"][0]["name"], "demo:1");
  EXPECT_EQ(seen, image);
  server.on_loop([&](FakeOperations&) { EXPECT_EQ(files_in(server.spool_directory()), 0U); });
}

TEST(Uploads, AreCapped) {
  ServerUnderTest server([](ServerOptions& options) { options.import_bytes_max = 1000; });
  EXPECT_EQ(status_of(post(server.socket(), "/v1/images/import", std::string(1001, 'x'))), 413);
  Peer peer(server.socket());
  peer.send("POST /v1/images/import HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n" +
            ("7d0\r\n" + std::string(2000, 'x')) + "\r\n0\r\n\r\n");
  EXPECT_EQ(status_of(peer.read_all()), 413);
  server.on_loop([&](FakeOperations& operations) {
    EXPECT_TRUE(operations.calls.empty());
    EXPECT_EQ(files_in(server.spool_directory()), 0U);
  });
}

TEST(Uploads, ThatBreakOffLeaveNothing) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send("POST /v1/images/import HTTP/1.1\r\nHost: m\r\nContent-Length: 1000000\r\n\r\n" +
            std::string(300'000, 'x'));
  peer.end_sending();
  peer.read_all();
  server.on_loop([&](FakeOperations& operations) {
    EXPECT_TRUE(operations.calls.empty());
    EXPECT_EQ(files_in(server.spool_directory()), 0U);
  });
}

TEST(Uploads, AreKeptUntilTheDaemonHasReadThem) {
  ServerUnderTest server([](ServerOptions& options) { options.import_timeout = 50ms; });
  server.on_loop([](FakeOperations& operations) { operations.silent = true; });
  EXPECT_EQ(status_of(post(server.socket(), "/v1/images/import", "tar")), 504);
  server.on_loop([&](FakeOperations& operations) {
    EXPECT_EQ(files_in(server.spool_directory()), 1U);
    operations.answer_held();
    EXPECT_EQ(files_in(server.spool_directory()), 0U);
  });
}

TEST(Uploads, OfAnEarlierRunAreRemoved) {
  std::string directory;
  ServerUnderTest server([&](ServerOptions& options) {
    directory = options.spool_directory;
    std::filesystem::create_directories(directory);
    std::ofstream(directory + "/upload-abc123") << "left";
    std::ofstream(directory + "/other") << "not ours";
  });
  EXPECT_EQ(files_in(directory), 1U);
}

}  // namespace
}  // namespace mayfly::control
