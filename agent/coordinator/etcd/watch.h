// One watch's stream: lines out of pieces, news out of lines, and a limit to the wait for its
// beginning. Knows etcd's habit to keep a cancelled watch's stream open. Owned by the client.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/coordinator/etcd/messages.h"
#include "runtime/http/client.h"

namespace mayfly::etcd {

enum class WatchId : std::uint64_t {};

/// Both may cancel the watch, or destroy the client.
struct WatchHandler {
  std::function<void(const WatchNews&)> heard;
  std::function<void(const Error&)> ended;  ///< once, the last
};

class Watch {
 public:
  Watch(boost::asio::io_context& loop, WatchHandler handler);

  /// `late` is called when no news has come by then.
  void expect_beginning(std::chrono::milliseconds within, std::function<void()> late);

  /// Gives the news in it to the handler. The error that ends the watch, when there is one. None
  /// too where the handler has destroyed the watch.
  [[nodiscard]] std::optional<Error> take(std::string_view piece);
  /// Nothing more comes: why, as far as etcd has said it.
  [[nodiscard]] Error last_words() const;

  [[nodiscard]] const WatchHandler& handler() const { return handler_; }
  std::optional<http::Client::CallId> call;  ///< once it is asked

 private:
  [[nodiscard]] std::optional<Error> take_line(std::string_view line);

  WatchHandler handler_;
  boost::asio::steady_timer beginning_;
  std::string rest_;  ///< a line that has begun
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace mayfly::etcd
