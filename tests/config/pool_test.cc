#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

using namespace std::chrono_literals;

TEST(Pool, NeedsANameAndAnImageOnly) {
  const auto pool = parse_pool_toml(kMinimal, "p.toml");
  ASSERT_TRUE(pool) << text_of(pool.error());
  Pool wanted;
  wanted.name = "encode";
  wanted.worker.image = "encode:1";
  EXPECT_EQ(*pool, wanted);
}

TEST(Pool, ReadsEveryKey) {
  const auto pool = parse_pool_toml(R"(
name = "encode"
image = "registry.example:5000/encode@sha256:00ff"
pull = "always"
command = ["/worker", "--once"]
replicas = 8
renew = "container"
standby = 3
spare_max_age = "2h"
hold = "app"
network = "host"
env = {QUEUE = "q1", EMPTY = ""}
mounts = [{source = "/srv/in", target = "/in", read_only = true}, {source = "/", target = "/host"}]
user = "1000:1000"
working_directory = "/work"
resources = {cpu = 1.5, memory = "2GiB", pids = 64}
lifetime = {stop_grace = "5s"}
backoff = {initial = "1s", factor = 3, max = "1m", reset_after = "20s"}
logs = {worker = "1MiB", pool = "8MiB"}
[security]
seccomp = false
no_new_privileges = false
read_only_rootfs = true
capabilities = ["CAP_CHOWN"]
)",
                                    "p.toml");
  ASSERT_TRUE(pool) << text_of(pool.error());
  const Pool wanted{.name = "encode",
                    .worker = {.image = "registry.example:5000/encode@sha256:00ff",
                               .command = {"/worker", "--once"},
                               .env = {{"EMPTY", ""}, {"QUEUE", "q1"}},
                               .user = "1000:1000",
                               .working_directory = "/work",
                               .mounts = {{"/srv/in", "/in", true}, {"/", "/host", false}},
                               .resources = {.cpu = 1.5, .memory_bytes = 2'147'483'648, .pids = 64},
                               .network = "host",
                               .security = {false, false, true, {"CAP_CHOWN"}},
                               .hold = Hold::kApp},
                    .pull = Pull::kAlways,
                    .replicas = 8,
                    .standby = 3,
                    .spare_max_age = 2h,
                    .lifetime = {5s},
                    .backoff = {1s, 3, 1min, 20s},
                    .logs = {1 << 20, 8 << 20}};
  EXPECT_EQ(*pool, wanted);
}

TEST(Pool, SaysWhatIsMissing) {
  EXPECT_EQ(faults_of(""), "p.toml:1:1: name: is missing\np.toml:1:1: image: is missing\n");
}

struct Case {
  const char* added;
  const char* fault;
};

