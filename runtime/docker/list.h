// Lists all containers of ours. One call, and of Docker one more for each running one whose pid
// has not been seen yet.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/driver.h"

namespace mayfly::docker {

class ListCall final : public runtime::Operation {
 public:
  using Containers = std::vector<runtime::Container>;

  ListCall(Backend& backend, runtime::Done<Containers> done)
      : backend_(backend), done_(std::move(done)) {}
  void begin() override;

 private:
  /// `id`: "" once it is known to be gone.
  struct Found {
    std::string id;
    runtime::Container container;
  };

  void take_rows(http::Reply reply);
  void take_row(Listed row);
  [[nodiscard]] pid_t pid_of(const Found& found, const Listed& row);
  void ask_for_pids();
  void take_pid(std::size_t at, const http::Reply& reply);
  void finish(runtime::Result<Containers> result);

  Backend& backend_;
  runtime::Done<Containers> done_;
  std::vector<Found> found_;
  std::vector<std::size_t> to_ask_;  ///< places in found_
  std::size_t asking_ = 0;
  std::optional<runtime::Fault> fault_;
};

}  // namespace mayfly::docker
