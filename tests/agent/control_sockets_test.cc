#include "agent/control_sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace mayfly::agent {
namespace {

/// Stands for a socket; what it is matters to the control server alone.
systemd::ListenFd handed_over(const std::string& name) {
  return {name, open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

bool is_open(const systemd::ListenFd& socket) {
  return fcntl(socket.fd, F_GETFD) >= 0;
}

TEST(ControlSockets, StandInTheRunFolderByDefault) {
  const auto sockets = control_sockets({}, "/run/mayfly", {});
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->main.path, "/run/mayfly/mayfly.sock");
  EXPECT_EQ(sockets->main.group, "mayfly");
  EXPECT_EQ(sockets->main.handed_over, -1);
  ASSERT_TRUE(sockets->read);
  EXPECT_EQ(sockets->read->path, "/run/mayfly/read.sock");
  EXPECT_EQ(sockets->read->group, "mayfly-read");
}

TEST(ControlSockets, AreWhereTheConfigurationSays) {
  const auto sockets = control_sockets({"/a", "ops", "/b", "watchers"}, "/run/mayfly", {});
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->main.path, "/a");
  EXPECT_EQ(sockets->main.group, "ops");
  EXPECT_EQ(sockets->read->path, "/b");
  EXPECT_EQ(sockets->read->group, "watchers");
  EXPECT_FALSE(control_sockets({"/a", "", "none", ""}, "/run/mayfly", {})->read);
}

TEST(ControlSockets, AreThoseThatTheManagerHandsOver) {
  const std::vector<systemd::ListenFd> given{handed_over("read"), handed_over("control")};
  const auto sockets = control_sockets({}, "/run/mayfly", given);
  ASSERT_TRUE(sockets) << sockets.error();
  EXPECT_EQ(sockets->main.handed_over, given[1].fd);
  EXPECT_EQ(sockets->read->handed_over, given[0].fd);
  for (const systemd::ListenFd& socket : given) ::close(socket.fd);
}

TEST(ControlSockets, AreRefusedByANameThatSaysNothingOrIsThereTwice) {
  for (const auto& names : {std::vector<std::string>{"mayflyd.socket"},
                            {"control", "control"},
                            {"read", "control", "read"}}) {
    std::vector<systemd::ListenFd> given;
    for (const std::string& name : names) given.push_back(handed_over(name));
    const auto sockets = control_sockets({}, "/run/mayfly", given);
    ASSERT_FALSE(sockets);
    EXPECT_NE(sockets.error().find("\"" + names.back() + "\""), std::string::npos);
    for (const systemd::ListenFd& socket : given) EXPECT_FALSE(is_open(socket));
  }
}

TEST(ControlSockets, LeaveAReadSocketThatIsNotWantedAndSayIt) {
  const auto given = handed_over("read");
  const auto sockets = control_sockets({"", "", config::kSocketNone, ""}, "/run/mayfly", {given});
  ASSERT_TRUE(sockets);
  EXPECT_FALSE(sockets->read);
  ASSERT_EQ(sockets->warnings.size(), 1U);
  EXPECT_NE(sockets->warnings[0].find("disable its unit"), std::string::npos);
  EXPECT_FALSE(is_open(given));
}

TEST(ControlSockets, CannotBeOneAndTheSame) {
  const auto sockets = control_sockets({"/run/mayfly/read.sock", ""}, "/run/mayfly", {});
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error(),
            "control.socket and control.read_socket are both /run/mayfly/read.sock");
}

}  // namespace
}  // namespace mayfly::agent
