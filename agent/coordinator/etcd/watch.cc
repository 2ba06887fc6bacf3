#include "agent/coordinator/etcd/watch.h"

#include <utility>

#include "agent/coordinator/etcd/codec.h"

namespace mayfly::etcd {
namespace {

/// etcd cuts its messages at the 1.5 MiB of a request, and base64 adds a third.
constexpr std::size_t kLineBytesMax = 8 << 20;

constexpr int kOutOfRange = 11;
constexpr int kPermissionDenied = 7;

Error cancelled(const WatchNews& news) {
  if (news.compact_revision != 0) {
    return {ErrorKind::kRefused, kOutOfRange,
            "the watch is behind what etcd keeps, from revision " +
                std::to_string(news.compact_revision) + " on"};
  }
  return {ErrorKind::kRefused, kPermissionDenied,
          "etcd refuses the watch" + (news.reason.empty() ? "" : ": " + news.reason)};
}

}  // namespace

Watch::Watch(boost::asio::io_context& loop, WatchHandler handler)
    : handler_(std::move(handler)), beginning_(loop) {}

void Watch::expect_beginning(std::chrono::milliseconds within, std::function<void()> late) {
  beginning_.expires_after(within);
  beginning_.async_wait([alive = std::weak_ptr(alive_), late = std::move(late)](auto error) {
    if (!error && !alive.expired()) late();
  });
}

std::optional<Error> Watch::take(std::string_view piece) {
  const auto alive = std::weak_ptr(alive_);
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    rest_.append(piece.substr(0, end));
    if (rest_.size() > kLineBytesMax) {
      return Error{ErrorKind::kFailed, kNoCode, "a line of the watch is too long"};
    }
    if (end == std::string_view::npos) return std::nullopt;
    piece.remove_prefix(end + 1);
    auto error = take_line(std::exchange(rest_, {}));
    if (error || alive.expired()) return error;
  }
  return std::nullopt;
}

/// The error that ends a stream has no newline behind it.
Error Watch::last_words() const {
  const auto news = decode_watch_line(rest_);
  if (!rest_.empty() && !news) return news.error();
  return {ErrorKind::kFailed, kNoCode, "the watch broke"};
}

std::optional<Error> Watch::take_line(std::string_view line) {
  if (line.empty()) return std::nullopt;
  const auto news = decode_watch_line(line);
  if (!news) return news.error();
  if (news->canceled) return cancelled(*news);
  beginning_.cancel();
  const auto heard = handler_.heard;  // a copy: it may destroy what holds it
  heard(*news);
  return std::nullopt;
}

}  // namespace mayfly::etcd
