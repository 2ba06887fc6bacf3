#include <elf.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/doctor/check.h"

namespace mayfly::doctor {
namespace {

namespace fs = std::filesystem;

/// A host made up in a folder: all is well until a test says otherwise.
class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "mayfly-doctor-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    host_.root = name;
    host_.space = [](const std::string&) { return files::Space{80ULL << 30, 100ULL << 30}; };
    host_.connect = [](const std::string&) { return 0; };
    host_.status = [](const std::string&) { return FileStatus{0755, 0}; };
    host_.executable = [](const std::string&) { return true; };
    host_.group_exists = [](const std::string&) { return true; };
    host_.pidfd_open = [] { return true; };
    host_.ptrace = [] { return true; };
    host_.realtime = [] { return true; };
    host_.clock_synchronised = [] { return true; };
    write("/proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    write("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    write("/proc/sys/kernel/osrelease", "6.18.0-1-amd64\n");
    write("/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
    write("/proc/pressure/memory", "some avg10=0.00\n");
    write("/proc/self/status", "Name:\tmayflyd\nCapEff:\t000001ffffffffff\n");
    write("/gate", elf(PT_LOAD));
    subject_.gate = "/gate";
    subject_.state_dir = "/var/lib/mayfly";
    subject_.run_dir = "/run/mayfly";
    subject_.storage = "/var/lib/images";
  }
  void TearDown() override { fs::remove_all(host_.root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(host_.root + path).parent_path());
    std::ofstream{host_.root + path, std::ios::binary} << text;
  }
  static std::string elf(std::uint32_t part_type) {
    Elf64_Ehdr head{};
    std::copy_n(ELFMAG, SELFMAG, reinterpret_cast<char*>(head.e_ident));
    head.e_phoff = sizeof head;
    head.e_phentsize = sizeof(Elf64_Phdr);
    head.e_phnum = 1;
    Elf64_Phdr part{};
    part.p_type = part_type;
    return std::string(reinterpret_cast<const char*>(&head), sizeof head) +
           std::string(reinterpret_cast<const char*>(&part), sizeof part);
  }
  /// "NAME STATUS: WHAT" of all that is not well.
  [[nodiscard]] std::string complaints() const {
    std::string text;
    for (const Check& check : check_host(host_, subject_)) {
      if (check.status == Status::kOk) {
        EXPECT_EQ(check.fix, "") << check.name;
        continue;
      }
      EXPECT_NE(check.fix, "") << check.name;
      text += check.name + " " + std::string(word(check.status)) + ": " + check.what + "\n";
    }
    return text;
  }

  Host host_;
  Subject subject_;
};

TEST_F(Doctor, HasNothingToSayOfAGoodHost) {
  EXPECT_EQ(complaints(), "");
  EXPECT_GE(check_host(host_, subject_).size(), 14U);
}

TEST_F(Doctor, TellsWhichSocketIsMissingAndWhatStartsIt) {
  host_.connect = [](const std::string&) { return ENOENT; };
  EXPECT_EQ(complaints(),
            "runtime socket failed: /run/containerd/containerd.sock: No such file or directory\n");
  config::Runtime runtime;
  EXPECT_NE(check_socket(host_, runtime).fix.find("systemctl enable --now containerd"),
            std::string::npos);
  runtime.kind = config::kPodman;
  EXPECT_NE(check_socket(host_, runtime).fix.find("podman.socket"), std::string::npos);
  host_.connect = [](const std::string&) { return EACCES; };
  EXPECT_EQ(check_socket(host_, runtime).fix, "run as root");
  host_.connect = [](const std::string&) { return ECONNREFUSED; };
  EXPECT_EQ(check_socket(host_, runtime).status, Status::kFailed);
}

TEST_F(Doctor, LooksWhetherEventsCanBeSigned) {
  const auto status_of = [this](const std::optional<FileStatus>& status) {
    host_.status = [status](const std::string& path) {
      return path.ends_with("/key") ? status : FileStatus{0755, 0};
    };
    return complaints();
  };
  EXPECT_EQ(status_of(std::nullopt), "") << "without a webhook there is nothing to sign";
  subject_.config.webhook.url = "https://a";
  subject_.config.webhook.secret_file = "/key";
  EXPECT_EQ(status_of(FileStatus{0600, 0}), "");
  EXPECT_EQ(status_of(std::nullopt), "webhook failed: /key is not there: events are not told\n");
  EXPECT_EQ(status_of(FileStatus{0644, 0}),
            "webhook failed: /key is open to all users: events are not told\n");
}

TEST_F(Doctor, RefusesARuntimeThatIsTooOld) {
  struct Case {
    const char* runtime;
    const char* version;
    Status status;
  };
  for (const Case& each : std::vector<Case>{{"containerd", "1.6.20~ds1", Status::kOk},
                                            {"containerd", "v2.0.0", Status::kOk},
                                            {"containerd", "1.5.13", Status::kFailed},
                                            {"docker", "20.10.24+dfsg1", Status::kOk},
                                            {"docker", "19.03.5", Status::kFailed},
                                            {"podman", "4.3.1", Status::kOk},
                                            {"podman", "3.0.1", Status::kFailed},
                                            {"containerd", "of my own", Status::kOk},
                                            {"other", "0.1", Status::kOk}}) {
    const auto checks = check_answer({each.runtime, each.version, {}});
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].status, each.status) << each.runtime << " " << each.version;
  }
}

