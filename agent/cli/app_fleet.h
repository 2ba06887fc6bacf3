// The verbs on a fleet, on the command line: which of the command's words have a meaning there, the
// words that have one nowhere else, and where the words of this command line go.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/cli/fleet/verbs.h"

namespace CLI {
class App;
}

namespace mayfly::cli {

class FleetVerbs {
 public:
  using Here = std::function<Outcome(Context&)>;

  /// Adds to the words of `app`, which are all there by now. `choose` is called with what a verb
  /// does on a node.
  FleetVerbs(CLI::App& app, const std::function<void(Here)>& choose);

  /// What was parsed, on the fleet that is meant; `here` where none is, or none matters.
  [[nodiscard]] Outcome run(Output& out, Format format, const std::function<Outcome()>& here) const;

 private:
  using There = std::function<Outcome(fleet::Fleet& fleet, const CLI::App& command)>;

  void offer(const std::vector<std::string>& words, There there);
  void offer_reading();
  void offer_changing();
  void add_nodes();
  void add_contexts(const std::function<void(Here)>& choose);
  [[nodiscard]] bool is_for_fleet(const CLI::App& command) const;
  [[nodiscard]] Outcome run_there(Output& out, Format format, const CLI::App& command) const;

  CLI::App& app_;
  fleet::Choice choice_;
  bool is_fleet_meant_ = false;
  std::vector<std::string> nodes_;
  std::map<const CLI::App*, There> there_;
  std::set<const CLI::App*> anywhere_;    ///< they ask neither a node nor a fleet
  std::set<const CLI::App*> only_there_;  ///< they have no meaning on a node
  std::set<const CLI::App*> with_node_names_;
};

}  // namespace mayfly::cli
