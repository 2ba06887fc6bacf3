// Asks how one container ended.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/docker/backend.h"
#include "runtime/driver.h"

namespace mayfly::docker {

class ExitStatusCall final : public runtime::Operation {
 public:
  using Status = std::optional<runtime::ExitStatus>;

  ExitStatusCall(Backend& backend, std::string name, runtime::Done<Status> done)
      : backend_(backend),
        name_(std::move(name)),
        done_(std::move(done)),
        timer_(backend.loop),
        alive_(std::make_shared<char>()) {}
  void begin() override { look(); }

 private:
  void look();
  void judge(http::Reply inspected);
  void wait_briefly(const std::string& id);
  void look_again_soon();
  void finish(runtime::Result<Status> result);
  void finish(runtime::FaultKind kind, std::string what);

  Backend& backend_;
  std::string name_;
  runtime::Done<Status> done_;
  std::chrono::milliseconds waited_{0};
  boost::asio::steady_timer timer_;
  std::shared_ptr<char> alive_;  ///< Asio may run its handler after we are gone
};

}  // namespace mayfly::docker
