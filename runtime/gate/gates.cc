#include "runtime/gate/gates.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>

#include "runtime/gate/directories.h"
#include "runtime/gate/door.h"
#include "runtime/gate/frames.h"

namespace mayfly::gate {
namespace {

namespace asio = boost::asio;
using runtime::Descriptor;

constexpr std::chrono::seconds kThrottlePause{1};

tl::expected<StdioCopies, std::string> copies_of(const Stdio& stdio) {
  StdioCopies copies;
  if (stdio.in < 0 && stdio.out < 0 && stdio.err < 0) return copies;
  const std::array<int, 3> given{stdio.in, stdio.out, stdio.err};
  for (std::size_t i = 0; i < given.size(); ++i) {
    copies[i] = Descriptor::copy_of(given[i]);
    if (!copies[i]) return tl::make_unexpected(std::string("cannot copy the worker's stdio"));
  }
  return copies;
}

}  // namespace

struct Gates::Impl : DoorWatcher {
  Impl(boost::asio::io_context& io, Options options, Callbacks given)
      : loop(io),
        callbacks(std::make_shared<Callbacks>(std::move(given))),
        directories(std::move(options.root)),
        reserved(std::move(options.reserved)),
        tracer(io),
        throttle(io) {}

  struct Entry {
    std::shared_ptr<Door> door;
    Descriptor marker;                      ///< until it is written
    std::optional<std::uint32_t> marked;    ///< also by an earlier run, which may have died on that
    std::optional<std::uint32_t> released;  ///< and it arrived, or is on its way
  };

  void ready(Door& door) override { callbacks->ready(door.worker()); }
  void lost(Door& door, std::string reason) override {
    callbacks->lost(door.worker(), std::move(reason));
  }
  void running(Door& door, std::int64_t at_ns) override {
    directories.forget_socket(door.worker());
    callbacks->running(door.worker(), at_ns);
  }
  void failed(Door& door, std::string reason) override {
    callbacks->failed(door.worker(), std::move(reason));
  }
  void untraced(Door& door, std::string reason) override {
    callbacks->untraced(door.worker(), std::move(reason));
  }

  void throttled(Door& door) override {
    waiting.push_back(door.weak_from_this());
    if (waiting.size() > 1) return;
    throttle.expires_after(kThrottlePause);
    throttle.async_wait([this, alive = std::weak_ptr(callbacks)](auto error) {
      if (!error && !alive.expired()) resume_throttled();
    });
  }
  void resume_throttled() {
    const auto resumed = std::exchange(waiting, {});
    for (const auto& weak : resumed) {
      if (const auto door = weak.lock()) door->resume();
    }
  }

  // Callbacks never come from within a call, nor after the door they are about has gone.

  void answer_failed(const std::shared_ptr<Door>& door, std::string reason) {
    asio::post(loop, [this, alive = std::weak_ptr(callbacks), weak = std::weak_ptr(door), reason] {
      const auto failed_door = weak.lock();
      if (failed_door && !alive.expired()) failed(*failed_door, reason);
    });
  }
  void answer_unknown(const std::string& worker) {
    asio::post(loop, [alive = std::weak_ptr(callbacks), worker] {
      if (const auto to = alive.lock()) to->failed(worker, "it has no gate");
    });
  }
  void answer_running(const std::shared_ptr<Door>& door, std::int64_t at_ns) {
    asio::post(loop, [this, alive = std::weak_ptr(callbacks), weak = std::weak_ptr(door), at_ns] {
      const auto running_door = weak.lock();
      if (running_door && !alive.expired()) running(*running_door, at_ns);
    });
  }

  /// The hot path. The marker comes before the frame: a worker that runs is always a marked one.
  tl::expected<std::int64_t, std::string> hand_over(Entry& entry, const Release& release) {
    if (entry.released) {
      return tl::make_unexpected("it was released to slot " + std::to_string(*entry.released));
    }
    if (entry.marked.value_or(release.slot) != release.slot) {
      return tl::make_unexpected("it is marked for slot " + std::to_string(*entry.marked));
    }
    Door& door = *entry.door;
    if (!door.someone_is_held()) {
      return tl::make_unexpected(std::string("its gate is not connected"));
    }
    const bool is_stopped = door.is_stopped();
    tl::expected<std::string, std::string> frame;
    if (is_stopped) {
      const auto has_room = door.has_room_for(release.env);
      if (!has_room) return tl::make_unexpected(has_room.error());
    } else {
      frame = release_frame(release.slot, release.env);
      if (!frame) return tl::make_unexpected(frame.error());
    }
    const auto marked = Directories::mark(entry.marker, release.slot);
    if (!marked) return tl::make_unexpected(marked.error());
    entry.marked = release.slot;
    return is_stopped ? door.let_run(release.env) : door.release(*frame);
  }

