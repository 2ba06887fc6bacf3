#include "runtime/containerd/errand.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace mayfly::containerd {

Errands::Errands(boost::asio::io_context& loop, Options options)
    : loop_(loop), options_(std::move(options)), alive_(std::make_shared<char>()) {}

Errands::~Errands() {
  for (const auto& runner : runners_) runner->api.stop();
  for (const auto& runner : runners_) runner->thread.join();
}

bool Errands::run(Work work) {
  if (runners_.size() < options_.threads_max) {
    start(std::move(work));
    return true;
  }
  if (waiting_.size() >= options_.waiting_max) return false;
  waiting_.push_back(std::move(work));
  return true;
}

void Errands::start(Work work) {
  auto& runner = *runners_.emplace_back(std::make_unique<Runner>(options_));
  runner.thread =
      std::thread([this, &runner, alive = std::weak_ptr(alive_), work = std::move(work)] {
        auto tell = work(runner.api);
        boost::asio::post(loop_, [this, &runner, alive, tell = std::move(tell)] {
          if (!alive.expired()) ended(&runner, tell);
        });
      });
}

void Errands::ended(const Runner* runner, const Tell& tell) {
  const auto found = std::ranges::find(runners_, runner, &std::unique_ptr<Runner>::get);
  (*found)->thread.join();
  runners_.erase(found);
  if (!waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    start(std::move(next));
  }
  tell();
}

}  // namespace mayfly::containerd
