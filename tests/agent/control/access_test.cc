// Who may do what, on real sockets and as real users: in a process of its own each, by root.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "agent/control/caller.h"
#include "agent/control/router.h"
#include "tests/agent/control/harness.h"

namespace mayfly::control {
namespace {

constexpr gid_t kWriters = 64'201;
constexpr gid_t kReaders = 64'202;
constexpr uid_t kNobody = 65'534;
constexpr int kNotConnected = -1;

struct Role {
  const char* name;
  uid_t uid;
  std::vector<gid_t> groups;
};
const Role kRoot{"root", 0, {}};
const Role kMember{"a member of the group", kNobody, {kWriters}};
const Role kReader{"a member of the read group", kNobody, {kReaders}};
const Role kStranger{"nobody", kNobody, {}};

bool become(const Role& role) {
  const gid_t own = role.uid == 0 ? 0 : kNobody;
  return setgroups(role.groups.size(), role.groups.data()) == 0 && setresgid(own, own, own) == 0 &&
         setresuid(role.uid, role.uid, role.uid) == 0;
}

int status_now(const std::string& socket, const std::string& request) {
  Peer peer(socket);
  if (!peer.connected() || !peer.send(request)) return kNotConnected;
  return status_of(peer.read_response());
}

/// The status of each request, asked in that role.
std::vector<int> statuses_as(const Role& role, const std::string& socket,
                             const std::vector<std::string>& requests) {
  int answer[2];
  EXPECT_EQ(pipe(answer), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (!become(role)) _exit(1);
    for (const std::string& request : requests) {
      const int status = status_now(socket, request);
      if (write(answer[1], &status, sizeof status) != sizeof status) _exit(1);
    }
    _exit(0);
  }
  close(answer[1]);
  std::vector<int> statuses;
  for (int status = 0; read(answer[0], &status, sizeof status) == sizeof status;) {
    statuses.push_back(status);
  }
  close(answer[0]);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(statuses.size(), requests.size()) << role.name;
  statuses.resize(requests.size());
  return statuses;
}

int status_as(const Role& role, const std::string& socket, const std::string& request) {
  return statuses_as(role, socket, {request})[0];
}

/// One that the route takes, for something that is there.
std::string request_of(const Route& route) {
  std::string path(route.path);
  const bool worker = path.find("/workers/") != std::string::npos;
  for (const auto& [mark, name] :
       {std::pair<std::string, std::string>{"{name}", worker ? "encode-1" : "encode"},
        {"{pool}", "encode"},
        {"{slot}", "0"}}) {
    if (const auto at = path.find(mark); at != std::string::npos)
      path.replace(at, mark.size(), name);
  }
  return std::string(route.method) + " " + path +
         " HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n";
}

std::vector<std::string> all_requests() {
  std::vector<std::string> requests;
  for (const Route& route : routes()) requests.push_back(request_of(route));
  return requests;
}

const std::string kReload = "POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n";
const std::string kStatus = "GET /v1/status HTTP/1.1\r\nHost: m\r\n\r\n";

class Roles : public testing::Test {
 protected:
  Roles()
      : server_([](ServerOptions& options) {
          options.socket.group = std::to_string(kWriters);
          options.read_socket->group = std::to_string(kReaders);
        }) {
    server_.on_loop([](FakeOperations& operations) {
      operations.add_pool("encode", 1);
      operations.add_running("encode", 0);
    });
    std::filesystem::permissions(std::filesystem::path(server_.socket()).parent_path(),
                                 std::filesystem::perms::all);
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "other users can be played by root only";
  }
  /// As if the mode of the file did not keep anybody off.
  void open_to_all() {
    for (const std::string& socket : {server_.socket(), server_.read_socket()}) {
      std::filesystem::permissions(socket, std::filesystem::perms::all);
    }
  }

  enum class Answer { kNoConnection, kForbidden, kGiven };
  static Answer answer_of(int status) {
    if (status == kNotConnected) return Answer::kNoConnection;
    EXPECT_GE(status, 200);
    EXPECT_LT(status, 500);
    return status == 403 ? Answer::kForbidden : Answer::kGiven;
  }
  /// Each route of the table, one after the other.
  void expect(const Role& role, const std::string& socket, Answer to_reads, Answer to_writes) {
    const std::vector<int> statuses = statuses_as(role, socket, all_requests());
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      const Route& route = routes()[i];
      EXPECT_EQ(answer_of(statuses[i]), route.access == Access::kRead ? to_reads : to_writes)
          << role.name << " on " << socket << ": " << route.method << " " << route.path << " gave "
          << statuses[i];
    }
  }
  std::vector<std::string> done() {
    std::vector<std::string> calls;
    server_.on_loop([&](FakeOperations& operations) { calls = operations.calls; });
    return calls;
  }

