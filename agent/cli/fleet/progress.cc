#include "agent/cli/fleet/progress.h"

#include <algorithm>

#include "agent/cli/text.h"
#include "agent/coordinator/share.h"

namespace mayfly::cli::fleet {
namespace {

constexpr std::size_t kNamesShown = 5;

/// A node that takes nothing new fills no slot.
bool takes_work(const Node& node) {
  return node.scheduling == "open";
}

std::string reason_of(const PoolOnNode& pool) {
  if (pool.why.empty()) return "";
  const EmptySlots& first = pool.why.front();
  return first.message + (first.detail.empty() ? "" : ": " + first.detail);
}

bool is_full(const Goal& goal, const Node& node, const PoolOnNode& pool) {
  const bool is_paused = goal.document.paused.value_or(false);
  if (is_paused || pool.paused) return pool.paused;
  if (!takes_work(node)) return true;
  const bool has_size = goal.document.total || pool.replicas == goal.document.pool.replicas;
  return has_size && pool.running == pool.replicas && pool.active_revision == pool.revision;
}

NodeStage stage_of(const Goal& goal, const Node& node) {
  NodeStage stage{.node = node.name, .why = {}};
  const auto refused = node.refused.find(goal.pool);
  const auto refused_at = node.refused_documents.find(goal.pool);
  if (refused != node.refused.end() && refused_at != node.refused_documents.end() &&
      refused_at->second >= goal.mod_revision) {
    stage.stage = Stage::kRefused;
    stage.why = refused->second;
    return stage;
  }
  const auto pool = node.pools.find(goal.pool);
  if (pool == node.pools.end() || pool->second.document < goal.mod_revision) return stage;
  if (is_full(goal, node, pool->second)) {
    stage.stage = Stage::kRuns;
    return stage;
  }
  const bool has_image = pool->second.active_revision == pool->second.revision;
  stage.stage = has_image ? Stage::kFilling : Stage::kPulling;
  stage.why = reason_of(pool->second);
  return stage;
}

std::vector<std::string> names_in(const Progress& progress, Stage stage) {
  std::vector<std::string> names;
  for (const NodeStage& node : progress.nodes) {
    if (node.stage == stage) names.push_back(node.node);
  }
  return names;
}

std::string part(const Progress& progress, Stage stage, const char* word) {
  const auto names = names_in(progress, stage);
  if (names.empty()) return "";
  return ", " + std::to_string(names.size()) + " " + word + " (" + some_of(names) + ")";
}

}  // namespace

std::size_t Progress::count(Stage stage) const {
  return static_cast<std::size_t>(std::count_if(
      nodes.begin(), nodes.end(), [stage](const NodeStage& each) { return each.stage == stage; }));
}

bool Progress::is_settled() const {
  const bool have_answered = count(Stage::kRuns) + count(Stage::kRefused) == nodes.size();
  return have_answered && (running >= wanted || count(Stage::kRefused) > 0);
}

Progress progress_of(const Goal& goal, const Roster& roster) {
  Progress progress;
  const bool is_paused = goal.document.paused.value_or(false);
  for (const Node& node : roster) {
    if (!node.is_live() || !coordinator::selects(goal.document.selector, node.labels)) continue;
    progress.nodes.push_back(stage_of(goal, node));
    const auto pool = node.pools.find(goal.pool);
    const bool has_it = pool != node.pools.end();
    if (has_it) progress.running += pool->second.running;
    const bool rests = is_paused || (has_it && pool->second.paused) || !takes_work(node);
    const bool counts = !goal.document.total && !rests;
    if (counts) progress.wanted += goal.document.pool.replicas;
  }
  if (goal.document.total && !is_paused && !progress.nodes.empty()) {
    progress.wanted = *goal.document.total;
  }
  return progress;
}

std::string progress_line(const Progress& progress) {
  if (progress.nodes.empty()) return "no live node is to run it";
  std::string line = std::to_string(progress.count(Stage::kRuns)) + " of " +
                     std::to_string(progress.nodes.size()) +
                     (progress.nodes.size() == 1 ? " node runs it" : " nodes run it");
  line += part(progress, Stage::kNotHeard, "not heard of yet");
  line += part(progress, Stage::kPulling, "without its image");
  line += part(progress, Stage::kFilling, "filling");
  line += part(progress, Stage::kRefused, "refused it");
  return line + "; " + std::to_string(progress.running) + " of " + std::to_string(progress.wanted) +
         " workers run";
}

Remains remains_of(const std::string& pool, const Roster& roster) {
  Remains remains;
  for (const Node& node : roster) {
    const auto found = node.pools.find(pool);
    const bool is_fleets =
        found != node.pools.end() && (found->second.document != 0 || found->second.deleting);
    if (!node.is_live() || !is_fleets) continue;
    remains.nodes.push_back(node.name);
    remains.workers += found->second.running;
  }
  return remains;
}

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    text += (i == 0 ? "" : ", ") + printable(names[i]);
  }
  if (names.size() > kNamesShown) {
    text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  }
  return text;
}

}  // namespace mayfly::cli::fleet
