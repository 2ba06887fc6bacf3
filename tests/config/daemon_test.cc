#include <gtest/gtest.h>

#include <vector>

#include "config/decode.h"
#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

using namespace std::chrono_literals;

tl::expected<Daemon, Faults> parse(const std::string& text) {
  Report report{"m.toml", Report::Style::kDotted};
  Daemon daemon;
  if (const auto tree = parse_toml(text)) {
    decode_daemon(*tree, daemon, report);
  } else {
    report.add(tree.error());
  }
  Faults faults = report.take();
  if (faults.empty()) return daemon;
  return tl::unexpected(faults);
}

constexpr const char* kEveryKey = R"(
[node]
name = "host-1.example"
labels = {zone = "a"}
shutdown_drain = "45s"
[runtime]
kind = "containerd"
socket = "/run/c.sock"
namespace = "test"
snapshotter = "native"
cgroup_parent = "/system.slice/mayfly"
cpu_weight = 200
unit = "k3s.service"
gate = "/opt/mayfly-gate"
[control]
socket = "/tmp/mayfly.sock"
group = "ops"
read_socket = "/tmp/read.sock"
read_group = "watchers"
[starts]
parallel = 4
rate = 20
burst = 5
[loop]
realtime = false
[history]
exits = 500
age = "2d"
[images]
docker_config = "/etc/mayfly/docker.json"
layers_parallel = 5
keep = "12h"
disk_free_min = "20%"
[registries."registry.example:5000"]
plain_http = true
ca_file = "/etc/ca.pem"
username = "robot"
password_file = "/etc/mayfly/password"
[coordinator]
endpoints = ["https://etcd-1.example:2379", "http://10.0.0.2:2379"]
cluster = "east"
ca_file = "/etc/mayfly/ca.pem"
cert_file = "/etc/mayfly/node.pem"
key_file = "/etc/mayfly/node.key"
user = "node"
password_file = "/etc/mayfly/etcd.password"
on_loss = "keep"
claim_ttl = "90s"
shrink_max = "20%"
[webhook]
url = "https://hooks.example:8443/mayfly?token=1"
secret_file = "/etc/mayfly/webhook.key"
ca_file = "/etc/mayfly/hooks.pem"
plain_http = true
events = ["pool.degraded", "runtime.lost"]
[log]
level = "warning"
)";

TEST(Daemon, ReadsEveryKey) {
  const auto daemon = parse(kEveryKey);
  ASSERT_TRUE(daemon) << text_of(daemon.error());
  const Daemon wanted{.node = {"host-1.example", {{"zone", "a"}}, 45s},
                      .runtime = {"containerd", "/run/c.sock", "test", "native",
                                  "/system.slice/mayfly", 200, "k3s.service", "/opt/mayfly-gate"},
                      .control = {"/tmp/mayfly.sock", "ops", "/tmp/read.sock", "watchers"},
                      .starts = {4, 20, 5},
                      .loop = {false},
                      .history = {500, 48h},
                      .images = {"/etc/mayfly/docker.json", 5, 12h, 20},
                      .registries = {{"registry.example:5000",
                                      {true, "/etc/ca.pem", "robot", "/etc/mayfly/password"}}},
                      .coordinator = {{"https://etcd-1.example:2379", "http://10.0.0.2:2379"},
                                      "east",
                                      "/etc/mayfly/ca.pem",
                                      "/etc/mayfly/node.pem",
                                      "/etc/mayfly/node.key",
                                      "node",
                                      "/etc/mayfly/etcd.password",
                                      "keep",
                                      90s,
                                      20},
                      .webhook = {"https://hooks.example:8443/mayfly?token=1",
                                  "/etc/mayfly/webhook.key",
                                  "/etc/mayfly/hooks.pem",
                                  true,
                                  {"pool.degraded", "runtime.lost"}},
                      .log = {"warning"}};
  EXPECT_EQ(*daemon, wanted);
}

