// Reads image archives before they are loaded, on threads that may wait for the disk: a daemon
// would take one for another machine, and what it cannot read it tells of in its own ways. Owned by
// the driver's images; destruction stops what is read, waits for its threads and calls nothing
// back.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::docker {

/// How an archive is to be loaded.
struct LoadPlan {
  std::string preface;               ///< to be sent before the file
  std::vector<std::string> carried;  ///< names in full that the load gives, and nobody asked for
};

class Readers {
 public:
  /// Error: one line; the file is at fault.
  using Done = std::function<void(tl::expected<LoadPlan, std::string>)>;

  explicit Readers(boost::asio::io_context& loop);
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  /// `name`: what is given in place of the names that the archive has.
  void read(const std::string& file, const std::optional<std::string>& name, Done done);

 private:
  struct Reader {
    std::thread thread;
    std::atomic<bool> stopped = false;
  };
  struct Waiting {
    std::string file;
    std::optional<std::string> name;
    Done done;
  };
  void start(Waiting work);
  void ended(const Reader* reader);

  boost::asio::io_context& loop_;
  std::list<Reader> readers_;
  std::deque<Waiting> waiting_;
  std::shared_ptr<char> alive_;  ///< a finished reader's message may come after we are gone
};

}  // namespace mayfly::docker
