#include "agent/desired.h"

#include <algorithm>
#include <utility>

#include "agent/clock.h"
#include "agent/crash_point.h"
#include "agent/log.h"
#include "agent/message_ids.h"
#include "config/diff.h"
#include "config/load.h"

namespace mayfly::agent {
namespace {

using control::ApplyResult;
using control::ChangeKind;
using control::Refusal;
using control::Reply;

control::Error no_such_pool(const std::string& pool) {
  return {Refusal::kNotFound, "pool " + pool + " is not there"};
}

constexpr std::string_view kFleet = "etcd:";

/// Of "etcd:/mayfly/CLUSTER/pools/POOL".
std::string cluster_of(const std::string& source) {
  const std::size_t begin =
      std::min(source.size(), kFleet.size() + std::string_view("/mayfly/").size());
  return source.substr(begin, source.find('/', begin) - begin);
}

control::Error owned(const std::string& pool, const std::string& source) {
  if (source.empty()) {
    return {Refusal::kRefused, "pool " + pool +
                                   " was given by command on this node: delete it here, or name "
                                   "the other one otherwise"};
  }
  if (is_of_fleet(source)) {
    return {Refusal::kRefused,
            "pool " + pool + " comes from the coordinator (" + source.substr(kFleet.size()) +
                "): change it there, as in `mayfly --cluster " + cluster_of(source) + " apply`"};
  }
  return {Refusal::kRefused, "pool " + pool + " is defined in " + source +
                                 ": change it there, then run `mayfly reload`"};
}

control::Error paused_by_fleet(const std::string& pool, const std::string& source) {
  const std::string command = "mayfly --cluster " + cluster_of(source) + " resume " + pool;
  return {Refusal::kRefused,
          "pool " + pool + " is paused on all nodes: `" + command + "` lets it go on"};
}

/// A file takes over what was given by command; a coordinator takes over nothing.
bool may_take(const std::string& source, const CatalogPool* before) {
  if (before == nullptr || before->source == source) return true;
  return before->source.empty() && !is_of_fleet(source);
}

ApplyResult describe(const CatalogPool* before, const config::Pool& after,
                     const store::Revision& revision) {
  ApplyResult result;
  result.pool = after.name;
  result.revision = revision.number;
  const config::Pool nothing;
  const config::Pool& from = before != nullptr ? before->desired : nothing;
  for (const config::Difference& change : config::diff(from, after).changes) {
    result.changes.push_back({change.key, change.from, change.to});
  }
  result.image = after.worker.image;
  result.image_digest = revision.image;
  result.new_revision = before == nullptr || before->revisions.back().row.number != revision.number;
  const bool changed = result.new_revision || !result.changes.empty();
  result.kind = before == nullptr ? ChangeKind::kCreated
                : changed         ? ChangeKind::kChanged
                                  : ChangeKind::kUnchanged;
  return result;
}

struct Pauses {
  bool here = false;
  bool by_fleet = false;
};

/// Replies that only matter to the log: for pools that a file changed.
Reply<ApplyResult> log_reply(const std::string& pool) {
  return [pool](tl::expected<ApplyResult, control::Error> result) {
    if (!result)
      log::error("pool could not be taken in", {{"pool", pool}, {"error", result.error().what}});
  };
}

}  // namespace

Desired::Desired(Parts parts, config::Runtime runtime)
    : parts_(parts), runtime_(std::move(runtime)) {}

std::string fleet_source(const std::string& key) {
  return std::string(kFleet) + key;
}

bool is_of_fleet(const std::string& source) {
  return source.starts_with(kFleet);
}

std::vector<std::string> Desired::restore(const config::Document& document,
                                          const std::vector<FromFleet>& fleet) {
  std::vector<std::string> faults = parts_.catalog.restore(parts_.store.loaded().revisions);
  const auto take_in = [this](const config::Pool& pool, const std::string& source, Pauses pauses) {
    const store::Revision revision = parts_.catalog.plan(pool, "", unix_ms_now());
    parts_.catalog.put(pool, source, revision);
    parts_.catalog.find(pool.name)->paused = pauses.here;
    parts_.catalog.find(pool.name)->paused_by_fleet = pauses.by_fleet;
    // Before the first inventory, or its workers would seem to be nobody's. The row follows.
    save(revision, [](bool) {});
    parts_.inbox.post(core::PoolDesired{parts_.catalog.settings(pool.name)});
  };
  std::map<std::string, bool> marks;
  for (const store::Desired& row : parts_.store.loaded().desired) {
    marks[row.pool] = row.paused;
    if (row.spec.empty()) continue;
    if (document.pools.contains(row.pool)) {
      faults.push_back("pool " + row.pool + " was given by command and is now defined in " +
                       document.pool_files.at(row.pool) + ": the file is used");
      continue;
    }
    const auto pool = config::parse_pool_json(row.spec);
    if (!pool) {
      faults.push_back("pool " + row.pool + " of the store cannot be read; apply it again");
      continue;
    }
    take_in(*pool, "", {row.paused});
  }
  for (const auto& [name, pool] : document.pools) {
    take_in(pool, document.pool_files.at(name), {marks[name]});
  }
  for (const auto& [pool, source, paused, allotted] : fleet) {
    if (parts_.catalog.find(pool.name) != nullptr) continue;
    parts_.catalog.allot(pool.name, allotted());
    // What is the node's own from now on is paused by its own mark.
    const bool is_own = source.empty();
    take_in(pool, source, {marks[pool.name] || (paused && is_own), paused && !is_own});
    if (source.empty()) parts_.store.put_desired(row(*parts_.catalog.find(pool.name)), [](bool) {});
  }
  return faults;
}

void Desired::reload(const config::Document& document) {
  std::vector<std::string> gone;
  for (const auto& [name, entry] : parts_.catalog.pools()) {
    const bool is_of_file = !entry.source.empty() && !agent::is_of_fleet(entry.source);
    if (is_of_file && !document.pools.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) end(name);
  for (const auto& [name, pool] : document.pools) {
    resolve({.pool = pool, .source = document.pool_files.at(name), .reply = log_reply(name)});
  }
}

void Desired::apply(const config::Pool& pool, control::ApplyOptions options,
                    Reply<ApplyResult> reply) {
  const CatalogPool* entry = parts_.catalog.find(pool.name);
  if (entry != nullptr && !entry->source.empty()) {
    reply(tl::unexpected(owned(pool.name, entry->source)));
    return;
  }
  if (const std::string wrong = config::misfit(runtime_, pool); !wrong.empty()) {
    reply(tl::unexpected(control::Error{Refusal::kInvalid, "network " + wrong}));
    return;
  }
  resolve({.pool = pool, .options = options, .reply = std::move(reply)});
}

void Desired::take(const FromFleet& given, Reply<ApplyResult> reply) {
  const CatalogPool* before = parts_.catalog.find(given.pool.name);
  if (!may_take(given.source, before)) {
    reply(tl::unexpected(owned(given.pool.name, before->source)));
    return;
  }
  if (const std::string wrong = config::misfit(runtime_, given.pool); !wrong.empty()) {
    reply(tl::unexpected(control::Error{Refusal::kInvalid, "network " + wrong}));
    return;
  }
  resolve({.pool = given.pool,
           .source = given.source,
           .reply = std::move(reply),
           .paused = given.paused,
           .allotted = given.allotted});
}

bool Desired::is_of_fleet(const std::string& pool) const {
  const CatalogPool* entry = parts_.catalog.find(pool);
  return entry != nullptr && agent::is_of_fleet(entry->source);
}

void Desired::allot(const std::string& pool, std::optional<Allotment> allotted) {
  if (!is_of_fleet(pool) || parts_.catalog.allotted(pool) == allotted) return;
  parts_.catalog.allot(pool, allotted);
  parts_.inbox.post(core::PoolDesired{parts_.catalog.settings(pool)});
}

void Desired::drop_of_fleet(const std::string& pool) {
  const CatalogPool* entry = parts_.catalog.find(pool);
  if (entry == nullptr) return overtake(pool, ++asked_);  // one may be on its way
  if (agent::is_of_fleet(entry->source)) end(pool);
}

void Desired::resolve(Request request) {
  const config::Pool& pool = request.pool;
  request.number = ++asked_;
  resolving_[request.number] = {pool.name};
  const runtime::ImageWanted wanted{pool.worker.image, {}, to_runtime(pool.pull)};
  parts_.images.resolve(
      wanted, [this, request = std::move(request)](const runtime::Result<runtime::Image>& image) {
        resolved(request, image);
      });
}

void Desired::resolved(const Request& request, const runtime::Result<runtime::Image>& image) {
  const auto node = resolving_.extract(request.number);
  if (node && node.mapped().overtaken) {
    request.reply(tl::unexpected(control::Error{
        Refusal::kRefused, "pool " + request.pool.name +
                               " was changed by another while its image was looked up: look at it, "
                               "then apply again"}));
    return;
  }
  take(request, image);
}

void Desired::overtake(const std::string& pool, std::uint64_t number) {
  for (auto& [each, waiting] : resolving_) {
    if (waiting.pool == pool && each < number) waiting.overtaken = true;
  }
}

void Desired::take(const Request& request, const runtime::Result<runtime::Image>& image) {
  const std::string& name = request.pool.name;
  const CatalogPool* before = parts_.catalog.find(name);
  if (!may_take(request.source, before)) {
    request.reply(tl::unexpected(owned(name, before->source)));
    return;
  }
  const std::string digest = image ? image->digest : "";
  const store::Revision revision = parts_.catalog.plan(request.pool, digest, unix_ms_now());
  ApplyResult result = describe(before, request.pool, revision);
  if (!image && revision.image.empty()) result.image_fault = image.error().what;
  if (request.options.dry_run) {
    request.reply(result);
    return;
  }
  overtake(name, request.number);
  parts_.catalog.allot(name, request.allotted());
  parts_.catalog.put(request.pool, request.source, revision);
  parts_.catalog.find(name)->paused_by_fleet = request.paused;
  ending_.erase(name);
  make_durable(request, revision, result);
}

void Desired::make_durable(const Request& request, const store::Revision& revision,
                           const ApplyResult& result) {
  const auto answer = [this, name = request.pool.name, reply = request.reply, result](bool saved) {
    crash_point("apply.saved");
    if (!saved) {
      reply(tl::unexpected(control::Error{
          Refusal::kFailed, "the change could not be written to the state directory"}));
      return;
    }
    if (parts_.catalog.find(name) != nullptr) {
      parts_.inbox.post(core::PoolDesired{parts_.catalog.settings(name)});
    }
    if (result.kind != ChangeKind::kUnchanged) {
      log::info({"pool applied", message_ids::kPoolApplied},
                {{"pool", name}, {"revision", std::to_string(result.revision)}});
    }
    reply(result);
  };
  save(revision, [this, name = request.pool.name, answer](bool saved) {
    const CatalogPool* pool = parts_.catalog.find(name);
    if (!saved || pool == nullptr || !pool->source.empty()) {
      answer(saved);
      return;
    }
    parts_.store.put_desired(row(*pool), answer);
  });
}

void Desired::scale(const std::string& pool, std::uint32_t replicas, Reply<ApplyResult> reply) {
  const CatalogPool* entry = parts_.catalog.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  if (!entry->source.empty()) {
    reply(tl::unexpected(owned(pool, entry->source)));
    return;
  }
  config::Pool changed = entry->desired;
  changed.replicas = replicas;
  // The image stays what it is: scaling is not a deployment.
  const std::string& digest = entry->revisions.back().row.image;
  take({.pool = changed, .reply = std::move(reply), .number = ++asked_},
       runtime::Image{changed.worker.image, digest});
}

void Desired::mark(const std::string& pool, Mark mark, Reply<ApplyResult> reply) {
  CatalogPool* entry = parts_.catalog.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  const bool paused = mark == Mark::kPaused;
  if (!paused && !entry->paused && entry->paused_by_fleet) {
    reply(tl::unexpected(paused_by_fleet(pool, entry->source)));
    return;
  }
  ApplyResult result;
  result.pool = pool;
  result.revision = entry->revisions.back().row.number;
  result.kind = entry->paused == paused ? ChangeKind::kUnchanged : ChangeKind::kChanged;
  if (entry->paused != paused) {
    result.changes.push_back(
        {"paused", entry->paused ? "true" : "false", paused ? "true" : "false"});
  }
  entry->paused = paused;
  parts_.store.put_desired(row(*entry), [this, pool, result, reply = std::move(reply)](bool saved) {
    if (!saved) {
      reply(tl::unexpected(control::Error{
          Refusal::kFailed, "the change could not be written to the state directory"}));
      return;
    }
    if (parts_.catalog.find(pool) != nullptr) {
      parts_.inbox.post(core::PoolDesired{parts_.catalog.settings(pool)});
    }
    reply(result);
  });
}

void Desired::drop(const std::string& pool, Reply<ApplyResult> reply) {
  const CatalogPool* entry = parts_.catalog.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  if (!entry->source.empty()) {
    reply(tl::unexpected(owned(pool, entry->source)));
    return;
  }
  ApplyResult result;
  result.pool = pool;
  result.kind = ChangeKind::kDeleted;
  result.revision = entry->revisions.back().row.number;
  parts_.store.drop_desired(pool, [this, pool, result, reply = std::move(reply)](bool saved) {
    if (!saved) {
      reply(tl::unexpected(control::Error{
          Refusal::kFailed, "the change could not be written to the state directory"}));
      return;
    }
    end(pool);
    reply(result);
  });
}

void Desired::end(const std::string& pool) {
  overtake(pool, ++asked_);
  parts_.catalog.drop(pool);
  ending_.insert(pool);
  log::info({"pool deleted; its workers are told to stop", message_ids::kPoolDeleted},
            {{"pool", pool}});
  parts_.inbox.post(core::PoolDropped{pool});
}

void Desired::save(const store::Revision& revision, std::function<void(bool)> done) {
  parts_.store.put_revision(revision, std::move(done));
}

void Desired::forget_ended(const std::map<std::string, core::Pool>& pools) {
  for (auto name = ending_.begin(); name != ending_.end();) {
    if (pools.contains(*name)) {
      ++name;
      continue;
    }
    parts_.catalog.forget(*name);
    parts_.store.drop_revisions(*name, [](bool) {});
    name = ending_.erase(name);
  }
}

store::Desired Desired::row(const CatalogPool& pool) const {
  return {.pool = pool.desired.name,
          .spec = pool.source.empty() ? config::to_json(pool.desired) : "",
          .paused = pool.paused};
}

}  // namespace mayfly::agent