TEST(Daemon, KnowsTheSocketOfEachKind) {
  const auto socket = [](const std::string& text) {
    const auto daemon = parse("[runtime]\n" + text);
    return daemon ? socket_of(daemon->runtime) : text_of(daemon.error());
  };
  EXPECT_EQ(socket(""), "/run/containerd/containerd.sock");
  EXPECT_EQ(socket("kind = \"docker\""), "/var/run/docker.sock");
  EXPECT_EQ(socket("kind = \"podman\""), "/run/podman/podman.sock");
  EXPECT_EQ(socket("kind = \"podman\"\nsocket = \"/run/p.sock\""), "/run/p.sock");
}

TEST(Daemon, KnowsTheUnitOfEachKindUnlessItsSocketIsAnother) {
  const auto unit = [](const std::string& text) {
    const auto daemon = parse("[runtime]\n" + text);
    return daemon ? unit_of(daemon->runtime) : text_of(daemon.error());
  };
  EXPECT_EQ(unit(""), "containerd.service");
  EXPECT_EQ(unit("kind = \"docker\""), "docker.service");
  EXPECT_EQ(unit("kind = \"podman\""), "podman.socket");
  EXPECT_EQ(unit("socket = \"/run/containerd/containerd.sock\""), "containerd.service");
  EXPECT_EQ(unit("socket = \"/run/c.sock\""), "");
  EXPECT_EQ(unit("socket = \"/run/c.sock\"\nunit = \"c@1.service\""), "c@1.service");
  EXPECT_EQ(unit("unit = \"none\""), "");
}

struct Case {
  const char* text;
  const char* fault;
};