TEST(Pool, RefusesValuesAtTheirPlace) {
  for (const auto& [added, fault] : std::vector<Case>{
           {"replicas = 1001", "p.toml:3:12: replicas: must be a whole number from 0 to 1000"},
           {"replicas = -1", "p.toml:3:12: replicas: must be a whole number from 0 to 1000"},
           {"replicas = 4294967297", "must be a whole number from 0 to 1000, not 4294967297"},
           {"replicas = \"8\"", "must be a whole number from 0 to 1000, not a string"},
           {"replicas = 1.0", "not a number with a fraction"},
           {"replicas = 1979-05-27", "not a date"},
           {"standby = 65", "p.toml:3:11: standby: must be \"auto\" or a whole number"},
           {"standby = -1", "standby: must be \"auto\" or a whole number"},
           {"standby = \"all\"", "standby: must be \"auto\" or a whole number"},
           {"spare_max_age = \"1ms\"", "must be from 1s to 720h, not \"1ms\""},
           {"spare_max_age = 3600", "as in \"1h30m\", not a whole number"},
           {"spare_max_age = \"1.5h\"", "as in \"1h30m\", not \"1.5h\""},
           {"hold = \"door\"", "hold: must be \"exec\", \"gate\" or \"app\", not \"door\""},
           {"hold = true", "hold: must be \"exec\", \"gate\" or \"app\", not a boolean"},
           {"network = \"container:a\"", "network: must be \"none\", \"host\" or the name of a"},
           {"network = \"\"", "network: must be \"none\", \"host\" or the name of a"},
           {"pull = \"often\"",
            "pull: must be \"missing\", \"always\" or \"never\", not \"often\""},
           {"command = \"/worker --once\"", "command: must be an array of strings"},
           {"command = [\"/worker\", 1]", "p.toml:3:23: command[1]: must be a string"},
           {"command = [\"\"]", "command: must not begin with an empty string"},
           {"command = [\"a\\u0000b\"]", "command[0]: must not hold a NUL character"},
           {"user = \"a b\"", "user: must be \"name\", \"uid\""},
           {"user = \"-1\"", "user: must be \"name\", \"uid\""},
           {"user = \"1:\"", "user: must be \"name\", \"uid\""},
           {"user = \"2147483648\"", "user: must be \"name\", \"uid\""},
           {"user = 1000", "user: must be a string, not a whole number; write it in quotes"},
           {"working_directory = \"work\"", "must be an absolute path, not \"work\""},
           {"env = {A = 1}", "p.toml:3:12: env.A: must be a string, not a whole number; write it"},
           {"env = {1A = \"\"}", "env.1A: its name must be letters, digits"},
           {"env = {\"A=B\" = \"\"}", "its name must be letters, digits"},
           {"env = {\"\" = \"\"}", "its name must be letters, digits"},
           {"env = {MAYFLY_GATE = \"x\"}", "its name must not begin with MAYFLY_"},
           {"env = {A = \"\\u0000\"}", "env.A: must not hold a NUL character"},
           {"env = [\"A=B\"]", "env: must be a table of strings"},
           {"resources = {cpu = 0}", "p.toml:3:20: resources.cpu: must be a number from 0.01 to"},
           {"resources = {cpu = nan}", "resources.cpu: must be a number from 0.01 to 1024"},
           {"resources = {cpu = inf}", "resources.cpu: must be a number from 0.01 to 1024"},
           {"resources = {cpu = \"2\"}", "resources.cpu: must be a number from 0.01 to 1024"},
           {"resources = {memory = \"1MiB\"}", "must be from 4MiB to 1024TiB, not \"1MiB\""},
           {"resources = {memory = \"2Gi\"}", "as in \"512MiB\", not \"2Gi\""},
           {"resources = {memory = 1024}", "as in \"512MiB\", not a whole number"},
           {"resources = {pids = 0}", "resources.pids: must be a whole number from 1 to 4194304"},
           {"resources = 1", "resources: must be a table, not a whole number"},
           {"security = {seccomp = \"no\"}", "security.seccomp: must be true or false, not a"},
           {"security = {capabilities = [\"NET_ADMIN\"]}", "capabilities[0]: \"NET_ADMIN\" is not"},
           {"security = {capabilities = [\"CAP_BPF\", \"CAP_BPF\"]}", "names one twice"},
           {"lifetime = {stop_grace = \"25h\"}", "must be from 0s to 24h, not \"25h\""},
           {"backoff = {initial = \"0s\"}", "backoff.initial: must be from 1ms to 1h"},
           {"backoff = {factor = 0.5}", "backoff.factor: must be a number from 1 to 100"},
           {"backoff = {initial = \"2s\", max = \"1s\"}", "p.toml:3:34: backoff.max: must not be"},
           {"logs = {worker = \"1KiB\"}", "logs.worker: must be from 4KiB to 1GiB"},
           {"logs = {worker = \"32MiB\"}", "logs.pool: must not be less than worker"},
       }) {
    EXPECT_TRUE(holds(faults_with(added), fault)) << added << "\n" << faults_with(added);
  }
}

TEST(Pool, RefusesBadMounts) {
  for (const auto& [mount, fault] : std::vector<Case>{
           {"{target = \"/in\"}", "mounts[0].source: is missing"},
           {"{source = \"/in\"}", "mounts[0].target: is missing"},
           {"{source = \"in\", target = \"/in\"}", "mounts[0].source: must be an absolute path"},
           {"{source = \"/a/../b\", target = \"/in\"}", "must be a path without"},
           {"{source = \"/a/\", target = \"/in\"}", "must be a path without"},
           {"{source = \"/a\", target = \"/in/./b\"}", "must be a path without"},
           {"{source = \"/a\", target = \"//in\"}", "must be a path without"},
           {"{source = \"/a\", target = \"/in/..\"}", "must be a path without"},
           {"{source = \"/a\", target = \"/\"}", "mounts[0].target: must not be \"/\""},
           {"{source = \"/a\", target = \"/.mayfly\"}", "must not be in /.mayfly"},
           {"{source = \"/a\", target = \"/.mayfly/gate\"}", "must not be in /.mayfly"},
           {"{source = \"/a\", target = \"/proc/sys\"}", "must not be in /proc"},
           {"{source = \"/a\", target = \"/in\", ro = true}", "mounts[0].ro: is not a known key"},
           {"{source = \"/a\", target = \"/b\"}, {source = \"/c\", target = \"/b\"}",
            "mounts[1].target: is the target of another mount too"},
           {"1", "mounts[0]: must be a table, not a whole number"},
       }) {
    const std::string faults = faults_with("mounts = [" + std::string{mount} + "]");
    EXPECT_TRUE(holds(faults, fault)) << mount << "\n" << faults;
  }
}

TEST(Pool, TakesMountsThatOnlyLookForbidden) {
  EXPECT_EQ(faults_with("mounts = [{source = \"/\", target = \"/.mayflyer\"}, "
                        "{source = \"/a..b/...\", target = \"/process\"}]"),
            "");
}

