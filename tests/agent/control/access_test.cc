// Who may ask the server, and the file of its socket.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/control/caller.h"
#include "agent/control/server.h"
#include "agent/control/socket_file.h"
#include "tests/agent/control/harness.h"

namespace mayfly::control {
namespace {

/// Asks as another user, in a process of its own; -1 if it cannot connect.
int status_as(uid_t uid, const std::vector<gid_t>& groups, const std::string& socket,
              const std::string& request) {
  int answer[2];
  EXPECT_EQ(pipe(answer), 0);
  const pid_t child = fork();
  if (child == 0) {
    int status = -1;
    if (setgroups(groups.size(), groups.data()) == 0 && setresgid(65534, 65534, 65534) == 0 &&
        setresuid(uid, uid, uid) == 0) {
      Peer peer(socket);
      if (peer.connected() && peer.send(request)) status = status_of(peer.read_response());
    }
    const ssize_t written = write(answer[1], &status, sizeof status);
    _exit(written == sizeof status ? 0 : 1);
  }
  close(answer[1]);
  int status = -2;
  EXPECT_EQ(read(answer[0], &status, sizeof status), static_cast<ssize_t>(sizeof status));
  close(answer[0]);
  waitpid(child, nullptr, 0);
  return status;
}

const std::string kReload = "POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n";
const std::string kStatus = "GET /v1/status HTTP/1.1\r\nHost: m\r\n\r\n";

class Permissions : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "other users can be played by root only";
  }
  static void open_to_all(const std::string& socket) {
    std::filesystem::permissions(std::filesystem::path(socket).parent_path(),
                                 std::filesystem::perms::all);
    std::filesystem::permissions(socket, std::filesystem::perms::all);
  }
};

TEST_F(Permissions, KeepStrangersFromTheSocketFile) {
  ServerUnderTest server([](ServerOptions& options) { options.group = "daemon"; });
  std::filesystem::permissions(std::filesystem::path(server.socket()).parent_path(),
                               std::filesystem::perms::all);
  EXPECT_EQ(status_as(65534, {}, server.socket(), kReload), -1);
}

TEST_F(Permissions, RefuseAStrangerEvenThroughAnOpenSocketFile) {
  ServerUnderTest server([](ServerOptions& options) { options.group = "daemon"; });
  open_to_all(server.socket());
  EXPECT_EQ(status_as(65534, {}, server.socket(), kReload), 403);
  EXPECT_EQ(status_as(65534, {}, server.socket(), kStatus), 403);
  server.on_loop([](FakeOperations& operations) { EXPECT_TRUE(operations.calls.empty()); });
  ASSERT_EQ(server.audits().size(), 1U);
  EXPECT_EQ(server.audits()[0].uid, 65534U);
  EXPECT_EQ(server.audits()[0].status, 403U);
}

TEST_F(Permissions, AdmitMembersOfTheGroup) {
  const auto group = find_group("daemon");
  ASSERT_TRUE(group);
  ServerUnderTest server([](ServerOptions& options) { options.group = "daemon"; });
  std::filesystem::permissions(std::filesystem::path(server.socket()).parent_path(),
                               std::filesystem::perms::all);
  EXPECT_EQ(status_as(65534, {*group}, server.socket(), kReload), 200);
}

TEST(Access, IsForRootOurselvesAndTheGroup) {
  EXPECT_EQ(access_of({0, 0, 1, {}}, std::nullopt), Access::kWrite);
  EXPECT_EQ(access_of({geteuid(), 5, 1, {}}, std::nullopt), Access::kWrite);
  EXPECT_EQ(access_of({4242, 5, 1, {}}, std::nullopt), Access::kNone);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, 8), Access::kNone);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, 7), Access::kWrite);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, 5), Access::kWrite);
}

// ---- the socket's file ----------------------------------------------------------------------

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

TEST(SocketFile, IsWarnedAboutWhereTheGroupIsMissing) {
  boost::asio::io_context loop;
  FakeOperations operations(loop);
  TemporaryDirectory directory;
  ServerOptions options;
  options.socket = directory.path() / "s";
  options.spool_directory = directory.path() / "spool";
  options.group = "no-such-group";
  Server server(loop, options, operations);
  ASSERT_TRUE(server.start());
  EXPECT_EQ(server.warnings().size(), 1U);
  EXPECT_EQ(mode_of(options.socket), 0600U);
}

}  // namespace
}  // namespace mayfly::control