TEST(Daemon, RefusesValuesAtTheirPlace) {
  for (const auto& [text, fault] : std::vector<Case>{
           {"[node]\nname = \"a b\"", "m.toml:2:8: node.name: must be letters"},
           {"[node]\nshutdown_drain = \"25h\"", "node.shutdown_drain: must be"},
           {"[node]\nshutdown_drain = 60", "node.shutdown_drain: must be"},
           {"[runtime]\nunit = \"containerd\"", "runtime.unit: must be a unit of systemd"},
           {"[runtime]\nunit = \".service\"", "runtime.unit: must be a unit of systemd"},
           {"[runtime]\nunit = \"a b.service\"", "runtime.unit: must be a unit of systemd"},
           {"[node]\nlabels = {a = 1}", "m.toml:2:15: node.labels.a: must be a string"},
           {"[node]\nlabels = {\"a b\" = \"c\"}", "its name must be 1 to 63 letters"},
           {"[runtime]\nkind = \"lxc\"",
            "must be \"containerd\", \"docker\" or \"podman\", not \"lxc\""},
           {"[runtime]\nkind = \"docker\"\nnamespace = \"a\"",
            "m.toml:3:13: runtime.namespace: is a key of containerd alone; runtime.kind is"},
           {"[runtime]\nkind = \"podman\"\nsnapshotter = \"overlayfs\"",
            "m.toml:3:15: runtime.snapshotter: is a key of containerd alone"},
           {"[runtime]\nsocket = \"run/c.sock\"", "runtime.socket: must be an absolute path"},
           {"[runtime]\nnamespace = \"a/b\"", "runtime.namespace: must be 1 to 76 letters"},
           {"[runtime]\nsnapshotter = \"\"", "runtime.snapshotter: must be 1 to 76 letters"},
           {"[runtime]\ncgroup_parent = \"/a/../b\"", "runtime.cgroup_parent: must be a path"},
           {"[runtime]\ncpu_weight = 0", "runtime.cpu_weight: must be"},
           {"[runtime]\ncpu_weight = 10001", "runtime.cpu_weight: must be"},
           {"[runtime]\ngate = \"gate\"", "runtime.gate: must be an absolute path"},
           {"[control]\ngroup = \"a:b\"", "control.group: must be the name or number of a group"},
           {"[control]\nread_socket = \"nowhere\"",
            "control.read_socket: must be an absolute path"},
           {"[control]\nread_group = \"a:b\"", "control.read_group: must be the name or number"},
           {"[control]\nsocket = \"/a\"\nread_socket = \"/a\"",
            "m.toml:3:15: control.read_socket: must be another path than control.socket"},
           {"[starts]\nparallel = 65", "starts.parallel: must be a whole number from 0 to 64"},
           {"[starts]\nrate = -1", "starts.rate: must be a number from 0 to 1000"},
           {"[starts]\nburst = 0", "starts.burst: must be a whole number from 1 to 10000"},
           {"[loop]\nrealtime = 1", "loop.realtime: must be true or false"},
           {"[history]\nexits = 1000001", "history.exits: must be a whole number"},
           {"[history]\nage = \"1s\"", "history.age: must be from 1m to 8760h"},
           {"[images]\ndocker_config = \"c.json\"", "images.docker_config: must be an absolute"},
           {"[images]\nlayers_parallel = 0", "images.layers_parallel: must be a whole number from"},
           {"[images]\nkeep = \"1s\"", "images.keep: must be from 1m to 8760h"},
           {"[images]\ndisk_free_min = 15", "must be a share from \"0%\" to \"90%\", not a whole"},
           {"[images]\ndisk_free_min = \"91%\"", "must be a share from \"0%\" to \"90%\""},
           {"[images]\ndisk_free_min = \"15\"",
            "must be a share from \"0%\" to \"90%\", not \"15\""},
           {"[registries]\n\"a/b\" = {}",
            "registries.a/b: its name must be \"host\" or \"host:port\""},
           {"[registries]\n\"a:0\" = {}", "its name must be \"host\" or \"host:port\""},
           {"[registries]\n\"a:65536\" = {}", "its name must be \"host\" or \"host:port\""},
           {"[registries]\na = 1", "registries.a: must be a table, not a whole number"},
           {"[registries.a]\nplain_http = 1", "registries.a.plain_http: must be true or false"},
           {"[registries.a]\nca_file = \"x\"", "registries.a.ca_file: must be an absolute path"},
           {"[registries.a]\nusername = \"x:y\"", "username: must be at most 255 characters"},
           {"[registries.a]\nusername = \"x\"",
            "m.toml:2:12: registries.a.username: needs password"},
           {"[registries.a]\npassword_file = \"/x\"", "password_file: needs username"},
           {"[registries.a]\npassword = \"x\"", "registries.a.password: is not a known key"},
           {"[log]\nlevel = \"trace\"", "must be \"debug\", \"info\", \"warning\" or \"error\""},
           {"[startz]\nrate = 1", "startz: is not a known key; did you mean \"starts\"?"},
           {"[starts]\nrates = 1", "starts.rates: is not a known key; did you mean \"rate\"?"},
           {"socket = \"/a\"", "socket: is not a known key; did you mean \"control.socket\"?"},
           {"log = \"info\"", "log: must be a table, not a string"},
       }) {
    const auto daemon = parse(text);
    ASSERT_FALSE(daemon) << text;
    EXPECT_TRUE(holds(text_of(daemon.error()), fault)) << text << "\n" << text_of(daemon.error());
  }
}

TEST(Daemon, TakesASocketThatTheKernelTakes) {
  const std::string long_path = "/" + std::string(107, 'x');
  EXPECT_TRUE(holds(text_of(parse("control.socket = \"" + long_path + "\"").error()),
                    "control.socket: is longer than the 107 bytes"));
  EXPECT_TRUE(parse("control.socket = \"" + long_path.substr(0, 107) + "\""));
  EXPECT_TRUE(parse("control.read_socket = \"none\""));
}

