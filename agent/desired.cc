#include "agent/desired.h"

#include <utility>

#include "agent/clock.h"
#include "agent/crash_point.h"
#include "agent/log.h"
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

control::Error owned_by_file(const std::string& pool, const std::string& file) {
  return {Refusal::kRefused, "pool " + pool + " is defined in " + file +
                                 ": change it there, then run `mayfly reload`"};
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
  result.new_revision = before == nullptr || before->revisions.back().row.number != revision.number;
  const bool changed = result.new_revision || !result.changes.empty();
  result.kind = before == nullptr ? ChangeKind::kCreated
                : changed         ? ChangeKind::kChanged
                                  : ChangeKind::kUnchanged;
  return result;
}

/// Replies that only matter to the log: for pools that a file changed.
Reply<ApplyResult> log_reply(const std::string& pool) {
  return [pool](tl::expected<ApplyResult, control::Error> result) {
    if (!result)
      log::error("pool could not be taken in", {{"pool", pool}, {"error", result.error().what}});
  };
}

}  // namespace

Desired::Desired(Catalog& catalog, store::Store& store, runtime::Driver& driver, Inbox& inbox)
    : catalog_(catalog), store_(store), driver_(driver), inbox_(inbox) {}

std::vector<std::string> Desired::restore(const config::Document& document) {
  std::vector<std::string> faults = catalog_.restore(store_.loaded().revisions);
  const auto take_in = [this](const config::Pool& pool, const std::string& source, bool paused) {
    const store::Revision revision = catalog_.plan(pool, "", unix_ms_now());
    catalog_.put(pool, source, revision);
    catalog_.find(pool.name)->paused = paused;
    // Before the first inventory, or its workers would seem to be nobody's. The row follows.
    save(revision, [](bool) {});
    inbox_.post(core::PoolDesired{catalog_.settings(pool.name)});
  };
  std::map<std::string, bool> marks;
  for (const store::Desired& row : store_.loaded().desired) {
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
    take_in(*pool, "", row.paused);
  }
  for (const auto& [name, pool] : document.pools) {
    take_in(pool, document.pool_files.at(name), marks[name]);
  }
  return faults;
}

void Desired::reload(const config::Document& document) {
  std::vector<std::string> gone;
  for (const auto& [name, entry] : catalog_.pools()) {
    if (!entry.source.empty() && !document.pools.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) end(name);
  for (const auto& [name, pool] : document.pools) {
    resolve({pool, document.pool_files.at(name), {}, log_reply(name)});
  }
}

void Desired::apply(const config::Pool& pool, control::ApplyOptions options,
                    Reply<ApplyResult> reply) {
  const CatalogPool* entry = catalog_.find(pool.name);
  if (entry != nullptr && !entry->source.empty()) {
    reply(tl::unexpected(owned_by_file(pool.name, entry->source)));
    return;
  }
  resolve({pool, "", options, std::move(reply)});
}

void Desired::resolve(Request request) {
  // A tag is resolved once, here. When the image is not there the pool is taken in all the same,
  // and waits for it: `mayfly why` says so.
  const std::string image = request.pool.worker.image;
  driver_.resolve_image(
      {image, {}, runtime::Pull::kMissing},
      [this, request = std::move(request)](const runtime::Result<runtime::Image>& prepared) {
        take(request, prepared ? prepared->digest : "");
      });
}

void Desired::take(const Request& request, const std::string& digest) {
  const std::string& name = request.pool.name;
  const CatalogPool* before = catalog_.find(name);
  if (before != nullptr && before->source != request.source && !before->source.empty()) {
    request.reply(tl::unexpected(owned_by_file(name, before->source)));
    return;
  }
  const store::Revision revision = catalog_.plan(request.pool, digest, unix_ms_now());
  const ApplyResult result = describe(before, request.pool, revision);
  if (request.options.dry_run) {
    request.reply(result);
    return;
  }
  catalog_.put(request.pool, request.source, revision);
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
    if (catalog_.find(name) != nullptr) {
      inbox_.post(core::PoolDesired{catalog_.settings(name)});
    }
    reply(result);
  };
  save(revision, [this, name = request.pool.name, answer](bool saved) {
    const CatalogPool* pool = catalog_.find(name);
    if (!saved || pool == nullptr || !pool->source.empty()) {
      answer(saved);
      return;
    }
    store_.put_desired(row(*pool), answer);
  });
}

void Desired::scale(const std::string& pool, std::uint32_t replicas, Reply<ApplyResult> reply) {
  const CatalogPool* entry = catalog_.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  if (!entry->source.empty()) {
    reply(tl::unexpected(owned_by_file(pool, entry->source)));
    return;
  }
  config::Pool changed = entry->desired;
  changed.replicas = replicas;
  // The image stays what it is: scaling is not a deployment.
  take({changed, "", {}, std::move(reply)}, "");
}

void Desired::mark(const std::string& pool, Mark mark, Reply<ApplyResult> reply) {
  CatalogPool* entry = catalog_.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  const bool paused = mark == Mark::kPaused;
  ApplyResult result;
  result.pool = pool;
  result.revision = entry->revisions.back().row.number;
  result.kind = entry->paused == paused ? ChangeKind::kUnchanged : ChangeKind::kChanged;
  if (entry->paused != paused) {
    result.changes.push_back(
        {"paused", entry->paused ? "true" : "false", paused ? "true" : "false"});
  }
  entry->paused = paused;
  store_.put_desired(row(*entry), [this, pool, result, reply = std::move(reply)](bool saved) {
    if (!saved) {
      reply(tl::unexpected(control::Error{
          Refusal::kFailed, "the change could not be written to the state directory"}));
      return;
    }
    if (catalog_.find(pool) != nullptr) {
      inbox_.post(core::PoolDesired{catalog_.settings(pool)});
    }
    reply(result);
  });
}

void Desired::drop(const std::string& pool, Reply<ApplyResult> reply) {
  const CatalogPool* entry = catalog_.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(no_such_pool(pool)));
    return;
  }
  if (!entry->source.empty()) {
    reply(tl::unexpected(owned_by_file(pool, entry->source)));
    return;
  }
  ApplyResult result;
  result.pool = pool;
  result.kind = ChangeKind::kDeleted;
  result.revision = entry->revisions.back().row.number;
  store_.drop_desired(pool, [this, pool, result, reply = std::move(reply)](bool saved) {
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
  catalog_.drop(pool);
  ending_.insert(pool);
  inbox_.post(core::PoolDropped{pool});
}

void Desired::save(const store::Revision& revision, std::function<void(bool)> done) {
  store_.put_revision(revision, std::move(done));
}

void Desired::forget_ended(const std::map<std::string, core::Pool>& pools) {
  for (auto name = ending_.begin(); name != ending_.end();) {
    if (pools.contains(*name)) {
      ++name;
      continue;
    }
    catalog_.forget(*name);
    store_.drop_revisions(*name, [](bool) {});
    name = ending_.erase(name);
  }
}

store::Desired Desired::row(const CatalogPool& pool) const {
  return {.pool = pool.desired.name,
          .spec = pool.source.empty() ? config::to_json(pool.desired) : "",
          .paused = pool.paused};
}

}  // namespace mayfly::agent
