#include "runtime/containerd/images/pull.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/containerd/images/layer_fetch.h"
#include "runtime/containerd/images/lease.h"
#include "runtime/containerd/images/records.h"
#include "runtime/containerd/images/upload.h"
#include "runtime/oci/image.h"
#include "runtime/registry/locate.h"
#include "runtime/registry/reference.h"

namespace mayfly::containerd {
namespace {

using registry::Client;
using registry::Located;
using registry::Reference;
using runtime::Fault;
using runtime::FaultKind;
using runtime::Result;

constexpr auto kKept = std::chrono::hours(1);          // after the last try
constexpr auto kLeaseUsable = std::chrono::hours(12);  // of the day that it lasts
constexpr std::size_t kKeptMax = 64;
constexpr int kTriesWithOneHere = 2;

tl::unexpected<Fault> refused(const std::string& why) {
  return tl::unexpected(Fault{FaultKind::kRefused, why});
}

/// Ends a pull's waits when its errand is stopped; a failed layer ends them too.
class Stop {
 public:
  explicit Stop(const std::stop_token& outer)
      : link_(outer, [source = source_]() mutable { source.request_stop(); }) {}
  [[nodiscard]] const std::stop_source& source() const { return source_; }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> link_;
};

class Pull {
 public:
  struct Source {
    Reference reference;
    registry::Patience patience;
  };

  Pull(ImageStore& store, PullShared& shared, Source source, Progress& progress)
      : store_(store),
        shared_(shared),
        progress_(progress),
        stop_(store.api().stop_token()),
        text_(source.reference.text()),
        pinned_(!source.reference.digest.empty()),
        client_(shared.registries, std::move(source.reference), source.patience,
                stop_.source().get_token()) {
    client_.on_wait([this](const std::string& why) { progress_.wait_for(why); });
  }

  Result<PreparedImage> run();
  /// What the tag means in the registry now; "": it does not say.
  Result<std::string> newest() { return client_.digest_of(client_.reference().version()); }

 private:
  using Step = Result<std::monostate>;

  Result<PreparedImage> bring(const Located& located);
  Step fetch_all(const Located& located);
  Step store_documents(const Located& located, const std::string& config);
  Step store_document(const Client::Document& document, const Upload::Labels& labels);
  Result<oci::ImageConfig> read_config(const Located& located, std::string& bytes);
  Step unpack(LayerFetch& layers, const Located& located, const oci::ImageConfig& config);
  Step name(const Located& located);

