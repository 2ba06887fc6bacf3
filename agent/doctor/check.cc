#include "agent/doctor/check.h"

#include <algorithm>

namespace mayfly::doctor {

std::string_view word(Status status) {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kWarning:
      return "warning";
    case Status::kFailed:
      return "failed";
  }
  return "failed";
}

std::vector<Check> check_host(const Host& host, const Subject& subject) {
  std::vector<Check> checks{check_socket(host, subject.config.runtime)};
  const auto add = [&checks](std::vector<Check> more) {
    std::move(more.begin(), more.end(), std::back_inserter(checks));
  };
  add(check_cgroup(host));
  checks.push_back(check_gate(host, subject.gate));
  checks.push_back(check_capabilities(host));
  checks.push_back(check_run_dir(host, subject.run_dir));
  add(check_groups(host, subject.config.control));
  add(check_webhook(host, subject.config.webhook));
  checks.push_back(check_space(host, "disk: state", subject.state_dir));
  checks.push_back(check_space(host, "disk: run", subject.run_dir));
  if (!subject.storage.empty()) {
    checks.push_back(check_space(host, "disk: images", subject.storage));
  }
  checks.push_back(check_pidfd(host));
  checks.push_back(check_exit_status(host));
  checks.push_back(check_pressure(host));
  checks.push_back(check_tracing(host));
  add(check_realtime(host, subject.config.loop));
  checks.push_back(check_clock(host));
  return checks;
}

}  // namespace mayfly::doctor
