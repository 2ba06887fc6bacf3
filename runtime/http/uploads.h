// Calls whose body is a file: each on a thread of its own, which may wait for the disk. Owned by a
// Client and used on its loop's thread; destruction ends them, waits for their threads and calls
// nothing back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "runtime/http/transfer.h"

namespace mayfly::http {

class Uploads {
 public:
  using Done = std::function<void(std::uint64_t id, Reply)>;

  /// `done` comes on the loop, also for what was cancelled, once its thread has ended.
  Uploads(boost::asio::io_context& loop, Done done);
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  void start(std::unique_ptr<Transfer> transfer);
  void cancel(std::uint64_t id);
  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  class Upload;
  void ended(std::uint64_t id);

  boost::asio::io_context& loop_;
  Done done_;
  std::map<std::uint64_t, std::unique_ptr<Upload>> running_;
  std::shared_ptr<char> alive_;  ///< a finished thread's message may come after we are gone
};

}  // namespace mayfly::http
