// What the pools of this node are to be: taken from files and from operators, made durable, then
// told to the core. A pool has one owner: the file that defines it, or the API.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/control/operations.h"
#include "agent/inbox.h"
#include "agent/store/store.h"
#include "config/document.h"
#include "runtime/driver.h"

namespace mayfly::agent {

class Desired {
 public:
  /// All outlive this.
  Desired(Catalog& catalog, store::Store& store, runtime::Driver& driver, Inbox& inbox);

  /// At start-up, before the first turn: the files' pools, then those given through the API before.
  /// Images are not resolved anew: a pool that did not change is of the revision that it was of.
  /// Returns what could not be taken in, a line each.
  [[nodiscard]] std::vector<std::string> restore(const config::Document& document);

  /// After a reload: the files' pools as they are now; pools whose file is gone are dropped.
  void reload(const config::Document& document);

  void apply(const config::Pool& pool, control::ApplyOptions options,
             control::Reply<control::ApplyResult> reply);
  void drop(const std::string& pool, control::Reply<control::ApplyResult> reply);
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
    std::string source;
    control::ApplyOptions options;
    control::Reply<control::ApplyResult> reply;
  };

  void resolve(Request request);
  void take(const Request& request, const std::string& digest);
  void make_durable(const Request& request, const store::Revision& revision,
                    const control::ApplyResult& result);
  void end(const std::string& pool);
  [[nodiscard]] store::Desired row(const CatalogPool& pool) const;

  Catalog& catalog_;
  store::Store& store_;
  runtime::Driver& driver_;
  Inbox& inbox_;
  std::set<std::string> ending_;
};

}  // namespace mayfly::agent
