#include "agent/runtimes.h"

#include <gtest/gtest.h>

namespace mayfly::agent {
namespace {

TEST(RegistryOptions, AreWhatTheConfigurationSays) {
  config::Daemon daemon;
  daemon.images.docker_config = "/etc/docker.json";
  daemon.images.layers_parallel = 7;
  daemon.registries["r:5000"] = {true, "/ca.pem", "robot", "/password"};
  const registry::Options options = registry_options(daemon);
  EXPECT_EQ(options.docker_config, "/etc/docker.json");
  EXPECT_EQ(options.layers_parallel, 7U);
  const registry::Registry wanted{true, "/ca.pem", "robot", "/password"};
  ASSERT_EQ(options.registries.size(), 1U);
  EXPECT_EQ(options.registries.at("r:5000"), wanted);
}

}  // namespace
}  // namespace mayfly::agent
