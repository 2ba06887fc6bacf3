#include "agent/recorder.h"

#include <chrono>
#include <optional>

#include "agent/cgroup_usage.h"
#include "agent/clock.h"
#include "agent/crash_point.h"
#include "agent/log.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

constexpr std::uint64_t kStderrKept = 4096;

std::int64_t to_us(core::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// The time from one to the other, where both are known.
std::optional<std::int64_t> between_us(const std::optional<core::Time>& from,
                                       const std::optional<core::Time>& to) {
  if (!from || !to) return std::nullopt;
  return to_us(*to - *from);
}

std::int64_t to_unix_ms(const std::optional<core::Time>& at) {
  if (!at) return unix_ms_now();
  return unix_ms_now() - to_us(monotonic_now() - *at) / 1000;
}

}  // namespace

const char* to_string(core::ExitClass exit_class) {
  switch (exit_class) {
    case core::ExitClass::kOurs:
      return "ours";
    case core::ExitClass::kNoStart:
      return "nostart";
    case core::ExitClass::kDone:
      return "done";
    case core::ExitClass::kLost:
      return "lost";
    case core::ExitClass::kFail:
      return "fail";
  }
  return "lost";
}

Recorder::Recorder(Parts parts) : parts_(parts) {}

void Recorder::record(const core::ExitRecord& record) {
  crash_point("record.before");
  parts_.store.record(complete(record), [this, worker = record.worker](bool written) {
    crash_point("record.after");
    if (written) {
      parts_.inbox.post(core::ExitRecorded{worker});
    } else {
      log::error("an exit could not be recorded; it will be tried again");
    }
  });
}

store::Exit Recorder::complete(const core::ExitRecord& record) const {
  const std::string name = worker_name(record.pool, record.worker);
  store::Exit exit;
  exit.worker = name;
  exit.pool = record.pool;
  exit.revision = static_cast<std::uint32_t>(record.revision);
  exit.slot = record.slot;
  exit.exit_class = to_string(record.exit_class);
  if (record.status && record.status->signal != 0) exit.signal = record.status->signal;
  if (record.status && record.status->signal == 0) exit.code = record.status->code;
  exit.reason = record.reason;
  if (const auto* known = parts_.catalog.revision(record.pool, record.revision)) {
    exit.image = known->row.image;
  }
  exit.ended_ms = to_unix_ms(record.exited);
  exit.create_us = between_us(record.start_asked, record.ready);
  exit.hold_us = between_us(record.ready, record.released);
  exit.run_us = between_us(record.running, record.exited);
  if (record.respawn_gap) {
    exit.gap_us = to_us(*record.respawn_gap);
    exit.gap_exec_us = between_us(parts_.workplaces.release_sent(record.worker), record.running);
    if (exit.gap_exec_us) exit.gap_decide_us = *exit.gap_us - *exit.gap_exec_us;
  }
  // One that never came to be has none.
  if (const std::string cgroup = parts_.workplaces.cgroup(record.worker); !cgroup.empty()) {
    const CgroupUsage usage = read_cgroup_usage(cgroup);
    exit.cpu_us = usage.cpu_us;
    exit.memory_peak_bytes = usage.memory_peak_bytes;
    exit.oom = usage.oom;
  }
  exit.stderr_tail =
      parts_.workplaces.logs().tail(record.pool, name, logs::Stream::kStderr, kStderrKept);
  return exit;
}

}  // namespace mayfly::agent
