#include "agent/cli/fleet/names.h"

#include <chrono>

#include "agent/cli/fleet/desk.h"
#include "agent/cli/fleet/live_store.h"

namespace mayfly::cli::fleet {
namespace {

/// Somebody waits at the keyboard.
constexpr std::chrono::milliseconds kPatience{1000};

template <class Take>
std::vector<std::string> names_at(const Choice& choice, Take take) {
  std::vector<std::string> names;
  const auto context = choose(choice);
  if (!context) return names;
  LiveStore store(*context, kPatience);
  Desk desk(store, context->cluster, {});
  take(desk, names);
  return names;
}

}  // namespace

std::vector<std::string> cluster_names(const Choice& choice) {
  std::vector<std::string> names;
  const auto contexts = known_contexts(choice);
  if (!contexts) return names;
  for (const auto& [name, context] : *contexts) names.push_back(name);
  return names;
}

std::vector<std::string> pool_names(const Choice& choice) {
  return names_at(choice, [](Desk& desk, std::vector<std::string>& names) {
    const auto pools = desk.pools();
    if (!pools) return;
    for (const PoolKey& pool : *pools) {
      if (pool.is_there()) names.push_back(pool.name);
    }
  });
}

std::vector<std::string> node_names(const Choice& choice) {
  return names_at(choice, [](Desk& desk, std::vector<std::string>& names) {
    const auto nodes = desk.nodes();
    if (!nodes) return;
    for (const NodeKeys& node : *nodes) names.push_back(node.name);
  });
}

}  // namespace mayfly::cli::fleet