  boost::asio::io_context& loop;
  /// Shared with no one; handlers that Asio keeps hold it weakly, and so know when we are gone.
  std::shared_ptr<Callbacks> callbacks;
  Directories directories;
  Environment reserved;
  Tracer tracer;
  std::unordered_map<std::string, Entry> entries;
  boost::asio::steady_timer throttle;
  std::vector<std::weak_ptr<Door>> waiting;
};

Gates::Gates(boost::asio::io_context& loop, Options options, Callbacks callbacks)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(callbacks))) {}

Gates::~Gates() = default;

tl::expected<void, std::string> Gates::open(const std::string& worker, Hold hold, Stdio stdio) {
  if (impl_->entries.contains(worker)) return {};
  auto marker = impl_->directories.make(worker);
  if (!marker) return tl::make_unexpected(marker.error());
  auto copies = copies_of(stdio);
  if (!copies) return tl::make_unexpected(copies.error());
  Impl::Entry entry;
  Door::Options options{worker, hold, std::move(*copies), {}, marker->slot.has_value()};
  if (hold == Hold::kExec) options.reserved = impl_->reserved;
  entry.door = std::make_shared<Door>(impl_->loop, std::move(options), *impl_, impl_->tracer);
  entry.marked = marker->slot;
  if (entry.marked && !impl_->directories.has_socket(worker)) {
    entry.released = entry.marked;  // and it arrived
  } else {
    entry.marker = std::move(marker->file);
    auto listening = impl_->directories.listen(worker);
    if (!listening) return tl::make_unexpected(listening.error());
    if (auto watched = entry.door->listen(std::move(*listening)); !watched) return watched;
  }
  impl_->entries.emplace(worker, std::move(entry));
  return {};
}

void Gates::started(const std::string& worker, pid_t pid, int pidfd) {
  const auto found = impl_->entries.find(worker);
  if (found == impl_->entries.end() || found->second.door->hold() != Hold::kExec) return;
  asio::post(impl_->loop, [weak = found->second.door->weak_from_this(), pid,
                           copy = Descriptor::copy_of(pidfd)]() mutable {
    if (const auto door = weak.lock()) door->started(pid, std::move(copy));
  });
}

void Gates::ended(const std::string& worker) {
  const auto found = impl_->entries.find(worker);
  if (found != impl_->entries.end()) found->second.door->ended();
}

std::string Gates::mount_source(const std::string& worker) const {
  return impl_->directories.mount_source(worker);
}

std::optional<std::int64_t> Gates::release(const std::string& worker, const Release& release) {
  const auto found = impl_->entries.find(worker);
  if (found == impl_->entries.end()) {
    impl_->answer_unknown(worker);
    return std::nullopt;
  }
  Impl::Entry& entry = found->second;
  if (entry.released == release.slot) return std::nullopt;
  const bool runs_at_once = entry.door->hold() == Hold::kApp || entry.door->is_stopped();
  const auto sent = impl_->hand_over(entry, release);
  if (!sent) {
    impl_->answer_failed(entry.door, sent.error());
    return std::nullopt;
  }
  entry.released = release.slot;
  entry.marker = {};
  if (runs_at_once) impl_->answer_running(entry.door, *sent);
  return *sent;
}

std::optional<std::uint32_t> Gates::released_to(const std::string& worker) const {
  const auto found = impl_->entries.find(worker);
  if (found != impl_->entries.end()) return found->second.marked;
  return impl_->directories.marked(worker);
}

void Gates::close(const std::string& worker) {
  const auto found = impl_->entries.find(worker);
  if (found != impl_->entries.end()) {
    found->second.door->shut();
    impl_->entries.erase(found);
  }
  impl_->directories.remove(worker);
}

std::vector<std::string> Gates::present() const {
  return impl_->directories.present();
}

}  // namespace mayfly::gate
