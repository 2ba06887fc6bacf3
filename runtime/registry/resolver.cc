#include "runtime/registry/resolver.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/registry/client.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/locate.h"

namespace mayfly::registry {
namespace {

using runtime::Done;
using runtime::Fault;
using runtime::FaultKind;
using runtime::Result;

constexpr std::size_t kThreadsMax = 4;
constexpr std::size_t kWaitingMax = 256;

/// Somebody waits for the answer, and will ask again: two quick tries, or one that takes all its
/// time, as with a host that is off.
Patience hurried() {
  Patience patience;
  patience.connect = std::chrono::seconds(6);
  patience.stall = std::chrono::seconds(8);
  patience.tries = 2;
  return patience;
}

Result<Found> ask_registry(const Options& options, const std::string& name,
                           const std::stop_token& stop) {
  auto reference = parse_reference(name);
  if (!reference) return tl::unexpected(Fault{FaultKind::kRefused, reference.error()});
  const auto version = reference->version();
  Client client(options, std::move(*reference), hurried(), stop);
  return locate(client, version).map([](const Located& located) { return located.found(); });
}

Result<Credentials> look_up(const Options& options, const std::string& name,
                            const std::stop_token& stop) {
  const auto reference = parse_reference(name);
  if (!reference) return tl::unexpected(Fault{FaultKind::kRefused, reference.error()});
  return find_credentials(options, reference->host, stop);
}

}  // namespace

/// Threads that wait for work, begun as it comes. Those who ask for the same share one answer.
class Resolver::Threads {
 public:
  Threads(boost::asio::io_context& loop, Options options)
      : loop_(loop), options_(std::move(options)) {}

  ~Threads() {
    stop_.request_stop();
    for (auto& thread : threads_) thread.join();
  }

  template <class T>
  using Work = Result<T> (*)(const Options&, const std::string&, const std::stop_token&);
  template <class T>
  using Asking = std::map<std::string, std::vector<Done<T>>>;

  template <class T>
  void run(Asking<T>& asking, const std::string& name, Done<T> done, Work<T> work) {
    auto& askers = asking[name];
    askers.push_back(std::move(done));
    if (askers.size() > 1) return;
    const auto job = [this, &asking, name, work] {
      answer(asking, name, work(options_, name, stop_.get_token()));
    };
    if (!enqueue(job)) {
      answer<T>(asking, name,
                tl::unexpected(Fault{FaultKind::kFailed, "too many wait to ask registries"}));
    }
  }

  Asking<Found> resolving;
  Asking<Credentials> looking_up;

 private:
  using Job = std::function<void()>;

  bool enqueue(Job job) {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kWaitingMax) return false;
    jobs_.push_back(std::move(job));
    if (idle_ < jobs_.size() && threads_.size() < kThreadsMax) {
      threads_.emplace_back([this] { serve(); });
    } else {
      wake_.notify_one();
    }
    return true;
  }

  void serve() {
    pthread_setname_np(pthread_self(), "mayfly-registry");
    const auto stop = stop_.get_token();
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      const bool has_work = wake_.wait(lock, stop, [this] { return !jobs_.empty(); });
      --idle_;
      if (!has_work || stop.stop_requested()) return;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  /// From any thread; the askers are told on the loop, if we still live then.
  template <class T>
  void answer(Asking<T>& asking, const std::string& name, Result<T> result) {
    boost::asio::post(loop_,
                      [&asking, name, result = std::move(result), alive = std::weak_ptr(alive_)] {
                        if (alive.expired()) return;
                        const auto askers = asking.extract(name);
                        for (const auto& tell : askers.mapped()) {
                          if (alive.expired()) return;
                          tell(result);
                        }
                      });
  }

  boost::asio::io_context& loop_;
  Options options_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;
  std::size_t idle_ = 0;
  std::vector<std::thread> threads_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

Resolver::Resolver(boost::asio::io_context& loop, Options options)
    : threads_(std::make_unique<Threads>(loop, std::move(options))) {}

Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& name, Done<Found> done) {
  threads_->run<Found>(threads_->resolving, name, std::move(done), ask_registry);
}

void Resolver::credentials(const std::string& name, Done<Credentials> done) {
  threads_->run<Credentials>(threads_->looking_up, name, std::move(done), look_up);
}

}  // namespace mayfly::registry
