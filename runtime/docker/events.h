// The daemon's events about containers of ours, for as long as it gives them. Hints only: it drops
// events for a slow reader, and Podman may keep none at all.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/docker/engine.h"
#include "runtime/driver.h"

namespace mayfly::docker {

struct Event {
  std::string action;  ///< "die"
  std::string id;
  std::string name;
};

/// One line of GET /events.
[[nodiscard]] std::optional<Event> read_event(std::string_view line);

/// Cuts a stream into its lines. A line without end is dropped at `bytes_max`.
class Lines {
 public:
  using Each = std::function<void(std::string_view)>;
  explicit Lines(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  /// `each` may do anything but destroy this.
  void take(std::string_view bytes, const Each& each);
  void clear();

 private:
  std::size_t bytes_max_;
  std::string rest_;
  bool is_too_long_ = false;
};

class Events {
 public:
  using OnEvent = std::function<void(const Event&)>;

  Events(boost::asio::io_context& loop, Engine& engine, const runtime::Ownership& owned,
         OnEvent on_event);

  /// REQUIRES: the engine's link is up. Once more after each break of it.
  void subscribe();

 private:
  void take(std::string_view bytes);
  void ended(const http::Reply& how);

  Engine& engine_;
  std::string path_;
  OnEvent on_event_;
  Lines lines_;
  std::optional<http::Client::CallId> stream_;
  boost::asio::steady_timer again_;
  std::chrono::milliseconds backoff_;
  std::shared_ptr<char> alive_;
};

/// The value of a query's `filters`: everything that carries our label.
[[nodiscard]] std::string owned_filter(const runtime::Ownership& owned);

}  // namespace mayfly::docker