  ServerUnderTest server_;
};

TEST_F(Roles, RootMayDoAllOverTheMainSocket) {
  expect(kRoot, server_.socket(), Answer::kGiven, Answer::kGiven);
  EXPECT_FALSE(done().empty());
}

TEST_F(Roles, MembersOfTheGroupMayDoAllOverTheMainSocket) {
  expect(kMember, server_.socket(), Answer::kGiven, Answer::kGiven);
  EXPECT_FALSE(done().empty());
}

TEST_F(Roles, OthersDoNotReachTheMainSocket) {
  expect(kReader, server_.socket(), Answer::kNoConnection, Answer::kNoConnection);
  expect(kStranger, server_.socket(), Answer::kNoConnection, Answer::kNoConnection);
}

TEST_F(Roles, RootMayOnlyReadOverTheReadSocket) {
  expect(kRoot, server_.read_socket(), Answer::kGiven, Answer::kForbidden);
  EXPECT_TRUE(done().empty());
}

TEST_F(Roles, ReadersMayOnlyReadOverTheReadSocket) {
  expect(kReader, server_.read_socket(), Answer::kGiven, Answer::kForbidden);
  EXPECT_TRUE(done().empty());
}

TEST_F(Roles, OthersDoNotReachTheReadSocket) {
  expect(kMember, server_.read_socket(), Answer::kNoConnection, Answer::kNoConnection);
  expect(kStranger, server_.read_socket(), Answer::kNoConnection, Answer::kNoConnection);
}

TEST_F(Roles, AreKeptAlsoThroughSocketFilesThatAreOpenToAll) {
  open_to_all();
  expect(kReader, server_.socket(), Answer::kForbidden, Answer::kForbidden);
  expect(kStranger, server_.socket(), Answer::kForbidden, Answer::kForbidden);
  expect(kStranger, server_.read_socket(), Answer::kForbidden, Answer::kForbidden);
  expect(kReader, server_.read_socket(), Answer::kGiven, Answer::kForbidden);
  EXPECT_TRUE(done().empty());
}

TEST_F(Roles, AreToldInTheAuditOfWhatWasRefused) {
  EXPECT_EQ(status_as(kReader, server_.read_socket(), kStatus), 200);
  EXPECT_EQ(status_as(kReader, server_.read_socket(), kReload), 403);
  const std::vector<Audit> audits = server_.audits();
  ASSERT_EQ(audits.size(), 1U);
  EXPECT_EQ(audits[0].uid, kNobody);
  EXPECT_EQ(audits[0].path, "/v1/reload");
  EXPECT_EQ(audits[0].status, 403U);
}

TEST(ReadSocket, SaysWhereChangesGo) {
  const ServerUnderTest server;
  const std::string response = post(server.read_socket(), "/v1/reload", "");
  EXPECT_EQ(status_of(response), 403);
  EXPECT_NE(response.find("this socket is for reading only"), std::string::npos);
}

TEST(ReadSocket, CannotBeUsedToShutOutTheOthers) {
  const ServerUnderTest server([](ServerOptions& options) { options.connections_max = 1; });
  Peer reader(server.read_socket());
  reader.send(kStatus);
  EXPECT_EQ(status_of(reader.read_response()), 200);
  EXPECT_EQ(status_of(get(server.read_socket(), "/v1/status")), 503);
  EXPECT_EQ(status_of(get(server.socket(), "/v1/status")), 200);
}

TEST(ReadSocket, IsNotThereWhenNoneIsWanted) {
  std::string path;
  const ServerUnderTest server([&path](ServerOptions& options) {
    path = options.read_socket->path;
    options.read_socket.reset();
  });
  EXPECT_EQ(status_of(get(server.socket(), "/v1/status")), 200);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Access, IsForRootOurselvesAndTheGroups) {
  const Door for_root{Access::kWrite, {}};
  EXPECT_EQ(access_of({0, 0, 1, {}}, for_root), Access::kWrite);
  EXPECT_EQ(access_of({geteuid(), 5, 1, {}}, for_root), Access::kWrite);
  EXPECT_EQ(access_of({4242, 5, 1, {}}, for_root), Access::kNone);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, {Access::kWrite, {8}}), Access::kNone);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, {Access::kWrite, {8, 7}}), Access::kWrite);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, {Access::kWrite, {5}}), Access::kWrite);
  EXPECT_EQ(access_of({4242, 5, 1, {6, 7}}, {Access::kRead, {5}}), Access::kRead);
  EXPECT_EQ(access_of({0, 0, 1, {}}, {Access::kRead, {}}), Access::kRead);
}

TEST(Groups, AreFoundByNameOrNumber) {
  EXPECT_EQ(find_group("root"), 0U);
  EXPECT_EQ(find_group("64201"), 64'201U);
  for (const char* wrong : {"", "no-such-group", "12x", "-1", "4294967296"}) {
    EXPECT_FALSE(find_group(wrong)) << wrong;
  }
}

TEST(Server, WarnsOfEachGroupThatIsMissing) {
  boost::asio::io_context loop;
  FakeOperations operations(loop);
  const TemporaryDirectory directory;
  ServerOptions options;
  options.socket = {directory.path() / "s", "no-such-group"};
  options.read_socket = {directory.path() / "r", "no-such-group"};
  options.spool_directory = directory.path() / "spool";
  Server server(loop, options, operations);
  ASSERT_TRUE(server.start());
  ASSERT_EQ(server.warnings().size(), 2U);
  EXPECT_NE(server.warnings()[1].find("the read-only control socket"), std::string::npos);
  for (const std::string& path : {options.socket.path, options.read_socket->path}) {
    struct stat status {};
    ASSERT_EQ(lstat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U) << path;
  }
}

}  // namespace
}  // namespace mayfly::control