TEST(Pool, RefusesBadNames) {
  for (const char* name : {"", "-a", "a-", "A", "a_b", "a.b", "a b", "é", "a/b", "..",
                           "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde"}) {
    const std::string text = "image = \"i\"\nname = \"" + std::string{name} + "\"\n";
    EXPECT_TRUE(holds(faults_of(text), "p.toml:2:8: name: must be 1 to 40")) << name;
  }
  for (const char* name : {"a", "0", "a-b", "a--b", "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"}) {
    EXPECT_EQ(faults_of("image = \"i\"\nname = \"" + std::string{name} + "\"\n"), "") << name;
  }
}

TEST(Pool, RefusesBadImages) {
  for (const char* image : {"", " a", "a b", "-a", "a\\tb", "a;b", "$(a)"}) {
    const std::string text = "name = \"a\"\nimage = \"" + std::string{image} + "\"\n";
    EXPECT_TRUE(holds(faults_of(text), "p.toml:2:9: image: must")) << image;
  }
}

TEST(Pool, BoundsWhatAWorkerIsGiven) {
  const std::string much(40'000, 'x');
  EXPECT_EQ(faults_with("command = [\"" + much + "\"]"), "");
  EXPECT_TRUE(holds(faults_with("command = [\"" + much + "\", \"" + much + "\"]"),
                    "command: is larger than 64KiB in all"));
  EXPECT_TRUE(holds(faults_with("env = {A = \"" + much + "\", B = \"" + much + "\"}"),
                    "env: is larger than 64KiB in all"));
  std::string mounts;
  for (int i = 0; i < 65; ++i) {
    mounts += "{source = \"/a\", target = \"/b" + std::to_string(i) + "\"}, ";
  }
  EXPECT_TRUE(holds(faults_with("mounts = [" + mounts + "]"), "mounts: has more than 64 entries"));
}

TEST(Pool, RefusesUnknownKeysAndSaysWhatWasMeant) {
  for (const auto& [added, fault] : std::vector<Case>{
           {"replica = 3", "p.toml:3:1: replica: is not a known key; did you mean \"replicas\"?"},
           {"comand = []", "comand: is not a known key; did you mean \"command\"?"},
           {"memory = \"1GiB\"", "memory: is not a known key; did you mean \"resources.memory\"?"},
           {"resources = {mem = 1}", "p.toml:3:14: resources.mem: is not a known key"},
           {"[resources]\nreplicas = 3",
            "resources.replicas: is not a known key; did you mean "
            "\"replicas\"?"},
           {"zzz = 1", "zzz: is not a known key\n"},
           {"\"a\\nb\" = 1", "a\\x0ab: is not a known key\n"},
       }) {
    EXPECT_TRUE(holds(faults_with(added), fault)) << added << "\n" << faults_with(added);
  }
}

TEST(Pool, SaysWhatThisVersionDoesNotDo) {
  for (const auto& [added, fault] : std::vector<Case>{
           {"renew = \"nest\"", "renew: \"nest\" is not yet available in this version"},
           {"replicas = {total = 40}", "replicas: a total over the fleet needs a coordinator"},
           {"exit = {min_run = \"1s\"}", "exit: is not supported by this version"},
           {"rollout = {canary = 1}", "rollout: is not supported by this version"},
           {"elastic = {min = 1}", "elastic: is not supported by this version"},
           {"completions = 1", "completions: is not supported by this version"},
           {"queue = \"q\"", "queue: is not supported by this version"},
           {"lifetime = {max = \"6h\"}", "lifetime.max: is not supported by this version"},
           {"lifetime = {hard = \"7h\"}", "lifetime.hard: is not supported by this version"},
       }) {
    const std::string faults = faults_with(added);
    EXPECT_TRUE(holds(faults, fault)) << added << "\n" << faults;
    EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n'), 1) << faults;
  }
}

TEST(Pool, GivesAllFaultsAtOnceInTheOrderOfTheirPlaces) {
  EXPECT_EQ(faults_of("zebra = 1\nname = \"A\"\nreplicas = -1\n[resources]\npids = 0\n"),
            "p.toml:1:1: image: is missing\n"
            "p.toml:1:1: zebra: is not a known key\n"
            "p.toml:2:8: name: must be 1 to 40 lower-case letters, digits and inner dashes, not "
            "\"A\"\n"
            "p.toml:3:12: replicas: must be a whole number from 0 to 1000, not -1\n"
            "p.toml:5:8: resources.pids: must be a whole number from 1 to 4194304, not 0\n");
}

TEST(Pool, CountsFaultsBeyondAHundred) {
  std::string text = kMinimal;
  for (int i = 0; i < 150; ++i) text += "unknown-" + std::to_string(i) + " = 1\n";
  const auto pool = parse_pool_toml(text, "p.toml");
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().size(), 101U);
  EXPECT_EQ(to_string(pool.error().back()), "p.toml: and 50 more faults");
}

}  // namespace
}  // namespace mayfly::config
