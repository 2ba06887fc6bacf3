#include "agent/memory_return.h"

#include <malloc.h>

#include <utility>

namespace mayfly::agent {

using std::chrono::steady_clock;

MemoryReturn::Options::Options() : give([] { malloc_trim(0); }) {}

MemoryReturn::MemoryReturn(boost::asio::io_context& loop, Options options)
    : options_(std::move(options)), timer_(loop) {}

void MemoryReturn::worked() {
  worked_at_ = steady_clock::now();
  if (!std::exchange(waiting_, true)) wait_until(worked_at_ + options_.quiet);
}

/// Work in between moves the end, not the timer: it would be set anew with each turn.
void MemoryReturn::wait_until(steady_clock::time_point due) {
  timer_.expires_at(due);
  timer_.async_wait([this, due](const boost::system::error_code& error) {
    if (error) return;
    const auto quiet_at = worked_at_ + options_.quiet;
    if (quiet_at > due) return wait_until(quiet_at);
    waiting_ = false;
    options_.give();
  });
}

}  // namespace mayfly::agent
