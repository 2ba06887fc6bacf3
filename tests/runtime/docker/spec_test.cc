#include "runtime/docker/spec.h"

#include <gtest/gtest.h>

#include "runtime/docker/json.h"

namespace mayfly::docker {
namespace {

runtime::ContainerSpec asked() {
  runtime::ContainerSpec spec;
  spec.name = "mayfly-test-one";
  spec.entrypoint = {"/.mayfly/gate", "--"};
  spec.command = {"/worker", "--once"};
  return spec;
}

LocalImage image() {
  LocalImage image;
  image.id = "sha256:" + std::string(64, 'a');
  image.config.entrypoint = {"/entry"};
  image.config.cmd = {"its", "cmd"};
  return image;
}

Json written(const runtime::ContainerSpec& spec, const LocalImage& of = image(),
             const Place& place = {"/mayfly", "the profile"}) {
  const auto text = write_spec(spec, of, place);
  EXPECT_TRUE(text) << text.error();
  return parse(text.value_or(""));
}

TEST(DockerSpec, IsSecureByDefault) {
  const auto body = written(asked());
  const auto& host = body["HostConfig"];
  EXPECT_EQ(host["CapDrop"], Json({"ALL"}));
  EXPECT_EQ(host["CapAdd"], Json::array());
  EXPECT_EQ(host["SecurityOpt"], Json({"no-new-privileges", "seccomp=the profile"}));
  EXPECT_EQ(host["NetworkMode"], "none");
  EXPECT_EQ(host["IpcMode"], "private");
  EXPECT_EQ(host["PidsLimit"], 256);
  EXPECT_EQ(host["OomScoreAdj"], 0);
  EXPECT_EQ(host["CgroupParent"], "/mayfly");
  EXPECT_FALSE(host.contains("Privileged"));
  EXPECT_FALSE(host.contains("PidMode"));
  EXPECT_FALSE(host.contains("Binds"));
}

TEST(DockerSpec, LeavesTheContainerToNobodyElse) {
  const auto host = written(asked())["HostConfig"];
  EXPECT_EQ(host["AutoRemove"], false);
  EXPECT_EQ(host["RestartPolicy"]["Name"], "no");
  EXPECT_EQ(host["LogConfig"]["Type"], "none");
  EXPECT_EQ(host["Init"], false);
}

TEST(DockerSpec, StartsTheGateWithTheCommandOfThePool) {
  const auto body = written(asked());
  EXPECT_EQ(body["Entrypoint"], Json({"/.mayfly/gate", "--", "/worker", "--once"}));
  EXPECT_EQ(body["Cmd"], Json::array());
}

TEST(DockerSpec, StartsTheGateWithTheImagesOwnCommand) {
  auto spec = asked();
  spec.command.clear();
  EXPECT_EQ(written(spec)["Entrypoint"], Json({"/.mayfly/gate", "--", "/entry", "its", "cmd"}));
}

TEST(DockerSpec, LoosensWhatIsNamed) {
  auto spec = asked();
  spec.security = {false, false, true, {"CAP_CHOWN"}};
  const auto host = written(spec)["HostConfig"];
  EXPECT_EQ(host["SecurityOpt"], Json({"seccomp=unconfined"}));
  EXPECT_EQ(host["CapAdd"], Json({"CAP_CHOWN"}));
  EXPECT_EQ(host["CapDrop"], Json({"ALL"}));
  EXPECT_EQ(host["ReadonlyRootfs"], true);
}

TEST(DockerSpec, LimitsResourcesAsContainerdDoes) {
  auto spec = asked();
  spec.resources = {0.25, 64 << 20, 16};
  const auto host = written(spec)["HostConfig"];
  EXPECT_EQ(host["CpuQuota"], 25'000);
  EXPECT_EQ(host["CpuPeriod"], 100'000);
  EXPECT_EQ(host["Memory"], 64 << 20);
  EXPECT_EQ(host["MemorySwap"], 64 << 20);
  EXPECT_EQ(host["PidsLimit"], 16);
  spec.resources.cpu = 0.001;
  EXPECT_EQ(written(spec)["HostConfig"]["CpuQuota"], 1'000);
}

TEST(DockerSpec, MountsWithoutMakingSources) {
  auto spec = asked();
  spec.mounts = {{"/srv/in", "/in", true}, {"/srv/out", "/out", false}};
  const auto mounts = written(spec)["HostConfig"]["Mounts"];
  EXPECT_EQ(mounts[0],
            (Json{{"Type", "bind"}, {"Source", "/srv/in"}, {"Target", "/in"}, {"ReadOnly", true}}));
  EXPECT_EQ(mounts[1]["ReadOnly"], false);
}

TEST(DockerSpec, NamesItsNetwork) {
  auto spec = asked();
  spec.network = {runtime::Network::Kind::kHost, {}};
  EXPECT_EQ(written(spec)["HostConfig"]["NetworkMode"], "host");
  spec.network = {runtime::Network::Kind::kNamed, "front"};
  EXPECT_EQ(written(spec)["HostConfig"]["NetworkMode"], "front");
}

TEST(DockerSpec, SaysWhoAndWhereOnlyWhenAsked) {
  auto spec = asked();
  EXPECT_FALSE(written(spec).contains("User"));
  EXPECT_FALSE(written(spec).contains("WorkingDir"));
  spec.user = "4321:1234";
  spec.working_directory = "/tmp";
  spec.env = {{"A", "b=c"}};
  const auto body = written(spec);
  EXPECT_EQ(body["User"], "4321:1234");
  EXPECT_EQ(body["WorkingDir"], "/tmp");
  EXPECT_EQ(body["Env"], Json({"A=b=c"}));
}

TEST(DockerSpec, SilencesAHealthCheckThatTheImageHas) {
  EXPECT_FALSE(written(asked()).contains("Healthcheck"));
  auto checked = image();
  checked.has_health_check = true;
  EXPECT_EQ(written(asked(), checked)["Healthcheck"]["Test"], Json({"NONE"}));
}

TEST(DockerSpec, RefusesWhatCannotBe) {
  const auto refused = [](auto change, LocalImage of) {
    auto spec = asked();
    change(spec);
    return !write_spec(spec, of, {"/mayfly", "the profile"});
  };
  EXPECT_TRUE(refused([](auto& spec) { spec.command.clear(); }, LocalImage{}));
  EXPECT_TRUE(refused([](auto& spec) { spec.working_directory = "tmp"; }, image()));
  EXPECT_TRUE(refused([](auto& spec) { spec.mounts = {{"in", "/in", true}}; }, image()));
  EXPECT_TRUE(refused([](auto& spec) { spec.resources.cpu = -1; }, image()));
  EXPECT_TRUE(refused([](auto& spec) { spec.env = {{"A", "\xff"}}; }, image()));
  for (const auto* name : {"", "container:x", "ns:/proc/1/ns/net"}) {
    const auto named = [&](auto& spec) { spec.network = {runtime::Network::Kind::kNamed, name}; };
    EXPECT_TRUE(refused(named, image())) << name;
  }
}

}  // namespace
}  // namespace mayfly::docker
