#include "runtime/containerd/images/layer_fetch.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/containerd/images/upload.h"

namespace mayfly::containerd {

using runtime::FaultKind;

namespace {

constexpr std::size_t kThreadsMax = 16;

/// An upload as the place where a registry's bytes go, counted.
class LayerSink final : public registry::BlobSink {
 public:
  LayerSink(Upload& upload, Progress& progress) : upload_(upload), progress_(progress) {
    progress_.fetched(upload.offset());
  }
  [[nodiscard]] std::uint64_t offset() const override { return upload_.offset(); }
  runtime::Result<std::monostate> write(std::string_view bytes) override {
    auto written = upload_.write(bytes);
    if (written) progress_.fetched(bytes.size());
    return written;
  }
  runtime::Result<std::monostate> restart() override {
    progress_.lost(upload_.offset());
    return upload_.restart();
  }

 private:
  Upload& upload_;
  Progress& progress_;
};

}  // namespace

LayerFetch::LayerFetch(Parts parts, const std::vector<Blob>& layers, std::uint32_t parallel)
    : parts_(std::move(parts)), layers_(layers), done_(layers.size()) {
  const auto threads = std::clamp<std::size_t>(parallel, 1, kThreadsMax);
  for (std::size_t at = 0; at < std::min(threads, layers_.size()); ++at) {
    apis_.push_back(parts_.api.another());
  }
  for (const auto& api : apis_) threads_.emplace_back([this, &api] { work(*api); });
  outer_stop_.emplace(parts_.api.stop_token(), [this] {
    for (const auto& api : apis_) api->stop();
  });
}

LayerFetch::~LayerFetch() {
  parts_.stop.request_stop();
  {
    const std::lock_guard lock(mutex_);
    next_ = layers_.size();
  }
  for (auto& thread : threads_) thread.join();
}

runtime::Result<std::monostate> LayerFetch::wait_for(std::size_t layer) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_[layer] || fault_; });
  if (done_[layer]) return std::monostate{};
  return tl::unexpected(*fault_);
}

std::optional<runtime::Fault> LayerFetch::fault() {
  const std::lock_guard lock(mutex_);
  return fault_;
}

void LayerFetch::work(WaitingApi& api) {
  std::unique_lock lock(mutex_);
  while (next_ < layers_.size() && !fault_) {
    const auto at = next_++;
    lock.unlock();
    const auto fetched = fetch(api, layers_[at]);
    lock.lock();
    if (fetched) {
      done_[at] = true;
    } else if (!fault_) {
      fault_ = fetched.error();
      parts_.stop.request_stop();
    }
    changed_.notify_all();
  }
}

runtime::Result<std::monostate> LayerFetch::fetch(WaitingApi& api, const Blob& layer) {
  const Turns::Turn turn(parts_.turns, layer.digest, parts_.stop.get_token());
  Upload upload(api, layer);
  const auto begun = upload.begin();
  if (!begun) return tl::unexpected(begun.error());
  if (*begun == Upload::Begun::kThere) {
    parts_.progress.fetched(static_cast<std::uint64_t>(layer.size));
    return std::monostate{};
  }
  const bool resumed = upload.offset() > 0;
  LayerSink sink(upload, parts_.progress);
  auto fetched = parts_.client.fetch(layer, sink);
  if (!fetched) {
    if (upload.offset() > 0) upload.leave();
    return fetched;
  }
  auto stored = upload.commit(layer.digest, {});
  // What an earlier pull had left of it was not right: once more, from its first byte.
  if (!stored && stored.error().kind == FaultKind::kRefused && resumed) {
    stored = sink.restart();
    if (stored) stored = parts_.client.fetch(layer, sink);
    if (stored) stored = upload.commit(layer.digest, {});
  }
  return stored;
}

}  // namespace mayfly::containerd
