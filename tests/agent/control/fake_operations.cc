#include "tests/agent/control/fake_operations.h"

#include <cstdlib>
#include <stdexcept>

namespace mayfly::control {

TemporaryDirectory::TemporaryDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "mayfly-control-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
  path_ = path;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

FakeOperations::FakeOperations(boost::asio::io_context& loop)
    : logs_(std::make_unique<logs::Logs>(loop, (log_root_.path() / "logs").string())) {
  status.node = "node-1";
  status.instance = "3fa9c2d1";
  status.version = "9.8.7";
  status.runtime = "containerd 1.6.20";
  status.runtime_socket = "/run/containerd/containerd.sock";
  status.config_file = "/etc/mayfly/mayfly.toml";
  world.adopted = true;
}

FakeOperations::~FakeOperations() {
  for (const auto& [name, pool] : world.pools) logs_->drop_pool(name);
}

core::Pool& FakeOperations::add_pool(const std::string& name, std::uint32_t replicas) {
  core::Pool& pool = world.pools[name];
  pool.settings.name = name;
  pool.settings.replicas = replicas;
  pool.settings.revision = core::Revision{1};
  pool.active = core::Revision{1};
  pool.prepared = core::Revision{1};
  for (core::SlotIndex slot = 0; slot < replicas; ++slot) pool.slots[slot];
  PoolDetail& detail = details[name];
  detail.desired.name = name;
  detail.desired.replicas = replicas;
  detail.desired.worker.image = "registry.example/" + name + ":1";
  seen.pool(name);
  return pool;
}

core::Worker& FakeOperations::add_spare(const std::string& pool) {
  const core::WorkerId id{++last_worker_};
  core::Worker& worker = world.workers[id];
  worker.id = id;
  worker.pool = pool;
  worker.revision = world.pools.at(pool).active;
  worker.phase = core::WorkerPhase::kHeld;
  worker.gate_ready = true;
  worker.start_asked = time - std::chrono::seconds(9);
  worker.ready = time - std::chrono::seconds(8);
  world.pools.at(pool).workers.insert(id);
  return worker;
}

core::Worker& FakeOperations::add_running(const std::string& pool, core::SlotIndex slot) {
  core::Worker& worker = add_spare(pool);
  worker.phase = core::WorkerPhase::kRunning;
  worker.slot = slot;
  worker.released = time - std::chrono::seconds(5);
  worker.running = time - std::chrono::seconds(5);
  worker.respawn_gap = std::chrono::microseconds(710);
  world.pools.at(pool).slots[slot].worker = worker.id;
  return worker;
}

void FakeOperations::add_event(const std::string& pool, const std::string& what) {
  core::Transition transition;
  transition.at = time;
  transition.pool = pool;
  transition.what = what;
  seen.add(1'700'000'000'000, std::move(transition));
}

core::EmptySlot FakeOperations::why(const std::string& /*pool*/, core::SlotIndex slot) const {
  const auto found = reasons.find(slot);
  return found == reasons.end() ? core::EmptySlot{} : found->second;
}

std::optional<PoolDetail> FakeOperations::pool(const std::string& name) const {
  const auto found = details.find(name);
  return found == details.end() ? std::nullopt : std::optional(found->second);
}

std::string FakeOperations::worker_name(const core::PoolName& pool, core::WorkerId id) const {
  return pool + "-" + std::to_string(static_cast<std::uint64_t>(id));
}

std::optional<core::WorkerId> FakeOperations::worker_id(const std::string& name) const {
  for (const auto& [id, worker] : world.workers) {
    if (worker_name(worker.pool, id) == name) return id;
  }
  return std::nullopt;
}

template <class T>
void FakeOperations::finish(const std::string& call, Reply<T> reply, T value) {
  calls.push_back(call);
  tl::expected<T, Error> result = std::move(value);
  if (refusal) result = tl::unexpected(*refusal);
  if (!silent) return reply(std::move(result));
  held_.push_back([reply = std::move(reply), result = std::move(result)] { reply(result); });
}

void FakeOperations::answer_held() {
  const auto held = std::move(held_);
  held_.clear();
  for (const auto& answer : held) answer();
}

void FakeOperations::change(const std::string& call, const std::string& pool, ChangeKind kind,
                            Reply<ApplyResult> reply) {
  if (!world.pools.contains(pool)) {
    calls.push_back(call);
    return reply(tl::unexpected(Error{Refusal::kNotFound, "there is no pool \"" + pool + "\""}));
  }
  ApplyResult result;
  result.pool = pool;
  result.kind = kind;
  result.revision = 1;
  finish(call, std::move(reply), std::move(result));
}

void FakeOperations::apply(config::Pool pool, ApplyOptions options, Reply<ApplyResult> reply) {
  ApplyResult result = apply_result;
  result.pool = pool.name;
  const std::string call = (options.dry_run ? "dry-run " : "apply ") + pool.name;
  finish(call, std::move(reply), std::move(result));
}

void FakeOperations::drop(const std::string& pool, Reply<ApplyResult> reply) {
  change("drop " + pool, pool, ChangeKind::kDeleted, std::move(reply));
}

void FakeOperations::scale(const std::string& pool, std::uint32_t replicas,
                           Reply<ApplyResult> reply) {
  change("scale " + pool + " " + std::to_string(replicas), pool, ChangeKind::kChanged,
         std::move(reply));
}

void FakeOperations::pause(const std::string& pool, Reply<ApplyResult> reply) {
  change("pause " + pool, pool, ChangeKind::kChanged, std::move(reply));
}

void FakeOperations::resume(const std::string& pool, Reply<ApplyResult> reply) {
  change("resume " + pool, pool, ChangeKind::kChanged, std::move(reply));
}

void FakeOperations::reset(const std::string& pool, Reply<ApplyResult> reply) {
  change("reset " + pool, pool, ChangeKind::kChanged, std::move(reply));
}

void FakeOperations::retire(core::WorkerId worker, Reply<std::string> reply) {
  const std::string name = worker_name(world.workers.at(worker).pool, worker);
  const std::string call = "retire " + name;
  finish<std::string>(call, std::move(reply), name + " is being retired");
}

void FakeOperations::kill(core::WorkerId worker, Reply<std::string> reply) {
  const std::string name = worker_name(world.workers.at(worker).pool, worker);
  const std::string call = "kill " + name;
  finish<std::string>(call, std::move(reply), name + " is being killed");
}

void FakeOperations::order_node(const config::NodeOrder& order, Reply<NodeResult> reply) {
  using Scheduling = config::NodeOrder::Scheduling;
  static const std::map<Scheduling, std::string> kWords{{Scheduling::kOpen, "open"},
                                                        {Scheduling::kCordoned, "cordoned"},
                                                        {Scheduling::kDrained, "drained"}};
  const std::string deadline =
      order.deadline ? " within " + std::to_string(order.deadline->count()) + " s" : "";
  finish<NodeResult>("node " + kWords.at(order.scheduling) + deadline, std::move(reply),
                     node_result);
}

void FakeOperations::reload(Reply<std::string> reply) {
  finish<std::string>("reload", std::move(reply), "configuration reloaded");
}

void FakeOperations::exits(store::ExitQuery query, Reply<std::vector<store::Exit>> reply) {
  std::vector<store::Exit> found;
  for (const store::Exit& exit : records) {
    if (!query.pool.empty() && exit.pool != query.pool) continue;
    if (!query.worker.empty() && exit.worker != query.worker) continue;
    if (found.size() < query.limit) found.push_back(exit);
  }
  reply(std::move(found));
}

ImageRow image_row(const std::string& name) {
  ImageRow row;
  row.name = name;
  row.digest = "sha256:abc";
  row.size_bytes = 12;
  return row;
}

void FakeOperations::import_image(const std::string& file, const std::optional<std::string>& name,
                                  Reply<std::vector<ImageRow>> reply) {
  if (on_import) on_import(file);
  finish<std::vector<ImageRow>>("import", std::move(reply),
                                {image_row(name.value_or("from-the-file:1"))});
}

void FakeOperations::pull_image(const std::string& name, Reply<ImageRow> reply) {
  finish<ImageRow>("pull " + name, std::move(reply), image_row(name));
}

void FakeOperations::remove_image(const std::string& name, Reply<std::vector<ImageRow>> reply) {
  finish<std::vector<ImageRow>>("rm " + name, std::move(reply), {image_row(name)});
}

void FakeOperations::collect_images(CollectOptions options,
                                    Reply<std::vector<CollectedRow>> reply) {
  finish(options.dry_run ? "gc dry-run" : "gc", std::move(reply), collected);
}

void FakeOperations::images(Reply<std::vector<ImageRow>> reply) {
  reply(image_rows);
}

}  // namespace mayfly::control
