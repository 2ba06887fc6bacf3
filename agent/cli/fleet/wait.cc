// Waiting for the nodes: what they say is read again until it is so, or time is up.
#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "agent/cli/fleet/verbs.h"
#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kInterval{500};

/// What a look found: the end of the waiting, or how far it is.
struct Look {
  bool is_over = false;
  Outcome outcome;   ///< once it is over
  std::string line;  ///< for people
};

/// A line in its own place on a terminal, elsewhere a line for each change.
class ProgressLine {
 public:
  explicit ProgressLine(Fleet& fleet)
      : out_(fleet.out),
        is_shown_(fleet.format == Format::kTable || fleet.format == Format::kWide) {}

  void show(const std::string& line) {
    if (!is_shown_ || line == last_) return;
    last_ = line;
    out_.write(out_.terminal() ? "\r\x1b[K" + line : line + "\n");
  }
  void end() {
    if (is_shown_ && out_.terminal() && !last_.empty()) out_.write("\n");
  }

 private:
  Output& out_;
  bool is_shown_;
  std::string last_;
};

/// An etcd that does not answer now may answer next time.
bool may_pass(const Failure& failure) {
  return failure.code == ExitCode::kNoDaemon || failure.code == ExitCode::kTimedOut;
}

Outcome poll(Fleet& fleet, Clock::time_point deadline, const std::function<Result<Look>()>& look) {
  ProgressLine progress(fleet);
  while (true) {
    const auto seen = look();
    if (!seen && !may_pass(seen.error())) return tl::unexpected(seen.error());
    const std::string line = seen ? seen->line : seen.error().what;
    progress.show(line);
    if (seen && seen->is_over) {
      progress.end();
      return seen->outcome;
    }
    if (Clock::now() + kInterval > deadline) {
      progress.end();
      return fail(ExitCode::kTimedOut, "not yet: " + line);
    }
    std::this_thread::sleep_for(kInterval);
  }
}

std::string refusals(const Goal& goal, const Progress& progress) {
  std::string lines;
  for (const NodeStage& node : progress.nodes) {
    if (node.stage != Stage::kRefused) continue;
    lines += (lines.empty() ? "" : "\n") + std::string("pool ") + goal.pool + ": node " +
             printable(node.node) + " refuses it: " + printable(node.why);
  }
  return lines;
}

Result<Look> look_at_goal(Fleet& fleet, const Goal& goal) {
  const auto key = fleet.desk.pool(goal.pool);
  if (!key) return tl::unexpected(key.error());
  if (key->mod_revision != goal.mod_revision) {
    const std::string& by = key->document.stamp.changed_by;
    return fail(ExitCode::kRefused, "pool " + goal.pool + " was changed again" +
                                        (by.empty() ? "" : " by " + printable(by)) +
                                        "; what was asked for will not be");
  }
  const auto roster = read_nodes(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  const Progress progress = progress_of(goal, *roster);
  Look look{.is_over = progress.is_settled(),
            .outcome = {},
            .line = "pool " + goal.pool + ": " + progress_line(progress)};
  if (progress.count(Stage::kRefused) > 0) {
    look.outcome = fail(ExitCode::kRefused, refusals(goal, progress));
  }
  return look;
}

Result<Look> look_for(Fleet& fleet, const std::string& pool) {
  const auto roster = read_nodes(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  const Remains remains = remains_of(pool, *roster);
  const bool is_gone = remains.nodes.empty();
  return Look{.is_over = is_gone,
              .outcome = {},
              .line = "pool " + pool +
                      (is_gone ? " is gone from all live nodes"
                               : ": " + std::to_string(remains.workers) + " workers run on " +
                                     some_of(remains.nodes))};
}

Result<Look> look_at_node(Fleet& fleet, const Given& order) {
  const auto roster = read_nodes(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  const auto node = std::find_if(roster->begin(), roster->end(), [&order](const Node& each) {
    return each.name == order.node && each.is_live();
  });
  const std::string name = "node " + printable(order.node);
  if (node == roster->end()) return Look{.is_over = false, .outcome = {}, .line = name + ": gone"};
  std::int64_t workers = 0;
  for (const auto& [pool, on_node] : node->pools) workers += on_node.running;
  const bool has_heard = !node->order || *node->order == order.id;
  if (has_heard && !node->order_fault.empty()) {
    return fail(ExitCode::kRefused, name + " refuses: " + printable(node->order_fault));
  }
  return Look{.is_over = has_heard && node->scheduling == order.scheduling,
              .outcome = {},
              .line = name + ": " + printable(node->scheduling) + ", " + std::to_string(workers) +
                      " workers run"};
}

}  // namespace

Outcome wait_until_run(Fleet& fleet, const std::vector<Goal>& goals,
                       std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const Goal& goal : goals) {
    const auto done = poll(fleet, deadline, [&] { return look_at_goal(fleet, goal); });
    if (!done) return done;
  }
  return {};
}

Outcome wait_until_gone(Fleet& fleet, const std::vector<std::string>& pools,
                        std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const std::string& pool : pools) {
    const auto done = poll(fleet, deadline, [&] { return look_for(fleet, pool); });
    if (!done) return done;
  }
  return {};
}

Outcome wait_until_obeyed(Fleet& fleet, const std::vector<Given>& orders,
                          std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const Given& order : orders) {
    const auto done = poll(fleet, deadline, [&] { return look_at_node(fleet, order); });
    if (!done) return done;
  }
  return {};
}

}  // namespace mayfly::cli::fleet
