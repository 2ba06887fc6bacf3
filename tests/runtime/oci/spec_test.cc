#include "runtime/oci/spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mayfly::oci {
namespace {

using nlohmann::json;
using runtime::ContainerSpec;

ContainerSpec container() {
  ContainerSpec spec;
  spec.name = "mayfly-3fa9-encode-12-1";
  spec.entrypoint = {"/.mayfly/gate", "--"};
  spec.command = {"/worker", "--once"};
  return spec;
}

ImageConfig image() {
  ImageConfig image;
  image.env = {{"PATH", "/bin"}, {"LANG", "C"}};
  image.entrypoint = {"/image-entry"};
  image.cmd = {"image-cmd"};
  return image;
}

Host host() {
  Host host;
  host.cgroup_parent = "/mayfly";
  host.network_files = {"/etc/resolv.conf", "/etc/hosts"};
  return host;
}

Host host_v2() {
  auto v2 = host();
  v2.cgroup_v2 = true;
  return v2;
}

json written(const ContainerSpec& spec, const ImageConfig& from = image(),
             const Host& on = host()) {
  SeccompProfiles profiles;
  const auto text = write_spec(spec, from, {}, {on, profiles});
  EXPECT_TRUE(text) << text.error();
  return text ? json::parse(*text) : json();
}

bool refused(const ContainerSpec& spec, const ImageConfig& from = image()) {
  SeccompProfiles profiles;
  return !write_spec(spec, from, {}, {host(), profiles});
}

const json* find_mount(const json& spec, const std::string& target) {
  for (const auto& mount : spec["mounts"]) {
    if (mount["destination"] == target) return &mount;
  }
  return nullptr;
}

bool has_option(const json& mount, const char* option) {
  const auto& options = mount["options"];
  return std::ranges::find(options, option) != options.end();
}

std::vector<std::string> namespaces(const json& spec) {
  std::vector<std::string> types;
  for (const auto& one : spec["linux"]["namespaces"]) types.push_back(one["type"]);
  std::ranges::sort(types);
  return types;
}

using Words = std::vector<std::string>;

TEST(Spec, StartsTheEntrypointWithThePoolsCommand) {
  EXPECT_EQ(written(container())["process"]["args"],
            (Words{"/.mayfly/gate", "--", "/worker", "--once"}));
}

TEST(Spec, FallsBackToTheImagesCommand) {
  auto spec = container();
  spec.command.clear();
  EXPECT_EQ(written(spec)["process"]["args"],
            (Words{"/.mayfly/gate", "--", "/image-entry", "image-cmd"}));
}

TEST(Spec, RefusesAContainerWithoutACommand) {
  auto spec = container();
  spec.command.clear();
  EXPECT_TRUE(refused(spec, {}));
  EXPECT_FALSE(refused(container(), {}));
}

TEST(Spec, LaysThePoolsEnvironmentOverTheImages) {
  auto spec = container();
  spec.env = {{"LANG", "de"}, {"X", "1"}, {"X", "2"}};
  EXPECT_EQ(written(spec)["process"]["env"], (Words{"PATH=/bin", "LANG=de", "X=2", "HOME=/root"}));
}

TEST(Spec, GivesPathAndHomeToAnImageWithoutThem) {
  const auto env = written(container(), {})["process"]["env"];
  EXPECT_EQ(env.size(), 2U);
  EXPECT_TRUE(env[0].get<std::string>().starts_with("PATH=/usr/local/sbin:"));
}

TEST(Spec, TakesUserAndDirectoryOfThePoolBeforeTheImages) {
  auto from = image();
  from.user = "1:2";
  from.working_directory = "/image";
  auto process = written(container(), from)["process"];
  EXPECT_EQ(process["user"]["uid"], 1);
  EXPECT_EQ(process["user"]["gid"], 2);
  EXPECT_EQ(process["cwd"], "/image");
  auto spec = container();
  spec.user = "3";
  spec.working_directory = "/pool";
  process = written(spec, from)["process"];
  EXPECT_EQ(process["user"]["uid"], 3);
  EXPECT_EQ(process["user"]["gid"], 0);
  EXPECT_EQ(process["cwd"], "/pool");
  EXPECT_EQ(written(container(), {})["process"]["cwd"], "/");
}

TEST(Spec, ConfinesByDefault) {
  const auto spec = written(container());
  EXPECT_EQ(spec["process"]["noNewPrivileges"], true);
  EXPECT_EQ(spec["process"]["oomScoreAdj"], 0);
  for (const auto* set : {"bounding", "effective", "permitted"}) {
    EXPECT_TRUE(spec["process"]["capabilities"][set].empty()) << set;
  }
  EXPECT_FALSE(spec["process"]["capabilities"].contains("inheritable"));
  EXPECT_FALSE(spec["process"]["capabilities"].contains("ambient"));
  EXPECT_EQ(namespaces(spec), (Words{"ipc", "mount", "network", "pid", "uts"}));
  EXPECT_EQ(spec["linux"]["resources"]["devices"],
            json::parse(R"([{"allow":false,"access":"rwm"}])"));
  EXPECT_EQ(spec["linux"]["resources"]["pids"]["limit"], 256);
  EXPECT_TRUE(spec["linux"].contains("seccomp"));
  EXPECT_GE(spec["linux"]["maskedPaths"].size(), 10U);
  EXPECT_GE(spec["linux"]["readonlyPaths"].size(), 5U);
  EXPECT_EQ(spec["root"]["readonly"], false);
  EXPECT_TRUE(has_option(*find_mount(spec, "/sys"), "ro"));
}

TEST(Spec, LoosensWhatIsNamedAndNothingElse) {
  auto spec = container();
  spec.security.seccomp = false;
  spec.security.no_new_privileges = false;
  spec.security.read_only_rootfs = true;
  spec.security.capabilities = {"CAP_CHOWN"};
  const auto loose = written(spec);
  EXPECT_FALSE(loose["linux"].contains("seccomp"));
  EXPECT_EQ(loose["process"]["noNewPrivileges"], false);
  EXPECT_EQ(loose["root"]["readonly"], true);
  EXPECT_EQ(loose["process"]["capabilities"]["bounding"], Words{"CAP_CHOWN"});
  EXPECT_GE(loose["linux"]["maskedPaths"].size(), 10U);
}

TEST(Spec, SharesTheHostsNetworkAndItsNamesWhenAsked) {
  auto spec = container();
  spec.network = {runtime::Network::Kind::kHost, {}};
  const auto open = written(spec);
  EXPECT_EQ(namespaces(open), (Words{"ipc", "mount", "pid", "uts"}));
  ASSERT_NE(find_mount(open, "/etc/resolv.conf"), nullptr);
  EXPECT_TRUE(has_option(*find_mount(open, "/etc/hosts"), "ro"));
  EXPECT_EQ(find_mount(written(container()), "/etc/resolv.conf"), nullptr);
}

TEST(Spec, RefusesANetworkByNameRatherThanOpenTheHosts) {
  auto spec = container();
  spec.network = {runtime::Network::Kind::kNamed, "backend"};
  EXPECT_TRUE(refused(spec));
}

TEST(Spec, MountsInOrderWithTheAccessThatIsAsked) {
  auto spec = container();
  spec.mounts = {{"/run/mayfly/w/mnt", "/.mayfly", true}, {"/srv/out", "/out", false}};
  const auto with = written(spec);
  const auto& mounts = with["mounts"];
  EXPECT_EQ(mounts[mounts.size() - 2]["destination"], "/.mayfly");
  EXPECT_EQ(mounts[mounts.size() - 1]["source"], "/srv/out");
  EXPECT_TRUE(has_option(*find_mount(with, "/.mayfly"), "ro"));
  EXPECT_TRUE(has_option(*find_mount(with, "/out"), "rw"));
  for (const auto* target : {"/.mayfly", "/out"}) {
    EXPECT_TRUE(has_option(*find_mount(with, target), "nosuid"));
    EXPECT_TRUE(has_option(*find_mount(with, target), "nodev"));
  }
}

TEST(Spec, LimitsWhatIsAsked) {
  auto spec = container();
  spec.resources = {0.5, 64ULL << 20, 32};
  auto limits = written(spec)["linux"]["resources"];
  EXPECT_EQ(limits["cpu"]["quota"], 50'000);
  EXPECT_EQ(limits["cpu"]["period"], 100'000);
  EXPECT_EQ(limits["memory"]["limit"], 64 << 20);
  EXPECT_EQ(limits["pids"]["limit"], 32);
  EXPECT_FALSE(limits.contains("unified"));
  spec.resources.cpu = 0.001;
  EXPECT_EQ(written(spec)["linux"]["resources"]["cpu"]["quota"], 1'000);
  limits = written(container())["linux"]["resources"];
  EXPECT_FALSE(limits.contains("cpu"));
  EXPECT_FALSE(limits.contains("memory"));
}

TEST(Spec, UsesTheUnifiedHierarchyWhereThereIsOne) {
  auto spec = container();
  spec.resources.memory_bytes = 64 << 20;
  const auto v2 = written(spec, image(), host_v2());
  EXPECT_EQ(v2["linux"]["resources"]["unified"]["memory.oom.group"], "1");
  EXPECT_EQ(namespaces(v2), (Words{"cgroup", "ipc", "mount", "network", "pid", "uts"}));
  EXPECT_TRUE(has_option(*find_mount(v2, "/sys/fs/cgroup"), "ro"));
  EXPECT_EQ(find_mount(written(spec), "/sys/fs/cgroup"), nullptr);
}

TEST(Spec, PutsTheContainerBelowTheParentByItsName) {
  EXPECT_EQ(written(container())["linux"]["cgroupsPath"], "/mayfly/mayfly-3fa9-encode-12-1");
}

TEST(Spec, NamesTheHostAfterTheContainerAsFarAsItMay) {
  auto spec = container();
  EXPECT_EQ(written(spec)["hostname"], spec.name);
  spec.name = std::string(100, 'x');
  EXPECT_EQ(written(spec)["hostname"], std::string(63, 'x'));
}

TEST(Spec, RefusesWhatRuncWould) {
  auto relative = container();
  relative.working_directory = "srv";
  EXPECT_TRUE(refused(relative));
  auto mount = container();
  mount.mounts = {{"srv", "/x", false}};
  EXPECT_TRUE(refused(mount));
  mount.mounts = {{"/srv", "x", false}};
  EXPECT_TRUE(refused(mount));
  auto bytes = container();
  bytes.env = {{"X", "\xff\xfe"}};
  EXPECT_TRUE(refused(bytes));
  auto nobody = container();
  nobody.user = "nobody";
  EXPECT_TRUE(refused(nobody));
  for (const double cpu : {0.0, -1.0, 1e9, std::numeric_limits<double>::quiet_NaN()}) {
    auto cores = container();
    cores.resources.cpu = cpu;
    EXPECT_TRUE(refused(cores)) << cpu;
  }
}

TEST(ThisHost, HasAnArchitectureOfOurs) {
  const auto here = this_host("/x");
  EXPECT_EQ(here.cgroup_parent, "/x");
  EXPECT_EQ(here.architecture == Architecture::kX86_64, host_architecture() == "amd64");
}

// ---- seccomp
// --------------------------------------------------------------------------------------

Words allowed(const json& profile) {
  Words names;
  for (const auto& rule : profile["syscalls"]) {
    if (rule["action"] != "SCMP_ACT_ALLOW" || rule.contains("args")) continue;
    for (const auto& name : rule["names"]) names.push_back(name);
  }
  return names;
}

bool allows(const json& profile, const char* call) {
  const auto names = allowed(profile);
  return std::ranges::find(names, call) != names.end();
}

const json* rule_for(const json& profile, const char* call) {
  for (const auto& rule : profile["syscalls"]) {
    if (rule["names"] == json::array({call})) return &rule;
  }
  return nullptr;
}

TEST(Seccomp, DeniesWhatIsNotListed) {
  const auto profile = seccomp_profile(Architecture::kX86_64, {});
  EXPECT_EQ(profile["defaultAction"], "SCMP_ACT_ERRNO");
  EXPECT_EQ(profile["defaultErrnoRet"], 1);
  for (const auto* call : {"read", "openat", "execve", "mmap", "futex", "epoll_wait", "accept4",
                           "rseq", "statx", "arch_prctl"}) {
    EXPECT_TRUE(allows(profile, call)) << call;
  }
  for (const auto* call : {"mount", "umount2", "setns", "unshare", "bpf", "reboot", "init_module",
                           "kexec_load", "io_uring_setup", "keyctl", "add_key", "userfaultfd",
                           "perf_event_open", "open_by_handle_at", "ptrace_x", "swapon", "clone"}) {
    EXPECT_FALSE(allows(profile, call)) << call;
  }
}

TEST(Seccomp, NamesNoCallTwice) {
  auto names = allowed(seccomp_profile(Architecture::kX86_64, {}));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Seccomp, AllowsCallsBesideTheCapabilityThatMakesThemWork) {
  const auto admin = seccomp_profile(Architecture::kX86_64, {"CAP_SYS_ADMIN"});
  for (const auto* call : {"mount", "setns", "unshare", "clone", "clone3", "bpf"}) {
    EXPECT_TRUE(allows(admin, call)) << call;
  }
  EXPECT_EQ(rule_for(admin, "clone3"), nullptr);
  EXPECT_TRUE(allows(seccomp_profile(Architecture::kX86_64, {"CAP_SYS_CHROOT"}), "chroot"));
  EXPECT_FALSE(allows(seccomp_profile(Architecture::kX86_64, {"CAP_CHOWN"}), "chroot"));
}

TEST(Seccomp, LetsNoNewNamespacesThrough) {
  const auto profile = seccomp_profile(Architecture::kX86_64, {});
  const auto* clone = rule_for(profile, "clone");
  ASSERT_NE(clone, nullptr);
  EXPECT_EQ((*clone)["args"][0]["value"], 0x7E020000);
  EXPECT_EQ((*clone)["args"][0]["op"], "SCMP_CMP_MASKED_EQ");
  const auto* clone3 = rule_for(profile, "clone3");
  ASSERT_NE(clone3, nullptr);
  EXPECT_EQ((*clone3)["errnoRet"], 38);
}

TEST(Seccomp, ASpecHoldsTheProfileOfItsCapabilities) {
  for (const auto architecture : {Architecture::kX86_64, Architecture::kArm64}) {
    for (const Words& capabilities : {Words{}, Words{"CAP_SYS_ADMIN", "CAP_CHOWN"}}) {
      auto spec = container();
      spec.security.capabilities = capabilities;
      auto on = host();
      on.architecture = architecture;
      EXPECT_EQ(written(spec, image(), on)["linux"]["seccomp"],
                seccomp_profile(architecture, capabilities));
    }
  }
}

TEST(Seccomp, IsWrittenOnceForEachSetOfCapabilities) {
  SeccompProfiles profiles;
  const auto* first = &profiles.text(Architecture::kX86_64, {"CAP_CHOWN"});
  EXPECT_NE(&profiles.text(Architecture::kX86_64, {}), first);
  EXPECT_EQ(&profiles.text(Architecture::kX86_64, {"CAP_CHOWN"}), first);
  EXPECT_EQ(profiles.kept(), 2U);
}

TEST(Seccomp, ProfilesThatAreKeptAreBounded) {
  SeccompProfiles profiles;
  for (std::size_t i = 0; i <= SeccompProfiles::kKeptMax; ++i) {
    EXPECT_FALSE(profiles.text(Architecture::kX86_64, {"CAP_" + std::to_string(i)}).empty());
    EXPECT_LE(profiles.kept(), SeccompProfiles::kKeptMax);
  }
}

TEST(Seccomp, KnowsBothArchitectures) {
  const auto arm = seccomp_profile(Architecture::kArm64, {});
  EXPECT_EQ(arm["architectures"], (Words{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}));
  EXPECT_TRUE(allows(arm, "cacheflush"));
  EXPECT_FALSE(allows(arm, "arch_prctl"));
}

}  // namespace
}  // namespace mayfly::oci
