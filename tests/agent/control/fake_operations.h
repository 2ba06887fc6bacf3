// A daemon for tests of what stands before it: a model made by hand, answers as told.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/operations.h"

namespace mayfly::control {

/// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// An image of twelve bytes.
[[nodiscard]] ImageRow image_row(const std::string& name);

class FakeOperations final : public Operations {
 public:
  explicit FakeOperations(boost::asio::io_context& loop);
  ~FakeOperations() override;

  // ---- what it holds; a test changes it on the loop's thread ----
  core::Model world;
  core::Time time = core::Time{} + std::chrono::hours(1);
  agent::Evidence seen;
  NodeStatus status;
  std::map<std::string, PoolDetail> details;
  std::map<core::SlotIndex, core::EmptySlot> reasons;
  std::vector<store::Exit> records;
  std::vector<ImageRow> image_rows;
  std::vector<Pull> pulling;
  std::vector<CollectedRow> collected;
  std::vector<doctor::Check> checks;
  logs::Logs& log_files() { return *logs_; }

  // ---- how it answers ----
  std::optional<Error> refusal;  ///< given to every write
  bool silent = false;           ///< writes are not answered until answer_held()
  void answer_held();

  // ---- what it was asked to do, in order: "scale encode 3" ----
  std::vector<std::string> calls;
  ApplyResult apply_result;
  NodeResult node_result{ChangeKind::kChanged};
  std::function<void(const std::string& file)> on_import;

  /// A pool whose slots are all empty.
  core::Pool& add_pool(const std::string& name, std::uint32_t replicas);
  /// A worker that runs in a slot of the pool.
  core::Worker& add_running(const std::string& pool, core::SlotIndex slot);
  /// A spare that is ready.
  core::Worker& add_spare(const std::string& pool);
  void add_event(const std::string& pool, const std::string& what);

  [[nodiscard]] core::Time now() const override { return time; }
  [[nodiscard]] const core::Model& model() const override { return world; }
  [[nodiscard]] core::EmptySlot why(const std::string& pool, core::SlotIndex slot) const override;
  [[nodiscard]] const agent::Evidence& evidence() const override { return seen; }
  [[nodiscard]] const logs::Logs& logs() const override { return *logs_; }
  [[nodiscard]] NodeStatus node() const override { return status; }
  [[nodiscard]] std::optional<PoolDetail> pool(const std::string& name) const override;
  [[nodiscard]] std::string worker_name(const core::PoolName& pool,
                                        core::WorkerId id) const override;
  [[nodiscard]] std::optional<core::WorkerId> worker_id(const std::string& name) const override;

  void apply(config::Pool pool, ApplyOptions options, Reply<ApplyResult> reply) override;
  void drop(const std::string& pool, Reply<ApplyResult> reply) override;
  void scale(const std::string& pool, std::uint32_t replicas, Reply<ApplyResult> reply) override;
  void pause(const std::string& pool, Reply<ApplyResult> reply) override;
  void resume(const std::string& pool, Reply<ApplyResult> reply) override;
  void reset(const std::string& pool, Reply<ApplyResult> reply) override;
  void retire(core::WorkerId worker, Reply<std::string> reply) override;
  void kill(core::WorkerId worker, Reply<std::string> reply) override;
  void reload(Reply<std::string> reply) override;
  void order_node(const config::NodeOrder& order, Reply<NodeResult> reply) override;
  void exits(store::ExitQuery query, Reply<std::vector<store::Exit>> reply) override;
  void import_image(const std::string& file, const std::optional<std::string>& name,
                    Reply<std::vector<ImageRow>> reply) override;
  void images(Reply<std::vector<ImageRow>> reply) override;
  [[nodiscard]] std::vector<Pull> pulls() const override { return pulling; }
  void pull_image(const std::string& name, Reply<ImageRow> reply) override;
  void remove_image(const std::string& name, Reply<std::vector<ImageRow>> reply) override;
  void collect_images(CollectOptions options, Reply<std::vector<CollectedRow>> reply) override;
  void doctor(Reply<std::vector<doctor::Check>> reply) override { reply(checks); }

 private:
  template <class T>
  void finish(const std::string& call, Reply<T> reply, T value);
  void change(const std::string& call, const std::string& pool, ChangeKind kind,
              Reply<ApplyResult> reply);

  TemporaryDirectory log_root_;
  std::unique_ptr<logs::Logs> logs_;
  std::uint64_t last_worker_ = 0;
  std::vector<std::function<void()>> held_;
};

}  // namespace mayfly::control
