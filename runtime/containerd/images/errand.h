// Long work on images, done on a thread of its own with a connection of its own, so that it may
// read files and wait for each answer in turn while the loop goes on.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "runtime/containerd/api.h"

namespace mayfly::containerd {

/// Calls that wait for their answer. Used by one thread; stop() may come from another.
class WaitingApi {
 public:
  WaitingApi(const grpc::Channel::Options& options, std::string name_space,
             std::chrono::milliseconds deadline)
      : channel_(loop_, options, nullptr), api_(channel_, std::move(name_space), deadline) {
    channel_.start();
  }

  template <class RequestMessage, class Reply>
  tl::expected<Reply, grpc::Failure> call(const Method<RequestMessage, Reply>& method,
                                          const RequestMessage& message) {
    std::optional<tl::expected<Reply, grpc::Failure>> answer;
    const auto id = api_.call(method, message,
                              Api::Done<Reply>([&](auto reply) { answer = std::move(reply); }));
    wait_for([&] { return answer.has_value(); });
    if (answer) return std::move(*answer);
    api_.cancel(id);
    return tl::unexpected(stopped_failure());
  }

  /// `each` returns false to have no more of it.
  template <class RequestMessage, class Reply>
  grpc::Channel::Outcome stream(const Method<RequestMessage, Reply>& method,
                                const RequestMessage& message, std::function<bool(Reply)> each) {
    std::optional<grpc::Channel::Outcome> end;
    bool enough = false;
    std::function<void(Reply)> take = [&](Reply reply) {
      enough = enough || !each(std::move(reply));
    };
    const auto id = api_.stream<RequestMessage, Reply>(
        method, message, api_.deadline(), take,
        [&](grpc::Channel::Outcome outcome) { end = std::move(outcome); });
    wait_for([&] { return end.has_value() || enough; });
    if (end) return std::move(*end);
    api_.cancel(id);
    if (enough) return {};
    return tl::unexpected(stopped_failure());
  }

  /// The calls themselves, for what waits in its own way.
  [[nodiscard]] Api& api() { return api_; }

  /// Runs the loop until `over` or stopped, or until a call's deadline has passed. False: not over.
  bool wait_for(const std::function<bool()>& over) {
    const auto until = std::chrono::steady_clock::now() + api_.deadline();
    while (!stopped_ && !over()) {
      if (loop_.run_one_until(until) > 0) continue;
      if (std::chrono::steady_clock::now() >= until) return false;
      loop_.restart();
    }
    return over();
  }

  void use_lease(std::string lease) { api_.use_lease(std::move(lease)); }

  /// Every wait ends now, and every later one at once. Safe from any thread.
  void stop() {
    stopped_ = true;
    loop_.stop();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  static grpc::Failure stopped_failure() {
    return {grpc::Failure::Kind::kNoAnswer, grpc::Code::kCancelled, "the daemon is stopping"};
  }

  std::atomic<bool> stopped_ = false;
  boost::asio::io_context loop_;
  grpc::Channel channel_;
  Api api_;
};

/// Runs errands, a bounded number at a time; the rest wait their turn. Owned by the driver;
/// destruction stops what runs, waits for its thread and calls nothing back.
class Errands {
 public:
  /// Done on the errand's thread. What it returns is run on the loop.
  using Tell = std::function<void()>;
  using Work = std::function<Tell(WaitingApi&)>;

  struct Options {
    grpc::Channel::Options channel;
    std::string name_space;
    std::chrono::milliseconds call_deadline{120'000};
    std::size_t threads_max = 3;
    std::size_t waiting_max = 256;
  };

  Errands(boost::asio::io_context& loop, Options options);
  ~Errands();

  /// False: too many are waiting.
  [[nodiscard]] bool run(Work work);

 private:
  struct Runner {
    explicit Runner(const Options& options)
        : api(options.channel, options.name_space, options.call_deadline) {}
    WaitingApi api;
    std::thread thread;
  };
  void start(Work work);
  void ended(const Runner* runner, const Tell& tell);

  boost::asio::io_context& loop_;
  Options options_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<Work> waiting_;
  std::shared_ptr<char> alive_;  ///< a finished errand's message may come after we are gone
};

}  // namespace mayfly::containerd
