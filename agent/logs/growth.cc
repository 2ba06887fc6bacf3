#include "agent/logs/growth.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace mayfly::logs {
namespace {

using boost::asio::posix::stream_descriptor;
using std::chrono::milliseconds;

// A flood on a tmpfs brings about 2 GB/s: 4 MB between two looks once it is seen, 40 MB before.
constexpr milliseconds kIntervalMin{2};
constexpr milliseconds kIntervalMax{20};
constexpr milliseconds kIntervalUnwatched{1000};
constexpr std::uint64_t kFloodBytes = 64 * 1024;

}  // namespace

Growth::Growth(boost::asio::io_context& loop, Look look)
    : look_(std::move(look)), inotify_(loop), timer_(loop), interval_(kIntervalMax) {
  // Without inotify (the host's instances may be used up) all files count as growing, and are
  // looked at once a second while none does.
  const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  boost::system::error_code error;
  if (inotify >= 0) inotify_.assign(inotify, error);
  if (error) ::close(inotify);
  if (inotify_.is_open()) await_events();
}

void Growth::add(Key key, std::string path) {
  File& file = files_.insert_or_assign(key, File{std::move(path), -1}).first->second;
  arm(key, file);
  look_at(key);
}

void Growth::remove(Key key) {
  const auto found = files_.find(key);
  if (found == files_.end()) return;
  if (const int watch = found->second.watch; watch >= 0) {
    ::inotify_rm_watch(inotify_.native_handle(), watch);
    watches_.erase(watch);
  }
  growing_.erase(key);
  files_.erase(found);
}

void Growth::arm(Key key, File& file) {
  if (file.watch >= 0) return;
  constexpr std::uint32_t kMask = IN_MODIFY | IN_ONESHOT | IN_DONT_FOLLOW;
  if (inotify_.is_open()) {
    file.watch = ::inotify_add_watch(inotify_.native_handle(), file.path.c_str(), kMask);
  }
  if (file.watch >= 0) {
    watches_[file.watch] = key;
    return;
  }
  growing_.insert(key);  // the only way left to see it
  schedule();
}

// ---- at rest ----------------------------------------------------------------------------------

void Growth::await_events() {
  inotify_.async_wait(stream_descriptor::wait_read,
                      [this, alive = std::weak_ptr(alive_)](auto error) {
                        if (!error && !alive.expired()) on_events();
                      });
}

void Growth::on_events() {
  alignas(inotify_event) std::array<char, 4096> bytes;
  const auto got = ::read(inotify_.native_handle(), bytes.data(), bytes.size());
  const char* next = bytes.data();
  const char* const end = next + std::max<ssize_t>(got, 0);
  while (next < end) {
    const auto* const event = reinterpret_cast<const inotify_event*>(next);
    next += sizeof(inotify_event) + event->len;
    if (event->mask & IN_Q_OVERFLOW) {
      for (const auto& [key, file] : files_) growing_.insert(key);
      schedule();
    } else if (event->mask & (IN_MODIFY | IN_IGNORED)) {
      on_event(event->wd);
    }
  }
  await_events();
}

void Growth::on_event(int watch) {
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return;  // the rest of one that has fired
  const Key key = found->second;
  watches_.erase(found);
  files_.at(key).watch = -1;
  growing_.insert(key);
  look_at(key);
  schedule();
}

// ---- growing ----------------------------------------------------------------------------------

void Growth::look_at(Key key) {
  if (look_(key) >= kFloodBytes) interval_ = kIntervalMin;
}

void Growth::schedule() {
  if (growing_.empty()) return;
  if (ticking_ && timer_.expiry() <= std::chrono::steady_clock::now() + interval_) return;
  ticking_ = true;
  timer_.expires_after(interval_);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (error || alive.expired()) return;
    ticking_ = false;
    on_tick();
  });
}

void Growth::on_tick() {
  std::uint64_t most = 0;
  const std::vector<Key> growing(growing_.begin(), growing_.end());
  for (const Key key : growing) {
    std::uint64_t grown = look_(key);
    if (grown == 0) {
      growing_.erase(key);
      arm(key, files_.at(key));
      grown = look_(key);  // it may have grown before it was armed
    }
    most = std::max(most, grown);
  }
  if (most >= kFloodBytes) {
    interval_ = kIntervalMin;
  } else {
    interval_ = most > 0 ? std::min(2 * interval_, kIntervalMax) : kIntervalUnwatched;
  }
  schedule();
  if (most == 0) interval_ = kIntervalMax;
}

}  // namespace mayfly::logs