TEST_F(Doctor, PassesOnWhatTheRuntimeWarnsOf) {
  const auto checks = check_answer({"docker", "24.0.0", {{"live-restore is off", "turn it on"}}});
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[1].status, Status::kWarning);
  EXPECT_EQ(checks[1].what, "live-restore is off");
  EXPECT_EQ(checks[1].fix, "turn it on");
}

TEST_F(Doctor, KnowsTheHierarchiesOfCgroups) {
  write("/proc/cgroups",
        "#subsys_name\thierarchy\tnum\tenabled\ncpu\t2\t9\t1\nmemory\t3\t9\t1\n"
        "pids\t4\t9\t1\n");
  struct Case {
    const char* mounts;
    const char* what;
  };
  for (const Case& each :
       std::vector<Case>{{"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "version 2"},
                         {"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", "version 1"},
                         {"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
                          "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
                          "version 1, hybrid"}}) {
    write("/proc/mounts", each.mounts);
    EXPECT_EQ(check_cgroup(host_).at(0).what, each.what);
    EXPECT_EQ(complaints(), "");
  }
  write("/proc/mounts", "proc /proc proc rw 0 0\n");
  EXPECT_EQ(complaints(), "cgroup failed: no cgroup file system is mounted\n");
}

TEST_F(Doctor, TellsWhichLimitsCannotBeSet) {
  write("/sys/fs/cgroup/cgroup.controllers", "cpu io\n");
  EXPECT_EQ(complaints(), "cgroup controllers failed: not limited: memory, pids\n");
  write("/proc/mounts", "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n");
  write("/proc/cgroups", "cpu\t2\t9\t1\nmemory\t0\t9\t0\npids\t4\t9\t1\n");
  EXPECT_EQ(complaints(), "cgroup controllers failed: not limited: memory\n");
}

TEST_F(Doctor, MeasuresTheDisks) {
  host_.space = [this](const std::string& path) -> std::optional<files::Space> {
    if (path == host_.root + "/var/lib/mayfly") return files::Space{1ULL << 30, 100ULL << 30};
    if (path == host_.root + "/var/lib/images") return files::Space{5ULL << 30, 100ULL << 30};
    return std::nullopt;
  };
  EXPECT_EQ(complaints(),
            "disk: state failed: /var/lib/mayfly: 1.0 GiB free (1 %)\n"
            "disk: run warning: /run/mayfly is not there yet\n"
            "disk: images warning: /var/lib/images: 5.0 GiB free (5 %)\n");
}

TEST_F(Doctor, LooksAtTheKernel) {
  write("/proc/sys/kernel/osrelease", "5.2.0\n");
  host_.pidfd_open = [] { return false; };
  fs::remove(host_.root + "/proc/pressure/memory");
  EXPECT_EQ(complaints(),
            "kernel failed: 5.2.0 has no pidfd_open: ends of workers go unseen\n"
            "pressure warning: the kernel does not tell memory pressure (PSI)\n");
  EXPECT_EQ(check_exit_status(host_).what,
            "come from the runtime: fine, some ms later than from a kernel of 6.15");
  write("/proc/sys/kernel/osrelease", "6.15.0-rc1\n");
  EXPECT_EQ(check_exit_status(host_).what, "the kernel tells them (PIDFD_GET_INFO)");
}

TEST_F(Doctor, TellsWhetherSparesCanBeHeldBehindTheirExec) {
  EXPECT_EQ(check_tracing(host_).what, "allowed: spares are held behind their exec");
  write("/proc/sys/kernel/yama/ptrace_scope", "3\n");
  EXPECT_EQ(check_tracing(host_).what,
            "forbidden by kernel.yama.ptrace_scope = 3: hold = \"exec\" is \"gate\" here");
  write("/proc/sys/kernel/yama/ptrace_scope", "1\n");
  host_.ptrace = [] { return false; };
  EXPECT_EQ(check_tracing(host_).what,
            "not in the unit's SystemCallFilter=: hold = \"exec\" is \"gate\" here");
  EXPECT_EQ(complaints(), "") << "who does not want it misses nothing";
}

TEST_F(Doctor, LooksAtTheGate) {
  subject_.gate = "";
  EXPECT_NE(complaints().find("gate failed: mayfly-gate is neither"), std::string::npos);
  subject_.gate = "/gate";
  write("/gate", elf(PT_INTERP));
  EXPECT_EQ(complaints(), "gate failed: /gate is linked dynamically: it runs in few images\n");
  write("/gate", "#!/bin/sh\n");
  EXPECT_EQ(complaints(), "gate failed: /gate is not a program\n");
  write("/gate", elf(PT_LOAD).substr(0, 70));
  EXPECT_EQ(complaints(), "gate failed: /gate is not a program\n");
  write("/gate", elf(PT_LOAD));
  host_.executable = [](const std::string&) { return false; };
  EXPECT_EQ(complaints(), "gate failed: /gate may not be executed\n");
  EXPECT_EQ(check_gate(host_, "/gate").fix, "chmod 755 /gate");
}

TEST_F(Doctor, LooksAtPermissions) {
  write("/proc/self/status", "CapEff:\t0000000000000000\n");
  EXPECT_EQ(complaints(),
            "permissions failed: missing: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL, "
            "CAP_SYS_PTRACE\n");
  write("/proc/self/status", "CapEff:\t000001fffff7ffff\n");  // all but SYS_PTRACE
  host_.status = [](const std::string&) { return FileStatus{0777, 0}; };
  host_.group_exists = [](const std::string&) { return false; };
  EXPECT_EQ(complaints(),
            "permissions failed: missing: CAP_SYS_PTRACE\n"
            "run folder failed: /run/mayfly may be changed by others than root: they could take "
            "over gates\n"
            "control group warning: there is no group mayfly: root alone may use the socket\n"
            "read group warning: there is no group mayfly-read: root alone may use the read-only "
            "socket\n");
  config::Control control;
  control.group = "";
  control.read_group = "";
  for (const Check& check : check_groups(host_, control)) EXPECT_EQ(check.status, Status::kOk);
  control.read_socket = config::kSocketNone;
  EXPECT_EQ(check_groups(host_, control).size(), 1U);
}

TEST_F(Doctor, LooksAtTheScheduler) {
  host_.realtime = [] { return false; };
  write("/proc/sys/kernel/sched_rt_runtime_us", "0\n");
  EXPECT_EQ(complaints(),
            "real time warning: SCHED_FIFO is not allowed: respawn gaps grow on a busy host\n"
            "real-time budget failed: it is 0: real-time threads never run\n");
  write("/proc/sys/kernel/sched_rt_runtime_us", "-1\n");
  host_.realtime = [] { return true; };
  EXPECT_NE(complaints().find("real-time budget warning: there is no limit"), std::string::npos);
  subject_.config.loop.realtime = false;
  EXPECT_EQ(complaints(), "");
}

TEST_F(Doctor, LooksAtTheClocks) {
  host_.clock_synchronised = [] { return false; };
  EXPECT_EQ(complaints(),
            "clock warning: the wall clock is not synchronised: times in records may lie\n");
  host_.clock_synchronised = [] { return std::nullopt; };
  EXPECT_EQ(complaints(), "");
  EXPECT_NE(check_clock(host_).what.find("timedatectl"), std::string::npos);
  EXPECT_EQ(check_wall_clock(1'500).status, Status::kOk);
  EXPECT_EQ(check_wall_clock(-1'500).status, Status::kOk);
  EXPECT_EQ(check_wall_clock(-3'600'000).status, Status::kWarning);
  EXPECT_NE(check_wall_clock(-3'600'000).what.find("set by -3600 s"), std::string::npos);
}

TEST(ThisHost, AnswersEveryQuestion) {
  const Host host = this_host();
  EXPECT_TRUE(host.space("/"));
  EXPECT_FALSE(host.space("/no/such/place"));
  EXPECT_EQ(host.connect("/no/such/socket"), ENOENT);
  EXPECT_EQ(host.connect(std::string(200, 'x')), ENAMETOOLONG);
  EXPECT_TRUE(host.status("/"));
  EXPECT_FALSE(host.executable("/etc/passwd"));
  EXPECT_TRUE(host.group_exists("root"));
  EXPECT_FALSE(host.group_exists("no-such-group-here"));
  EXPECT_TRUE(host.group_exists("4242")) << "a number needs no name";
  (void)host.pidfd_open();
  (void)host.realtime();
  (void)host.clock_synchronised();
  EXPECT_FALSE(check_host(host, {}).empty());
}

TEST(FindGate, TakesTheConfiguredOneOrNone) {
  EXPECT_EQ(find_gate("/bin/sh", "/nowhere"), "/bin/sh");
  EXPECT_EQ(find_gate("/no/such/gate", "/nowhere"), "");
}

}  // namespace
}  // namespace mayfly::doctor
