// What may be wrong with a host, and the command that mends it. Looks only; changes nothing. Sees
// the host through Host, so that a test can make one up; knows no driver and no daemon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/doctor/host.h"
#include "config/document.h"

namespace mayfly::doctor {

enum class Status : std::uint8_t { kOk, kWarning, kFailed };

/// "ok", "warning", "failed".
[[nodiscard]] std::string_view word(Status status);

struct Check {
  std::string name;
  Status status = Status::kOk;
  std::string what;  ///< how it is
  std::string fix;   ///< a command or a setting; "" where all is well
};

/// What is looked at.
struct Subject {
  config::Daemon config;
  std::string state_dir;
  std::string run_dir;
  std::string storage;  ///< the runtime's folder of images; "" = unknown
  std::string gate;     ///< mayfly-gate, where it was found; "" = nowhere
};

/// All that can be told without the runtime's help, in the order in which it is read best.
[[nodiscard]] std::vector<Check> check_host(const Host& host, const Subject& subject);

/// What the runtime said of itself.
struct Answer {
  std::string runtime;  ///< "containerd", "docker", "podman"
  std::string version;
  std::vector<std::pair<std::string, std::string>> warnings;  ///< what, fix
};
[[nodiscard]] std::vector<Check> check_answer(const Answer& answer);

/// How far the wall clock went from the steady one since the daemon began.
[[nodiscard]] Check check_wall_clock(std::int64_t drift_ms);

// The parts of check_host.
[[nodiscard]] Check check_socket(const Host& host, const config::Runtime& runtime);
[[nodiscard]] std::vector<Check> check_cgroup(const Host& host);
[[nodiscard]] Check check_space(const Host& host, const std::string& name, const std::string& path);
[[nodiscard]] Check check_pidfd(const Host& host);
[[nodiscard]] Check check_exit_status(const Host& host);
[[nodiscard]] Check check_pressure(const Host& host);
[[nodiscard]] Check check_tracing(const Host& host);
[[nodiscard]] Check check_gate(const Host& host, const std::string& gate);
[[nodiscard]] Check check_capabilities(const Host& host);
[[nodiscard]] Check check_run_dir(const Host& host, const std::string& run_dir);
[[nodiscard]] std::vector<Check> check_groups(const Host& host, const config::Control& control);
[[nodiscard]] std::vector<Check> check_webhook(const Host& host, const config::Webhook& webhook);
[[nodiscard]] Check check_clock(const Host& host);
[[nodiscard]] std::vector<Check> check_realtime(const Host& host, const config::Loop& loop);

}  // namespace mayfly::doctor
