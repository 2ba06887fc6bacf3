// The daemon as its operators see it: what the control server asks is answered from the core's
// model, or becomes an event or a change of what is desired.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/operations.h"
#include "agent/desired.h"
#include "agent/images.h"
#include "agent/workplaces.h"

namespace mayfly::agent {

class Operator final : public control::Operations {
 public:
  struct Parts {
    core::Core& core;
    Catalog& catalog;
    Desired& desired;
    Inbox& inbox;
    Evidence& evidence;
    Workplaces& workplaces;
    store::Store& store;
    Images& images;
  };
  struct Hooks {
    /// Reads the configuration again; the error is what is wrong with it.
    std::function<tl::expected<std::string, std::string>()> reload;
    std::function<void(control::Reply<std::vector<doctor::Check>>)> doctor;
    std::function<void(const config::NodeOrder&, control::Reply<control::NodeResult>)> order_node;
  };

  Operator(Parts parts, control::NodeStatus node, Hooks hooks);

  /// What `status` says of the daemon itself; kept up to date by the daemon.
  control::NodeStatus& node_status() { return node_; }

  [[nodiscard]] core::Time now() const override;
  [[nodiscard]] const core::Model& model() const override { return parts_.core.model(); }
  [[nodiscard]] core::EmptySlot why(const std::string& pool, core::SlotIndex slot) const override;
  [[nodiscard]] const Evidence& evidence() const override { return parts_.evidence; }
  [[nodiscard]] const logs::Logs& logs() const override { return parts_.workplaces.logs(); }
  [[nodiscard]] control::NodeStatus node() const override { return node_; }
  [[nodiscard]] std::optional<control::PoolDetail> pool(const std::string& name) const override;
  [[nodiscard]] std::string worker_name(const core::PoolName& pool,
                                        core::WorkerId id) const override;
  [[nodiscard]] std::optional<core::WorkerId> worker_id(const std::string& name) const override;

  void apply(config::Pool pool, control::ApplyOptions options,
             control::Reply<control::ApplyResult> reply) override;
  void drop(const std::string& pool, control::Reply<control::ApplyResult> reply) override;
  void scale(const std::string& pool, std::uint32_t replicas,
             control::Reply<control::ApplyResult> reply) override;
  void pause(const std::string& pool, control::Reply<control::ApplyResult> reply) override;
  void resume(const std::string& pool, control::Reply<control::ApplyResult> reply) override;
  void reset(const std::string& pool, control::Reply<control::ApplyResult> reply) override;
  void retire(core::WorkerId worker, control::Reply<std::string> reply) override;
  void kill(core::WorkerId worker, control::Reply<std::string> reply) override;
  void reload(control::Reply<std::string> reply) override;
  void order_node(const config::NodeOrder& order,
                  control::Reply<control::NodeResult> reply) override;
  void exits(store::ExitQuery query, control::Reply<std::vector<store::Exit>> reply) override;
  void import_image(const std::string& file, const std::optional<std::string>& name,
                    control::Reply<std::vector<control::ImageRow>> reply) override;
  void images(control::Reply<std::vector<control::ImageRow>> reply) override;
  [[nodiscard]] std::vector<control::Pull> pulls() const override;
  void pull_image(const std::string& name, control::Reply<control::ImageRow> reply) override;
  void remove_image(const std::string& name,
                    control::Reply<std::vector<control::ImageRow>> reply) override;
  void collect_images(control::CollectOptions options,
                      control::Reply<std::vector<control::CollectedRow>> reply) override;
  void doctor(control::Reply<std::vector<doctor::Check>> reply) override;

 private:
  Parts parts_;
  control::NodeStatus node_;
  Hooks hooks_;
};

}  // namespace mayfly::agent
