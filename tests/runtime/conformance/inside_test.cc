// What a container of ours finds inside of itself: what its spec asks for, Mayfly's secure
// defaults, and what loosens them.
#include <signal.h>
#include <sys/stat.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <sstream>

#include "tests/runtime/conformance/fixture.h"
#include "tests/support/traces.h"

namespace mayfly::conformance {
namespace {

class Inside : public Conformance {
 protected:
  runtime::ContainerSpec asking(const std::string& name) {
    return spec(name, {"/bin/probe", "facts", "/out/facts"});
  }

  /// Some runtimes list a process's own group among its further ones.
  static std::string without(const std::string& groups, const std::string& own) {
    std::string rest;
    std::istringstream in(groups);
    for (std::string one; std::getline(in, one, ',');) {
      if (one != own) rest += (rest.empty() ? "" : ",") + one;
    }
    return rest;
  }

  /// A file of the only container's cgroup: v1 in its hierarchy, or v2.
  static std::string limit(const std::string& hierarchy, const std::string& v1,
                           const std::string& v2) {
    for (const auto& cgroup : support::cgroups_in(daemon().cgroup_parent())) {
      if (cgroup.filename() == "conmon") continue;
      if (std::filesystem::exists(cgroup / v2)) return support::slurp(cgroup / v2);
      const auto path = cgroup.string();
      if (path.find("/" + hierarchy + "/") != std::string::npos) return support::slurp(cgroup / v1);
    }
    return {};
  }
};

TEST_F(Inside, IsConfinedByDefault) {
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
  EXPECT_EQ(inside["write_root"], world().traits().root_is_writable ? "ok" : "EACCES");
  EXPECT_EQ(inside["cwd"], "/");
  EXPECT_EQ(inside["home"], "/root");
  EXPECT_EQ(inside["path"], "/bin");
}

TEST_F(Inside, WithoutSeccompLeavesCallsToTheCapabilities) {
  auto loose = asking("loose");
  loose.security.seccomp = false;
  auto inside = facts(loose);
  EXPECT_EQ(inside["seccomp"], "0");
  EXPECT_NE(inside["vsock"], "EPERM");
}

TEST_F(Inside, LoosensNoNewPrivilegesByName) {
  auto loose = asking("loose");
  loose.security.no_new_privileges = false;
  EXPECT_EQ(facts(loose)["no_new_privs"], "0");
}

TEST_F(Inside, KeepsTheCapabilitiesThatAreNamed) {
  auto loose = asking("loose");
  loose.security.capabilities = {"CAP_CHOWN", "CAP_NET_BIND_SERVICE"};
  auto inside = facts(loose);
  EXPECT_EQ(inside["bounding"], "0000000000000401");
  EXPECT_EQ(inside["effective"], "0000000000000401");
}

TEST_F(Inside, MakesTheRootReadOnlyWhenAsked) {
  auto strict = asking("strict");
  strict.security.read_only_rootfs = true;
  EXPECT_EQ(facts(strict)["write_root"], "EROFS");
}

TEST_F(Inside, RunsAsTheUserByNumber) {
  auto user = asking("user");
  user.user = "4321:1234";
  auto inside = facts(user);
  EXPECT_EQ(inside["uid"], "4321");
  EXPECT_EQ(inside["gid"], "1234");
  EXPECT_EQ(without(inside["groups"], "1234"), "");
  EXPECT_EQ(inside["home"], "/");
  EXPECT_EQ(inside["write_root"], "EACCES");
}

TEST_F(Inside, RunsAsTheUserByNameFromTheImage) {
  auto user = asking("user");
  user.user = "worker";
  auto inside = facts(user);
  EXPECT_EQ(inside["uid"], "1000");
  EXPECT_EQ(inside["gid"], "1000");
  EXPECT_EQ(without(inside["groups"], "1000"), "2000");
  EXPECT_EQ(inside["home"], "/home/worker");
}

TEST_F(Inside, SharesTheHostsNetworkWhenAsked) {
  auto open = asking("open");
  open.network = {runtime::Network::Kind::kHost, {}};
  auto inside = facts(open);
  EXPECT_NE(inside["interfaces"].find("lo"), std::string::npos);
  EXPECT_EQ(inside["loopback"], "ok");
  EXPECT_EQ(inside["unshare"], "EPERM");
}

TEST_F(Inside, SharesANetworkByNameWhereTheRuntimeKnowsOne) {
  const std::string network = "backend";
  auto networked = asking("networked");
  networked.network = {runtime::Network::Kind::kNamed, network};
  if (!world().traits().knows_networks) {
    const auto created = create(networked);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, runtime::FaultKind::kRefused) << created.error().what;
    EXPECT_NE(created.error().what.find(network), std::string::npos) << created.error().what;
    return;
  }
  world().make_network(network);
  auto inside = facts(networked);
  EXPECT_EQ(inside["interfaces"], "lo,eth0");
  world().remove_network(network);
}

TEST_F(Inside, HoldsForAnImageOfOneProgram) {
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

TEST_F(Inside, TakesEnvironmentAndDirectoryOfTheSpec) {
  auto told = asking("told");
  told.env = {{"ASKED", "a=b c"}, {"PATH", "/elsewhere"}};
  told.working_directory = "/tmp";
  auto inside = facts(told);
  EXPECT_EQ(inside["asked"], "a=b c");
  EXPECT_EQ(inside["path"], "/elsewhere");
  EXPECT_EQ(inside["cwd"], "/tmp");
}

TEST_F(Inside, LimitsTheNumberOfProcesses) {
  auto bomb = spec("bomb", {"/bin/probe", "forks", "/out/forks"});
  bomb.resources.pids = 16;
  ASSERT_TRUE(create(bomb));
  end_of(bomb.name);
  EXPECT_EQ(support::read_file(out() + "/forks"), "15\n");
}

TEST_F(Inside, LimitsMemory) {
  auto glutton = spec("glutton", {"/bin/probe", "eat"});
  glutton.resources.memory_bytes = 16 << 20;
  ASSERT_TRUE(create(glutton));
  EXPECT_EQ(end_of(glutton.name).signal, SIGKILL);
}

TEST_F(Inside, IsLimitedInTheCgroupAsTheSpecSays) {
  auto slow = spec("slow");
  slow.resources.cpu = 0.25;
  slow.resources.memory_bytes = 64 << 20;
  slow.resources.pids = 23;
  ASSERT_TRUE(create(slow));
  EXPECT_EQ(std::stol(limit("cpu", "cpu.cfs_quota_us", "cpu.max")), 25'000);
  EXPECT_EQ(std::stol(limit("memory", "memory.limit_in_bytes", "memory.max")), 64 << 20);
  EXPECT_EQ(std::stol(limit("pids", "pids.max", "pids.max")), 23);
}

TEST_F(Inside, HasNoLimitThatNobodyAskedForButThatOfProcesses) {
  ASSERT_TRUE(create(spec("free")));
  const auto cpu = limit("cpu", "cpu.cfs_quota_us", "cpu.max");
  EXPECT_TRUE(cpu.starts_with("-1") || cpu.starts_with("max")) << cpu;
  const auto memory = limit("memory", "memory.limit_in_bytes", "memory.max");
  EXPECT_TRUE(memory.starts_with("max") || std::stoul(memory) > 1UL << 60) << memory;
  EXPECT_EQ(std::stol(limit("pids", "pids.max", "pids.max")), 256);
}

TEST_F(Inside, RunsTheImagesOwnCommandAsItsUserWhereTheSpecSaysNothing) {
  auto own = spec("own", {});
  own.image = telling();
  auto inside = facts(own);
  EXPECT_EQ(inside["uid"], "1000");
  EXPECT_EQ(inside["cwd"], "/tmp");
  EXPECT_EQ(inside["asked"], "image");
  EXPECT_EQ(inside["home"], "/home/worker");
}

TEST_F(Inside, PutsTheSpecBeforeTheImage) {
  auto other = asking("other");
  other.image = telling();
  other.user = "0";
  other.working_directory = "/home";
  other.env = {{"ASKED", "spec"}};
  auto inside = facts(other);
  EXPECT_EQ(inside["uid"], "0");
  EXPECT_EQ(inside["cwd"], "/home");
  EXPECT_EQ(inside["asked"], "spec");
  EXPECT_EQ(inside["path"], "/bin");
}

TEST_F(Inside, StartsTheEntrypointWithTheCommandAfterIt) {
  auto gated = spec("gated", {"/out/facts"});
  gated.image = telling();
  gated.entrypoint = {"/bin/probe", "facts"};
  EXPECT_EQ(facts(gated)["pid"], "1");
  gated.entrypoint = {"/bin/sh", "-c", "echo $0 $@ > /out/words"};
  gated.command = {};
  ASSERT_TRUE(create(gated));
  EXPECT_EQ(end_of(gated.name).code, 0);
  EXPECT_EQ(support::read_file(out() + "/words"), "/bin/probe facts /out/facts\n");
}

/// As the gate is: a program of the host's in an image of one other program, and a socket beside
/// it.
TEST_F(Inside, StartsAProgramThatIsMountedAndReachesASocketBesideIt) {
  const auto folder = daemon().directory() + "/gate";
  std::filesystem::create_directory(folder);
  support::write_file(folder + "/probe", support::read_file(MAYFLY_PROBE));
  chmod((folder + "/probe").c_str(), 0755);
  chmod(folder.c_str(), 0755);
  boost::asio::local::stream_protocol::acceptor acceptor(loop(), folder + "/socket");
  chmod((folder + "/socket").c_str(), 0777);
  auto gated = spec("gated", {"/.mayfly/socket"});
  gated.image = scratch();
  gated.entrypoint = {"/.mayfly/probe", "connect"};
  gated.user = "65534:65534";
  gated.security.read_only_rootfs = true;
  gated.mounts = {{folder, "/.mayfly", true}};
  ASSERT_TRUE(create(gated));
  EXPECT_EQ(end_of(gated.name).code, 0);
  std::filesystem::remove_all(folder);
}

TEST_F(Inside, WritesToWhatIsMountedToBeWritten) {
  auto writer = spec("writer", {"/bin/sh", "-c", "echo x > /out/made"});
  ASSERT_TRUE(create(writer));
  EXPECT_EQ(end_of(writer.name).code, 0);
  EXPECT_EQ(support::read_file(out() + "/made"), "x\n");
}

TEST_F(Inside, MountsReadOnlyWhatIsToBeRead) {
  support::write_file(out() + "/given", "x");
  auto reader = spec("reader", {"/bin/sh", "-c", "echo y > /in/given; cat /in/given > /out/copy"});
  reader.mounts.push_back({out(), "/in", true});
  ASSERT_TRUE(create(reader));
  end_of(reader.name);
  EXPECT_EQ(support::read_file(out() + "/copy"), "x");
}

}  // namespace
}  // namespace mayfly::conformance
