// Notices that files grow, without being busy when they do not: a file at rest has a one-shot
// inotify watch and costs nothing; a file that grows is looked at by one timer for all, as often as
// the fastest of them asks for. Knows paths; refuses to know what is done about the growth.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

namespace mayfly::logs {

class Growth {
 public:
  using Key = std::uint64_t;
  /// Looks at the file, does what is needed, returns the bytes that came since the last look.
  using Look = std::function<std::uint64_t(Key)>;

  Growth(boost::asio::io_context& loop, Look look);

  /// Looks at it from now on whenever it grows. `path` exists.
  void add(Key key, std::string path);
  void remove(Key key);

 private:
  struct File {
    std::string path;
    int watch = -1;  ///< -1: not armed
  };

  void await_events();
  void on_events();
  void on_event(int watch);
  void look_at(Key key);
  void arm(Key key, File& file);
  void schedule();
  void on_tick();

  Look look_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  bool ticking_ = false;
  std::chrono::milliseconds interval_;
  std::unordered_map<Key, File> files_;
  std::unordered_map<int, Key> watches_;
  std::set<Key> growing_;
  /// Handlers that Asio keeps hold it weakly, and so know when we are gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mayfly::logs
