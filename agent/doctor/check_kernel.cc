// The kernel: what it can tell, what it enforces, how it schedules.
#include <charconv>
#include <set>
#include <sstream>

#include "agent/doctor/check.h"

namespace mayfly::doctor {
namespace {

struct Release {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Release&) const = default;
};

constexpr Release kTellsExitStatus{6, 15};

/// "6.1.0-18-amd64" → 6.1
Release release_of(const std::string& text) {
  Release release;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, release.major);
  if (error == std::errc{} && dot != end) std::from_chars(dot + 1, end, release.minor);
  return release;
}

struct Mounts {
  bool unified = false;  ///< cgroup2 is the hierarchy
  bool beside = false;   ///< cgroup2 is mounted somewhere else
  bool legacy = false;
};

Mounts cgroup_mounts(const Host& host) {
  Mounts mounts;
  std::istringstream lines(read_file(host, "/proc/mounts", 1U << 20).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string place;
    std::string type;
    fields >> device >> place >> type;
    if (type == "cgroup") mounts.legacy = true;
    if (type == "cgroup2" && place == "/sys/fs/cgroup") mounts.unified = true;
    if (type == "cgroup2" && place != "/sys/fs/cgroup") mounts.beside = true;
  }
  return mounts;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> found;
  for (std::string each; in >> each;) found.insert(each);
  return found;
}

/// Of version 1: those that /proc/cgroups calls enabled.
std::set<std::string> legacy_controllers(const Host& host) {
  std::set<std::string> found;
  std::istringstream lines(read_file(host, "/proc/cgroups").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    int hierarchy = 0;
    int groups = 0;
    int enabled = 0;
    if (fields >> name >> hierarchy >> groups >> enabled && enabled == 1 && hierarchy > 0) {
      found.insert(name);
    }
  }
  return found;
}

Check check_controllers(const std::set<std::string>& controllers) {
  std::string missing;
  for (const char* each : {"cpu", "memory", "pids"}) {
    if (!controllers.contains(each)) missing += (missing.empty() ? "" : ", ") + std::string(each);
  }
  if (missing.empty()) {
    return {"cgroup controllers", Status::kOk, "cpu, memory and pids can be limited", ""};
  }
  return {"cgroup controllers", Status::kFailed, "not limited: " + missing,
          "take cgroup_disable= off the kernel's command line, add cgroup_enable=memory, reboot"};
}

}  // namespace

std::vector<Check> check_cgroup(const Host& host) {
  const Mounts mounts = cgroup_mounts(host);
  if (!mounts.unified && !mounts.legacy) {
    return {{"cgroup", Status::kFailed, "no cgroup file system is mounted",
             "mount -t cgroup2 none /sys/fs/cgroup"}};
  }
  if (mounts.unified) {
    const auto controllers = read_file(host, "/sys/fs/cgroup/cgroup.controllers");
    return {{"cgroup", Status::kOk, "version 2", ""},
            check_controllers(words(controllers.value_or("")))};
  }
  return {{"cgroup", Status::kOk, mounts.beside ? "version 1, hybrid" : "version 1", ""},
          check_controllers(legacy_controllers(host))};
}

Check check_pidfd(const Host& host) {
  const std::string release = read_file(host, "/proc/sys/kernel/osrelease").value_or("?");
  const std::string version = release.substr(0, release.find('\n'));
  if (host.pidfd_open()) return {"kernel", Status::kOk, version + ", has pidfd_open", ""};
  return {"kernel", Status::kFailed, version + " has no pidfd_open: ends of workers go unseen",
          "boot a kernel of 5.3 or newer, and let seccomp allow pidfd_open"};
}

Check check_exit_status(const Host& host) {
  const std::string release = read_file(host, "/proc/sys/kernel/osrelease").value_or("");
  if (release_of(release) >= kTellsExitStatus) {
    return {"exit codes", Status::kOk, "the kernel tells them (PIDFD_GET_INFO)", ""};
  }
  return {"exit codes", Status::kOk,
          "come from the runtime: fine, some ms later than from a kernel of 6.15", ""};
}

Check check_pressure(const Host& host) {
  if (read_file(host, "/proc/pressure/memory")) {
    return {"pressure", Status::kOk, "the kernel tells memory pressure (PSI)", ""};
  }
  return {"pressure", Status::kWarning, "the kernel does not tell memory pressure (PSI)",
          "add psi=1 to the kernel's command line, reboot"};
}

Check check_tracing(const Host& host) {
  const std::string scope = read_file(host, "/proc/sys/kernel/yama/ptrace_scope").value_or("");
  if (scope.starts_with("3")) {
    return {"tracing", Status::kOk,
            "forbidden by kernel.yama.ptrace_scope = 3: hold = \"exec\" is \"gate\" here", ""};
  }
  if (!host.ptrace()) {
    return {"tracing", Status::kOk,
            "not in the unit's SystemCallFilter=: hold = \"exec\" is \"gate\" here", ""};
  }
  return {"tracing", Status::kOk, "allowed: spares are held behind their exec", ""};
}

std::vector<Check> check_realtime(const Host& host, const config::Loop& loop) {
  if (!loop.realtime) {
    return {{"real time", Status::kOk, "not asked for (loop.realtime = false)", ""}};
  }
  std::vector<Check> checks;
  if (host.realtime()) {
    checks.push_back({"real time", Status::kOk, "the loop may run at SCHED_FIFO", ""});
  } else {
    checks.push_back({"real time", Status::kWarning,
                      "SCHED_FIFO is not allowed: respawn gaps grow on a busy host",
                      "give the daemon CAP_SYS_NICE or LimitRTPRIO=1; or set loop.realtime = "
                      "false"});
  }
  const std::string text =
      read_file(host, "/proc/sys/kernel/sched_rt_runtime_us").value_or("unknown");
  const std::string budget = text.substr(0, text.find('\n'));
  if (budget == "0") {
    checks.push_back({"real-time budget", Status::kFailed, "it is 0: real-time threads never run",
                      "sysctl -w kernel.sched_rt_runtime_us=950000"});
  } else if (budget == "-1") {
    checks.push_back({"real-time budget", Status::kWarning,
                      "there is no limit: a real-time thread that spins takes its cpu for ever",
                      "sysctl -w kernel.sched_rt_runtime_us=950000"});
  } else {
    checks.push_back({"real-time budget", Status::kOk, budget + " us of each second", ""});
  }
  return checks;
}

Check check_clock(const Host& host) {
  const auto synchronised = host.clock_synchronised();
  if (!synchronised) {
    return {"clock", Status::kOk, "the daemon may not ask: timedatectl tells if it is synchronised",
            ""};
  }
  if (*synchronised) return {"clock", Status::kOk, "the wall clock is synchronised", ""};
  return {"clock", Status::kWarning, "the wall clock is not synchronised: times in records may lie",
          "systemctl enable --now systemd-timesyncd"};
}

Check check_wall_clock(std::int64_t drift_ms) {
  static constexpr std::int64_t kStepMs = 2'000;
  if (drift_ms > -kStepMs && drift_ms < kStepMs) {
    return {"clock steps", Status::kOk, "the wall clock kept pace since the daemon began", ""};
  }
  return {"clock steps", Status::kWarning,
          "the wall clock was set by " + std::to_string(drift_ms / 1000) +
              " s since the daemon began; waits go by the steady clock and are not touched",
          "systemctl enable --now systemd-timesyncd"};
}

}  // namespace mayfly::doctor