  ImageStore& store_;
  PullShared& shared_;
  Progress& progress_;
  Stop stop_;
  std::string text_;
  bool pinned_;
  Client client_;
};

/// With one here, what the registry says of the tag is enough.
Result<PreparedImage> prepare_newest(ImageStore& store, Pull& pull, const std::string& name,
                                     const Blob& here) {
  const auto digest = pull.newest();
  if (digest && *digest == here.digest) return store.prepare(name);
  auto pulled = digest ? pull.run() : tl::unexpected(digest.error());
  const bool serves = !pulled && (pulled.error().kind == FaultKind::kFailed ||
                                  pulled.error().kind == FaultKind::kNotFound);
  return serves ? store.prepare(name) : pulled;
}

Result<PreparedImage> Pull::run() {
  progress_.wait_for({});
  const auto located = locate(client_, client_.reference().version());
  if (!located) return tl::unexpected(located.error());
  const auto found = located->found();
  progress_.found(found.digest, found.size_bytes, located->parsed.layers.size());
  const Turns::Turn turn(shared_.turns, "image " + found.digest, store_.api().stop_token());
  auto unfinished = shared_.unfinished.take(store_, found.digest);
  Lease lease(store_, unfinished.lease);
  if (lease.fault()) {
    shared_.unfinished.put(found.digest, std::move(unfinished));
    return tl::unexpected(*lease.fault());
  }
  auto prepared = bring(*located);
  if (!prepared && prepared.error().kind == FaultKind::kRefused) lease.collect();
  if (!prepared && prepared.error().kind != FaultKind::kRefused) {
    lease.keep();
    shared_.unfinished.put(found.digest, std::move(unfinished));
  }
  return prepared;
}

/// It may be here under another name, or by another pull a moment ago.
Result<PreparedImage> Pull::bring(const Located& located) {
  const auto& digest = located.manifest.blob.digest;
  if (const auto leased = add_to_lease(store_.api(), "content", digest); !leased) {
    return tl::unexpected(leased.error());
  }
  auto prepared = store_.prepare(digest);
  if (!prepared) {
    if (prepared.error().kind != FaultKind::kNotFound) return prepared;
    if (const auto fetched = fetch_all(located); !fetched) return tl::unexpected(fetched.error());
    prepared = store_.prepare(digest);
    if (!prepared) return prepared;
  }
  if (const auto named = name(located); !named) return tl::unexpected(named.error());
  return prepared;
}

Pull::Step Pull::fetch_all(const Located& located) {
  LayerFetch layers({store_.api(), client_, stop_.source(), shared_.turns, progress_},
                    located.parsed.layers, shared_.registries.layers_parallel);
  std::string bytes;
  const auto config = read_config(located, bytes);
  if (!config) {
    // Given up for a layer's sake, it says nothing of why. What it is refused for stands.
    const auto first = layers.fault();
    const bool is_own = !first || config.error().kind == FaultKind::kRefused;
    return tl::unexpected(is_own ? config.error() : *first);
  }
  if (auto stored = store_documents(located, bytes); !stored) return stored;
  return unpack(layers, located, *config);
}

Result<oci::ImageConfig> Pull::read_config(const Located& located, std::string& bytes) {
  auto document = client_.document(located.parsed.config);
  if (!document) return tl::unexpected(std::move(document.error()));
  auto config = oci::parse_image_config(*document);
  if (!config) return refused(text_ + ": " + config.error());
  if (config->architecture != oci::host_architecture()) {
    return refused(text_ + ": the image is for " + config->architecture + ", not for this machine");
  }
  if (config->diff_ids.size() != located.parsed.layers.size()) {
    return refused(text_ + ": its config and manifest differ in their number of layers");
  }
  bytes = std::move(*document);
  return std::move(*config);
}

/// The manifest's labels keep what it names.
Pull::Step Pull::store_documents(const Located& located, const std::string& config) {
  Upload::Labels labels{{"containerd.io/gc.ref.content.config", located.parsed.config.digest}};
  for (std::size_t at = 0; at < located.parsed.layers.size(); ++at) {
    labels["containerd.io/gc.ref.content.l." + std::to_string(at)] =
        located.parsed.layers[at].digest;
  }
  auto stored = upload_document(store_.api(), located.parsed.config, config, {});
  if (!stored) return stored;
  return store_document(located.manifest, labels);
}

Pull::Step Pull::store_document(const Client::Document& document, const Upload::Labels& labels) {
  auto stored = upload_document(store_.api(), document.blob, document.bytes, labels);
  if (!stored) return stored;
  return store_.label_content(document.blob.digest, labels);  // it may have been there without
}

Pull::Step Pull::unpack(LayerFetch& layers, const Located& located,
                        const oci::ImageConfig& config) {
  std::vector<std::string> diff_ids;
  for (std::size_t at = 0; at < located.parsed.layers.size(); ++at) {
    if (auto fetched = layers.wait_for(at); !fetched) return fetched;
    diff_ids.push_back(config.diff_ids[at]);
    const Turns::Turn turn(shared_.turns, "chain " + oci::chain_id(diff_ids),
                           store_.api().stop_token());
    auto unpacked = store_.unpack_layer(located.parsed.layers[at], diff_ids);
    if (!unpacked) return unpacked;
    progress_.unpacked_layer();
  }
  return store_.keep_snapshot(located.parsed.config, oci::chain_id(diff_ids));
}

/// A name that is pinned to a digest tells nothing of where its tag leads now.
Pull::Step Pull::name(const Located& located) {
  if (located.index) {
    const auto stored = store_document(
        *located.index, {{"containerd.io/gc.ref.content.m.0", located.manifest.blob.digest}});
    if (!stored) return stored;
  }
  return Records(store_).name({text_, located.top().blob, located.manifest.blob},
                              pinned_ ? Records::Taken::kLeave : Records::Taken::kMoveOurs);
}

}  // namespace

UnfinishedPulls::Kept UnfinishedPulls::take(const ImageStore& store, const std::string& digest) {
  const std::lock_guard lock(mutex_);
  auto found = by_digest_.extract(digest);
  if (found && Clock::now() - found.mapped().made < kLeaseUsable) return std::move(found.mapped());
  return {Lease::new_id(store), Clock::now(), {}};
}

void UnfinishedPulls::put(const std::string& digest, Kept kept) {
  const std::lock_guard lock(mutex_);
  kept.last_try = Clock::now();
  by_digest_.insert_or_assign(digest, std::move(kept));
}

std::vector<std::string> UnfinishedPulls::take_old() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> old;
  for (auto kept = by_digest_.begin(); kept != by_digest_.end();) {
    const bool is_old =
        Clock::now() - kept->second.last_try > kKept || by_digest_.size() > kKeptMax;
    if (is_old) old.push_back(kept->second.lease);
    kept = is_old ? by_digest_.erase(kept) : std::next(kept);
  }
  return old;
}

Result<PreparedImage> pull_image(ImageStore& store, PullShared& shared,
                                 const runtime::ImageWanted& wanted, Progress& progress) {
  for (const auto& lease : shared.unfinished.take_old()) {
    static_cast<void>(end_lease(store.api(), lease));  // unanswered, it expires
  }
  auto reference = registry::parse_reference(wanted.name);
  if (!reference) return refused(reference.error());
  if (!wanted.digest.empty()) reference->digest = wanted.digest;
  const bool newest = wanted.pull == runtime::Pull::kAlways && reference->digest.empty();
  const auto here = newest ? store.find(wanted.name) : tl::unexpected(Fault{});
  auto patience = shared.patience;
  if (here) patience.tries = std::min(patience.tries, kTriesWithOneHere);
  Pull pull(store, shared, {std::move(*reference), patience}, progress);
  return here ? prepare_newest(store, pull, wanted.name, *here) : pull.run();
}

}  // namespace mayfly::containerd
