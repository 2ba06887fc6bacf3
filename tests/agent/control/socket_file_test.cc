#include "agent/control/socket_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/agent/control/harness.h"

namespace mayfly::control {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST(SocketFile, IsForTheGroupOrForNobodyElse) {
  TemporaryDirectory directory;
  const std::string path = directory.path() / "s";
  {
    auto file = SocketFile::listen(path, std::nullopt);
    ASSERT_TRUE(file);
    EXPECT_EQ(mode_of(path), 0600U);
    close(file->take());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  auto file = SocketFile::listen(path, getgid());
  ASSERT_TRUE(file);
  EXPECT_EQ(mode_of(path), 0660U);
  close(file->take());
}

TEST(SocketFile, ReplacesAStaleSocketOnly) {
  TemporaryDirectory directory;
  const std::string path = directory.path() / "s";
  auto first = SocketFile::listen(path, std::nullopt);
  ASSERT_TRUE(first);
  const int fd = first->take();
  const auto second = SocketFile::listen(path, std::nullopt);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("another daemon answers"), std::string::npos);
  close(fd);
  auto third = SocketFile::listen(path, std::nullopt);
  ASSERT_TRUE(third) << third.error();
  // The first owner goes late: the name is not its any more.
  { const SocketFile gone = std::move(*first); }
  EXPECT_TRUE(std::filesystem::exists(path));
  close(third->take());
}

TEST(SocketFile, LeavesAFileThatIsNoSocket) {
  TemporaryDirectory directory;
  const std::string path = directory.path() / "s";
  std::ofstream(path) << "precious";
  EXPECT_FALSE(SocketFile::listen(path, std::nullopt));
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(SocketFile::listen(std::string(200, 'x'), std::nullopt));
  EXPECT_FALSE(SocketFile::listen("/no/such/directory/s", std::nullopt));
}

// ---- one that was made by somebody else -------------------------------------------------------

/// As a service manager leaves it to us.
int listen_at(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(chmod(path.c_str(), 0606), 0);
  EXPECT_EQ(listen(fd, 8), 0);
  return fd;
}

TEST(SocketFile, ThatWasHandedOverIsLeftAsItIs) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "s";
  const int fd = listen_at(path);
  {
    ServerUnderTest server([&](ServerOptions& options) { options.read_socket->handed_over = fd; });
    EXPECT_EQ(status_of(get(path, "/v1/status")), 200);
    EXPECT_EQ(status_of(post(path, "/v1/reload", "")), 403);
    EXPECT_FALSE(std::filesystem::exists(server.read_socket())) << "it is used instead";
    EXPECT_EQ(mode_of(path), 0606U);
  }
  EXPECT_EQ(mode_of(path), 0606U);
  EXPECT_EQ(fcntl(fd, F_GETFD), -1) << "it is the server's to close";
}

TEST(SocketFile, ThatWasHandedOverMustBeAListeningUnixStreamSocket) {
  const int wrong[] = {
      open("/dev/null", O_RDONLY | O_CLOEXEC),
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
      socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
      socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
  };
  ASSERT_EQ(listen(wrong[3], 8), 0);
  for (const int fd : wrong) {
    ASSERT_GE(fd, 0);
    const auto file = SocketFile::adopt(fd);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().find("is not a listening unix stream socket"), std::string::npos);
    EXPECT_EQ(fcntl(fd, F_GETFD), -1) << "left open";
  }
}

}  // namespace
}  // namespace mayfly::control
