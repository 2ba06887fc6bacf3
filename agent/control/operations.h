// What the control server may ask of the daemon. The server knows HTTP, JSON, callers and limits;
// the daemon knows the rest and implements this. Used on the loop's thread; replies come on it,
// later.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/control/node_status.h"
#include "agent/core/core.h"
#include "agent/doctor/check.h"
#include "agent/evidence.h"
#include "agent/logs/logs.h"
#include "agent/store/store.h"
#include "config/document.h"
#include "config/node_order.h"

namespace mayfly::control {

enum class Refusal : std::uint8_t {
  kNotFound,  ///< 404, exit code 3
  kRefused,   ///< 409, exit code 4: understood, and not done; `what` says why and what to do
  kInvalid,   ///< 422, exit code 1: the input is wrong
  kFailed,    ///< 500, exit code 1
  kTimedOut,  ///< 504, exit code 5
};

struct Error {
  Refusal refusal = Refusal::kFailed;
  std::string what;
};

template <class T>
using Reply = std::function<void(tl::expected<T, Error>)>;

/// A pool as the daemon holds it, beside what the core's model says of it.
struct PoolDetail {
  config::Pool desired;
  std::string source;  ///< the file that defines it; "" = given through the API
  bool paused = false;
  std::vector<store::Revision> revisions;  ///< the newest last; bounded
};

enum class ChangeKind : std::uint8_t { kCreated, kChanged, kUnchanged, kDeleted };

struct Change {
  std::string key;  ///< dotted path, e.g. "replicas", "resources.memory"
  std::string from;
  std::string to;
};

struct ApplyResult {
  std::string pool;
  ChangeKind kind = ChangeKind::kUnchanged;
  bool new_revision = false;   ///< workers will be replaced as they exit
  std::uint32_t revision = 0;  ///< the one desired after this
  std::vector<Change> changes;
  std::string image;         ///< as the pool says it; "" = nothing to say of it
  std::string image_digest;  ///< what the revision keeps; "" = not known yet
  std::string image_fault;   ///< why it is not
};

struct ApplyOptions {
  bool dry_run = false;
};

/// What became of an order of the node itself.
struct NodeResult {
  ChangeKind kind = ChangeKind::kUnchanged;
};

/// A pool's revision that waits for an image.
struct PullFor {
  std::string pool;
  std::uint32_t revision = 0;
};

/// An image on its way here. Totals of 0 are not known yet.
struct Pull {
  std::string image;
  std::string digest;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint32_t layers_done = 0;
  std::uint32_t layers_total = 0;
  std::int64_t took_ms = 0;
  std::string waiting_for;  ///< why it does not go on now; "" = it does
  std::vector<PullFor> wanted_by;
};

struct ImageUser {
  std::string pool;
  std::uint32_t revision = 0;
  std::string role;  ///< "current", "previous"
};

struct ImageRow {
  std::string name;
  std::string digest;
  std::uint64_t size_bytes = 0;
  bool ours = false;  ///< Mayfly brought it in, and removes it when nothing needs it
  std::vector<ImageUser> used_by;
  std::optional<std::int64_t> unused_unix_ms;  ///< of one of ours: since when
};

/// What a collection removed, or would.
struct CollectedRow {
  std::string name;
  std::string digest;
  std::uint64_t size_bytes = 0;
  std::string why;
  std::string fault;  ///< why it is still here; "" = it is gone, or would be
};

struct CollectOptions {
  bool dry_run = false;
};

class Operations {
 public:
  virtual ~Operations() = default;

  [[nodiscard]] virtual core::Time now() const = 0;
  [[nodiscard]] virtual const core::Model& model() const = 0;
  [[nodiscard]] virtual core::EmptySlot why(const std::string& pool,
                                            core::SlotIndex slot) const = 0;
  [[nodiscard]] virtual const agent::Evidence& evidence() const = 0;
  [[nodiscard]] virtual const logs::Logs& logs() const = 0;
  [[nodiscard]] virtual NodeStatus node() const = 0;
  [[nodiscard]] virtual std::optional<PoolDetail> pool(const std::string& name) const = 0;
  /// The printed name of a worker ("encode-7k3f9a2b1c"), also of one that has gone.
  [[nodiscard]] virtual std::string worker_name(const core::PoolName& pool,
                                                core::WorkerId id) const = 0;
  /// And back, of one that is there.
  [[nodiscard]] virtual std::optional<core::WorkerId> worker_id(const std::string& name) const = 0;

  virtual void apply(config::Pool pool, ApplyOptions options, Reply<ApplyResult> reply) = 0;
  virtual void drop(const std::string& pool, Reply<ApplyResult> reply) = 0;
  virtual void scale(const std::string& pool, std::uint32_t replicas, Reply<ApplyResult> reply) = 0;
  virtual void pause(const std::string& pool, Reply<ApplyResult> reply) = 0;
  virtual void resume(const std::string& pool, Reply<ApplyResult> reply) = 0;
  virtual void reset(const std::string& pool, Reply<ApplyResult> reply) = 0;
  virtual void retire(core::WorkerId worker, Reply<std::string> reply) = 0;
  virtual void kill(core::WorkerId worker, Reply<std::string> reply) = 0;
  virtual void reload(Reply<std::string> reply) = 0;
  /// Cordon, drain and undrain.
  virtual void order_node(const config::NodeOrder& order, Reply<NodeResult> reply) = 0;

  virtual void exits(store::ExitQuery query, Reply<std::vector<store::Exit>> reply) = 0;

  [[nodiscard]] virtual std::vector<Pull> pulls() const = 0;
  /// Asks the registry first. Long: it ends when the image is here or cannot be had.
  virtual void pull_image(const std::string& name, Reply<ImageRow> reply) = 0;
  /// By name or digest. kRefused: a pool needs it.
  virtual void remove_image(const std::string& name, Reply<std::vector<ImageRow>> reply) = 0;
  virtual void collect_images(CollectOptions options, Reply<std::vector<CollectedRow>> reply) = 0;
  /// `file`: a spooled upload; the caller removes it after the reply.
  virtual void import_image(const std::string& file, const std::optional<std::string>& name,
                            Reply<std::vector<ImageRow>> reply) = 0;
  virtual void images(Reply<std::vector<ImageRow>> reply) = 0;

  virtual void doctor(Reply<std::vector<doctor::Check>> reply) = 0;
};

}  // namespace mayfly::control