TEST(Daemon, RefusesACoordinatorAtItsPlace) {
  for (const auto& [text, fault] : std::vector<Case>{
           {"endpoints = \"a\"", "coordinator.endpoints: must be an array of"},
           {"endpoints = [\"a:2379\"]", "coordinator.endpoints[0]: must be \"https://host:port\""},
           {"endpoints = [\"https://a\"]", "with nothing after it, not"},
           {"endpoints = [\"https://a:0\"]", "must be \"https://host:port\""},
           {"endpoints = [\"https://u:p@a:1\"]", "must be \"https://host:port\""},
           {"endpoints = [\"https://a:1/\"]", "with nothing after it, not"},
           {"cluster = \"a/b\"", "coordinator.cluster: must be 1 to 40 lower"},
           {"ca_file = \"x\"", "coordinator.ca_file: must be an absolute path"},
           {"cert_file = \"/x\"", "coordinator.cert_file: needs key_file too"},
           {"key_file = \"/x\"", "coordinator.key_file: needs cert_file too"},
           {"user = \"x\"", "coordinator.user: needs password_file too"},
           {"password_file = \"/x\"", "coordinator.password_file: needs user too"},
           {"password = \"x\"", "coordinator.password: is not a known key"},
           {"claim_ttl = \"9s\"", "coordinator.claim_ttl: must be"},
           {"shrink_max = \"0%\"", "coordinator.shrink_max: must be"},
           {"on_loss = \"stop\"", "coordinator.on_loss: must be \"keep\", not"},
       }) {
    const auto daemon = parse("[coordinator]\n" + std::string{text});
    ASSERT_FALSE(daemon) << text;
    EXPECT_TRUE(holds(text_of(daemon.error()), fault)) << text << "\n" << text_of(daemon.error());
  }
}

TEST(Daemon, RefusesAWebhookAtItsPlace) {
  const std::string good = "\nsecret_file = \"/s\"";
  for (const auto& [text, fault] : std::vector<Case>{
           {"url = \"hooks.example\"", "webhook.url: must be \"https://host/path\""},
           {"url = \"ftp://a/\"", "webhook.url: must be"},
           {"url = \"https:///x\"", "webhook.url: must be"},
           {"url = \"https://u:p@a/x\"", "webhook.url: must be"},
           {"url = \"https://a:0/\"", "webhook.url: must be"},
           {"url = \"https://a/b c\"", "webhook.url: must be"},
           {"url = \"https://a/\\n\"", "webhook.url: must be"},
           {"url = \"https://a/#b\"", "webhook.url: must be"},
           {"url = \"http://a/\"", "webhook.url: has no TLS; that takes plain_http = true"},
           {"plain_http = 1", "webhook.plain_http: must be true or false"},
           {"ca_file = \"x\"", "webhook.ca_file: must be an absolute path"},
           {"events = [\"pool.eaten\"]", "webhook.events[0]: must be one of \"node.started\", "},
           {"secret = \"x\"", "webhook.secret: is not a known key"},
       }) {
    const auto daemon = parse("[webhook]\n" + std::string{text} + good);
    ASSERT_FALSE(daemon) << text;
    EXPECT_TRUE(holds(text_of(daemon.error()), fault)) << text << "\n" << text_of(daemon.error());
  }
  const auto unsigned_one = parse("[webhook]\nurl = \"https://a\"");
  ASSERT_FALSE(unsigned_one);
  EXPECT_TRUE(holds(text_of(unsigned_one.error()), "webhook.url: needs secret_file too"));
}

TEST(Daemon, TakesAWebhookWithAndWithoutTls) {
  for (const char* url :
       {"https://a", "https://a:8443", "https://a.b/c?d=e&f=%20", "https://a?x"}) {
    EXPECT_TRUE(parse("[webhook]\nsecret_file = \"/s\"\nurl = \"" + std::string{url} + "\""))
        << url;
  }
  EXPECT_TRUE(parse(
      "[webhook]\nsecret_file = \"/s\"\nplain_http = true\nurl = \"http://127.0.0.1:9000/\""));
}

}  // namespace
}  // namespace mayfly::config
