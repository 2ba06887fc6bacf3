// What the command does on a fleet, a function for each verb; the arguments are parsed already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/cli/fleet/choice.h"
#include "agent/cli/fleet/progress.h"
#include "agent/cli/page.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli::fleet {

/// What a verb works with.
struct Fleet {
  Desk& desk;
  Output& out;
  Format format = Format::kTable;
};

// Reading.
[[nodiscard]] Outcome status(Fleet& fleet, Showing showing);
[[nodiscard]] Outcome get_nodes(Fleet& fleet, Showing showing);
/// `pool`: "": all
[[nodiscard]] Outcome get_pools(Fleet& fleet, const std::string& pool, Showing showing);
[[nodiscard]] Outcome describe_node(Fleet& fleet, const std::string& name);
[[nodiscard]] Outcome describe_pool(Fleet& fleet, const std::string& name);
[[nodiscard]] Outcome why(Fleet& fleet, const std::string& pool);
[[nodiscard]] Outcome history(Fleet& fleet, const std::string& pool);

// Changing.
[[nodiscard]] Outcome apply(Fleet& fleet, const ApplyOptions& options);
[[nodiscard]] Outcome diff(Fleet& fleet, const std::vector<std::string>& files);
[[nodiscard]] Outcome remove(Fleet& fleet, const DeleteOptions& options);
[[nodiscard]] Outcome scale(Fleet& fleet, const ScaleOptions& options);
[[nodiscard]] Outcome pause(Fleet& fleet, const std::vector<std::string>& pools);
[[nodiscard]] Outcome resume(Fleet& fleet, const std::vector<std::string>& pools);

struct OrderOptions {
  std::vector<std::string> nodes;
  NodeOrder order;
  Wait wait;
};
[[nodiscard]] Outcome order(Fleet& fleet, const OrderOptions& options);

// Waiting, with progress.
[[nodiscard]] Outcome wait_until_run(Fleet& fleet, const std::vector<Goal>& goals,
                                     std::chrono::milliseconds timeout);
[[nodiscard]] Outcome wait_until_gone(Fleet& fleet, const std::vector<std::string>& pools,
                                      std::chrono::milliseconds timeout);
/// An order that was given.
struct Given {
  std::string node;
  std::string id;
  std::string scheduling;
};
[[nodiscard]] Outcome wait_until_obeyed(Fleet& fleet, const std::vector<Given>& orders,
                                        std::chrono::milliseconds timeout);

/// Needs no etcd.
[[nodiscard]] Outcome list_contexts(const Choice& choice, Output& out, Format format);
[[nodiscard]] Outcome use_context(const Choice& choice, const std::string& name, Output& out);

}  // namespace mayfly::cli::fleet
