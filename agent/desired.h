// What the pools of this node are to be: taken from files, from operators and from a coordinator,
// made durable, then told to the core. A pool has one owner: the file that defines it, the
// coordinator's key that does, or the API.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/control/operations.h"
#include "agent/images.h"
#include "agent/inbox.h"
#include "agent/store/store.h"
#include "config/document.h"

namespace mayfly::agent {

class Desired {
 public:
  struct Parts {
    Catalog& catalog;
    store::Store& store;
    Images& images;
    Inbox& inbox;
  };
  /// All parts outlive this. `runtime`: what pools must fit.
  Desired(Parts parts, config::Runtime runtime);

  /// Asked at the moment at which the pool is taken in.
  using AskAllotment = std::function<std::optional<Allotment>()>;

  /// A pool of the coordinator's, and what stands for its key: see fleet_source.
  struct FromFleet {
    config::Pool pool;
    std::string source;
    bool paused = false;
    AskAllotment allotted = [] { return std::nullopt; };
  };

  /// At start-up, before the first turn: the files' pools, then those given through the API before,
  /// then those last known of the coordinator. Images are not resolved anew: a pool that did not
  /// change is of the revision that it was of. Returns what could not be taken in, a line each.
  [[nodiscard]] std::vector<std::string> restore(const config::Document& document,
                                                 const std::vector<FromFleet>& fleet = {});

  /// After a reload: the files' pools as they are now; pools whose file is gone are dropped.
  void reload(const config::Document& document);

  /// Its image is resolved once, here; where that cannot be, within some seconds, the pool is taken
  /// in all the same, and waits for it.
  void apply(const config::Pool& pool, control::ApplyOptions options,
             control::Reply<control::ApplyResult> reply);
  void drop(const std::string& pool, control::Reply<control::ApplyResult> reply);

  /// As apply(), for the coordinator: kRefused where a file or the API owns the pool.
  void take(const FromFleet& given, control::Reply<control::ApplyResult> reply);
  /// At once. Of a pool that the coordinator does not own, nothing.
  void allot(const std::string& pool, std::optional<Allotment> allotted);
  /// The coordinator owns it.
  [[nodiscard]] bool is_of_fleet(const std::string& pool) const;
  /// Of a pool that the coordinator does not own, nothing.
  void drop_of_fleet(const std::string& pool);

  void scale(const std::string& pool, std::uint32_t replicas,
             control::Reply<control::ApplyResult> reply);
  enum class Mark : std::uint8_t { kPaused, kRunning };
  void mark(const std::string& pool, Mark mark, control::Reply<control::ApplyResult> reply);

  /// Makes a revision durable.
  void save(const store::Revision& revision, std::function<void(bool)> done);

  /// To be called after each turn: forgets dropped pools that the core has ended.
  void forget_ended(const std::map<std::string, core::Pool>& pools);

 private:
  struct Request {
    config::Pool pool;
    std::string source = {};
    control::ApplyOptions options = {};
    control::Reply<control::ApplyResult> reply;
    std::uint64_t number = 0;  ///< in the order of asking
    bool paused = false;       ///< by the coordinator
    AskAllotment allotted = [] { return std::nullopt; };
  };

  /// One whose image is being resolved. A later change of its pool goes before it.
  struct Resolving {
    std::string pool;
    bool overtaken = false;
  };

  void resolve(Request request);
  void resolved(const Request& request, const runtime::Result<runtime::Image>& image);
  /// Those of the pool that were asked for before `number`.
  void overtake(const std::string& pool, std::uint64_t number);
  void take(const Request& request, const runtime::Result<runtime::Image>& image);
  void make_durable(const Request& request, const store::Revision& revision,
                    const control::ApplyResult& result);
  void end(const std::string& pool);
  [[nodiscard]] store::Desired row(const CatalogPool& pool) const;

  Parts parts_;
  config::Runtime runtime_;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, Resolving> resolving_;
  std::set<std::string> ending_;
};

/// The source of a pool that this key of a coordinator defines.
[[nodiscard]] std::string fleet_source(const std::string& key);
[[nodiscard]] bool is_of_fleet(const std::string& source);

}  // namespace mayfly::agent
