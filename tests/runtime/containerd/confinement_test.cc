// What a container of ours finds inside of itself: Mayfly's secure defaults, and what loosens them.
#include <signal.h>

#include <fstream>

#include "tests/runtime/containerd/driver_fixture.h"

namespace mayfly::containerd {
namespace {

class Confinement : public DriverTest {
 protected:
  runtime::ContainerSpec asking(const std::string& name) {
    return spec(name, {"/bin/probe", "facts", "/out/facts"});
  }
};

TEST_F(Confinement, IsCompleteByDefault) {
  auto inside = facts(asking("default"));
  EXPECT_EQ(inside["pid"], "1");
  EXPECT_EQ(inside["uid"], "0");
  EXPECT_EQ(inside["no_new_privs"], "1");
  EXPECT_EQ(inside["seccomp"], "2");
  EXPECT_EQ(inside["bounding"], "0000000000000000");
  EXPECT_EQ(inside["effective"], "0000000000000000");
  EXPECT_EQ(inside["unshare"], "EPERM");
  EXPECT_EQ(inside["mount"], "EPERM");
  EXPECT_EQ(inside["vsock"], "EPERM");
  EXPECT_EQ(inside["sysctl"], "EROFS");
  EXPECT_NE(inside["kcore"], "ok");
  EXPECT_EQ(inside["interfaces"], "lo");
  EXPECT_EQ(inside["loopback"], "ok");
  EXPECT_EQ(inside["hostname"], "mayfly-test-default");
  EXPECT_EQ(inside["write_root"], "ok");
  EXPECT_EQ(inside["cwd"], "/");
  EXPECT_EQ(inside["home"], "/root");
  EXPECT_EQ(inside["path"], "/bin");
}

TEST_F(Confinement, WithoutSeccompLeavesCallsToTheCapabilities) {
  auto loose = asking("loose");
  loose.security.seccomp = false;
  auto inside = facts(loose);
  EXPECT_EQ(inside["seccomp"], "0");
  EXPECT_NE(inside["vsock"], "EPERM");
}

TEST_F(Confinement, LoosensNoNewPrivilegesByName) {
  auto loose = asking("loose");
  loose.security.no_new_privileges = false;
  EXPECT_EQ(facts(loose)["no_new_privs"], "0");
}

TEST_F(Confinement, KeepsTheCapabilitiesThatAreNamed) {
  auto loose = asking("loose");
  loose.security.capabilities = {"CAP_CHOWN", "CAP_NET_BIND_SERVICE"};
  auto inside = facts(loose);
  EXPECT_EQ(inside["bounding"], "0000000000000401");
  EXPECT_EQ(inside["effective"], "0000000000000401");
}

TEST_F(Confinement, MakesTheRootReadOnlyWhenAsked) {
  auto strict = asking("strict");
  strict.security.read_only_rootfs = true;
  EXPECT_EQ(facts(strict)["write_root"], "EROFS");
}

TEST_F(Confinement, RunsAsTheUserByNumber) {
  auto user = asking("user");
  user.user = "4321:1234";
  auto inside = facts(user);
  EXPECT_EQ(inside["uid"], "4321");
  EXPECT_EQ(inside["gid"], "1234");
  EXPECT_EQ(inside["groups"], "");
  EXPECT_EQ(inside["home"], "/");
  EXPECT_EQ(inside["write_root"], "EACCES");
}

TEST_F(Confinement, RunsAsTheUserByNameFromTheImage) {
  auto user = asking("user");
  user.user = "worker";
  auto inside = facts(user);
  EXPECT_EQ(inside["uid"], "1000");
  EXPECT_EQ(inside["gid"], "1000");
  EXPECT_EQ(inside["groups"], "2000");
  EXPECT_EQ(inside["home"], "/home/worker");
}

TEST_F(Confinement, SharesTheHostsNetworkWhenAsked) {
  auto open = asking("open");
  open.network = {runtime::Network::Kind::kHost, {}};
  auto inside = facts(open);
  EXPECT_NE(inside["interfaces"].find("lo"), std::string::npos);
  EXPECT_EQ(inside["loopback"], "ok");
  EXPECT_EQ(inside["unshare"], "EPERM");
}

TEST_F(Confinement, HoldsForAnImageOfOneProgram) {
  auto bare = asking("bare");
  bare.image = scratch();
  bare.command = {"/probe", "facts", "/out/facts"};
  auto inside = facts(bare);
  EXPECT_EQ(inside["pid"], "1");
  EXPECT_EQ(inside["seccomp"], "2");
  bare.security.read_only_rootfs = true;
  bare.user = "65534:65534";
  inside = facts(bare);
  EXPECT_EQ(inside["uid"], "65534");
  EXPECT_EQ(inside["write_root"], "EROFS");
}

TEST_F(Confinement, TakesEnvironmentAndDirectoryOfTheSpec) {
  auto told = asking("told");
  told.env = {{"ASKED", "a=b c"}, {"PATH", "/elsewhere"}};
  told.working_directory = "/tmp";
  auto inside = facts(told);
  EXPECT_EQ(inside["asked"], "a=b c");
  EXPECT_EQ(inside["path"], "/elsewhere");
  EXPECT_EQ(inside["cwd"], "/tmp");
}

TEST_F(Confinement, LimitsTheNumberOfProcesses) {
  auto bomb = spec("bomb", {"/bin/probe", "forks", "/out/forks"});
  bomb.resources.pids = 16;
  ASSERT_TRUE(create(bomb));
  end_of(bomb.name);
  EXPECT_EQ(support::read_file(out() + "/forks"), "15\n");
}

TEST_F(Confinement, LimitsMemory) {
  auto glutton = spec("glutton", {"/bin/probe", "eat"});
  glutton.resources.memory_bytes = 16 << 20;
  ASSERT_TRUE(create(glutton));
  EXPECT_EQ(end_of(glutton.name).signal, SIGKILL);
}

TEST_F(Confinement, LimitsProcessorTime) {
  auto slow = spec("slow", {"/bin/probe", "sleep"});
  slow.resources.cpu = 0.25;
  ASSERT_TRUE(create(slow));
  const auto group = daemon().cgroup_parent() + "/" + slow.name;
  std::ifstream v1("/sys/fs/cgroup/cpu" + group + "/cpu.cfs_quota_us");
  std::ifstream v2("/sys/fs/cgroup" + group + "/cpu.max");
  long quota = 0;
  EXPECT_TRUE(v1 >> quota || v2 >> quota);
  EXPECT_EQ(quota, 25'000);
}

TEST_F(Confinement, MountsReadOnlyWhatIsToBeRead) {
  support::write_file(out() + "/given", "x");
  auto reader = spec("reader", {"/bin/sh", "-c", "echo y > /in/given; cat /in/given > /out/copy"});
  reader.mounts.push_back({out(), "/in", true});
  ASSERT_TRUE(create(reader));
  end_of(reader.name);
  EXPECT_EQ(support::read_file(out() + "/copy"), "x");
}

}  // namespace
}  // namespace mayfly::containerd
