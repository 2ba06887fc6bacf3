#include "agent/closer.h"

#include <unistd.h>

#include <utility>

namespace mayfly::agent {

Closer::Closer() : thread_([this] { run(); }) {}

Closer::~Closer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Closer::close_later(int fd) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kQueueMax) {
      queue_.push_back(fd);
      fd = -1;
    }
  }
  if (fd >= 0) ::close(fd);
  wake_.notify_one();
}

void Closer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::vector<int> batch = std::exchange(queue_, {});
    lock.unlock();
    for (const int fd : batch) ::close(fd);
    lock.lock();
  }
}

}  // namespace mayfly::agent
