// Waiting for a pool to become what was asked: the daemon is asked again until it is, or time is
// up.
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kInterval{200};

enum class Look : std::uint8_t { kThere, kNotYet };
using Check = std::function<Result<Look>()>;

/// False: time is up.
Result<bool> poll(const Check& check, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  while (true) {
    const auto look = check();
    if (!look) return tl::unexpected(look.error());
    if (*look == Look::kThere) return true;
    if (Clock::now() + kInterval > deadline) return false;
    std::this_thread::sleep_for(kInterval);
  }
}

bool is_filled(const Json& pool) {
  return number(pool, "running") == number(pool, "replicas") &&
         number(pool, "stopping").value_or(0) == 0 &&
         text(pool, "active_revision") == text(pool, "revision");
}

std::string reason_of(const Json& pool) {
  if (flag(pool, "paused")) return "the pool is paused; `mayfly resume` lets it go on";
  for (const Json& item : array(pool, "faults")) {
    if (item.is_string()) return printable(item.get<std::string>());
  }
  const Json& empty = array(pool, "empty_slots");
  if (!empty.empty()) return empty_slot_line(empty.front());
  return "still " + printable(text(pool, "state"));
}

std::string share(const Json& pool) {
  return text(pool, "running") + " of " + text(pool, "replicas") + " workers run";
}

std::string target_of(const std::string& pool) {
  return "/v1/pools/" + percent_encoded(pool);
}

/// In place on a terminal, else a line each.
void show_progress(Output& out, const std::string& line) {
  out.write(out.terminal() ? "\r\x1b[K" + line : line + "\n");
}

}  // namespace

Outcome wait_until_filled(Context& context, const std::string& pool,
                          std::chrono::milliseconds timeout) {
  Json last;
  const auto check = [&]() -> Result<Look> {
    auto answer = context.client.call({.target = target_of(pool), .body = {}});
    if (!answer) return tl::unexpected(answer.error());
    last = std::move(*answer);
    return is_filled(last) ? Look::kThere : Look::kNotYet;
  };
  const auto there = poll(check, timeout);
  if (!there) return tl::unexpected(there.error());
  if (!*there) {
    return fail(ExitCode::kTimedOut,
                "pool " + pool + " is not full yet, " + share(last) + ": " + reason_of(last));
  }
  if (context.format == Format::kTable || context.format == Format::kWide) {
    context.out.write("pool " + pool + ": " + share(last) + "\n");
  }
  return {};
}

Outcome wait_until_gone(Context& context, const std::string& pool,
                        std::chrono::milliseconds timeout) {
  Json last;
  // In the list it stays until its last worker is gone; by its name it is not found before that.
  const auto check = [&]() -> Result<Look> {
    const auto answer = context.client.call({.target = "/v1/pools", .body = {}});
    if (!answer) return tl::unexpected(answer.error());
    for (const Json& row : array(*answer, "pools")) {
      if (text(row, "name") != pool) continue;
      last = row;
      return Look::kNotYet;
    }
    return Look::kThere;
  };
  const auto gone = poll(check, timeout);
  if (!gone) return tl::unexpected(gone.error());
  if (*gone) return {};
  return fail(ExitCode::kTimedOut, "pool " + pool + " is not gone yet: " + text(last, "running") +
                                       " workers run and " + text(last, "stopping") +
                                       " are stopping");
}

Outcome wait_until_drained(Context& context, std::chrono::milliseconds timeout) {
  const bool shown = context.format == Format::kTable || context.format == Format::kWide;
  std::string last;
  const auto check = [&]() -> Result<Look> {
    const auto answer = context.client.call({.target = "/v1/node", .body = {}});
    if (!answer) return tl::unexpected(answer.error());
    const Json& scheduling = object(*answer, "scheduling");
    const std::string state = text(scheduling, "state");
    if (state == "open" || state == "cordoned") {
      return fail(ExitCode::kRefused, "somebody has ended the drain: the node is " + state);
    }
    const std::string left =
        workers_left(scheduling) + ", " + text(scheduling, "containers") + " containers are left";
    if (shown && left != last) show_progress(context.out, left);
    last = left;
    return state == "drained" ? Look::kThere : Look::kNotYet;
  };
  const auto drained = poll(check, timeout);
  if (shown && context.out.terminal()) context.out.write("\n");
  if (!drained) return tl::unexpected(drained.error());
  if (!*drained) return fail(ExitCode::kTimedOut, "the node is not drained yet: " + last);
  if (shown) context.out.write("drained\n");
  return {};
}

}  // namespace mayfly::cli
