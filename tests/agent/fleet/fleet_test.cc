#include "agent/fleet/fleet.h"

#include <gtest/gtest.h>

namespace mayfly::fleet {
namespace {

std::string document(const std::string& name, const std::string& more = "") {
  return R"({"name":")" + name + R"(","image":"i")" + more + "}";
}

std::vector<std::string> known(const config::Daemon& config, const Documents& rows) {
  std::vector<std::string> lines;
  for (const agent::Desired::FromFleet& each : known_pools(config, rows)) {
    lines.push_back(each.pool.name + " " + each.source + (each.paused ? " paused" : ""));
  }
  return lines;
}

TEST(KnownFleet, IsWhatWasLastForThisNode) {
  config::Daemon config;
  config.node.labels = {{"zone", "east"}, {"gpu", "no"}};
  config.coordinator.endpoints = {"http://127.0.0.1:1"};
  config.coordinator.cluster = "c";
  const Documents rows{
      {"", R"({"cluster":"c","id":7})", 0, 0},
      {"any", document("any", R"(,"paused":true)"), 0, 1},
      {"bad", "not JSON", 0, 1},
      {"dead", R"({"deleted":true})", 0, 1},
      {"east", document("east", R"(,"selector":{"zone":"east"})"), 0, 1},
      {"gpu", document("gpu", R"(,"selector":{"zone":"east","gpu":"yes"})"), 0, 1},
      {"mars", document("mars", R"(,"selector":{"planet":"mars"})"), 0, 1},
  };
  EXPECT_EQ(known(config, rows), (std::vector<std::string>{"any etcd:/mayfly/c/pools/any paused",
                                                           "east etcd:/mayfly/c/pools/east"}));
  config.coordinator = {};
  EXPECT_EQ(known(config, rows), (std::vector<std::string>{"any  paused", "east "}));
}

}  // namespace
}  // namespace mayfly::fleet
