// The private daemons themselves: they serve, they leave nothing, whatever was done to them.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/image_archive.h"
#include "tests/support/private_dockerd.h"
#include "tests/support/private_podman.h"
#include "tests/support/traces.h"

namespace mayfly::support {
namespace {

/// What is still there of a daemon that is gone, by its folder's name.
std::vector<std::string> traces_of(const std::string& directory) {
  const auto unique = std::filesystem::path(directory).filename().string();
  std::vector<std::string> left = mounts_under(directory);
  for (const auto& cgroup : cgroups_of("/" + unique)) left.push_back(cgroup);
  for (const auto one : processes_naming("", unique)) left.push_back(std::to_string(one));
  if (std::filesystem::exists(directory)) left.push_back(directory);
  return left;
}

TEST(PrivateDockerd, LeavesNothingOfARunningContainerWhenItWasKilled) {
  std::vector<std::string> directories;
  {
    PrivateDockerd daemon;
    directories = {daemon.directory(), daemon.containerd().directory()};
    EXPECT_EQ(daemon.leftovers(), std::vector<std::string>());
    write_busybox_image(daemon.directory() + "/image.tar", "test/busybox:1");
    daemon.docker({"load", "-i", daemon.directory() + "/image.tar"});
    daemon.docker({"run", "-d", "--network=none", "-v", "/kept", "test/busybox:1", "sleep", "999"});
    EXPECT_EQ(daemon.container_processes().size(), 1U);
    daemon.kill9();
    EXPECT_EQ(daemon.container_processes().size(), 1U);
    EXPECT_GE(daemon.leftovers().size(), 5U);  // container, layer, volume, shim, mounts, cgroups
  }
  for (const auto& directory : directories) {
    EXPECT_EQ(traces_of(directory), std::vector<std::string>());
  }
}

TEST(PrivateDockerd, SeesNothingLeftOfAContainerThatWasRemoved) {
  PrivateDockerd daemon;
  write_busybox_image(daemon.directory() + "/image.tar", "test/busybox:1");
  daemon.docker({"load", "-i", daemon.directory() + "/image.tar"});
  daemon.docker({"run", "--rm", "--network=none", "-v", "/kept", "test/busybox:1", "true"});
  EXPECT_EQ(daemon.leftovers(), std::vector<std::string>());
}

TEST(PrivatePodman, LeavesNothingOfARunningContainerWhenItWasKilled) {
  std::string directory;
  {
    PrivatePodman daemon;
    directory = daemon.directory();
    EXPECT_EQ(daemon.leftovers(), std::vector<std::string>());
    write_busybox_image(daemon.directory() + "/image.tar", "test/busybox:1");
    daemon.podman({"load", "-i", daemon.directory() + "/image.tar"});
    daemon.podman({"run", "-d", "--network=none", "--cgroup-parent", daemon.cgroup_parent(), "-v",
                   "/kept", "test/busybox:1", "sleep", "999"});
    EXPECT_EQ(daemon.container_processes().size(), 1U);
    daemon.kill9();
    EXPECT_EQ(daemon.container_processes().size(), 1U);
    EXPECT_GE(daemon.leftovers().size(), 5U);  // container, volume, conmon, mounts, cgroups, state
  }
  EXPECT_EQ(traces_of(directory), std::vector<std::string>());
}

TEST(PrivatePodman, SeesNothingLeftOfAContainerThatWasRemoved) {
  PrivatePodman daemon;
  write_busybox_image(daemon.directory() + "/image.tar", "test/busybox:1");
  daemon.podman({"load", "-i", daemon.directory() + "/image.tar"});
  daemon.podman({"run", "--rm", "--network=none", "--cgroup-parent", daemon.cgroup_parent(), "-v",
                 "/kept", "test/busybox:1", "true"});
  EXPECT_EQ(daemon.leftovers(), std::vector<std::string>());
}

}  // namespace
}  // namespace mayfly::support
