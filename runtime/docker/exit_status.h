// Asks how one container ended.
#pragma once

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
      : backend_(backend), name_(std::move(name)), done_(std::move(done)) {}
  void begin() override { look(); }

 private:
  void look();
  void judge(http::Reply inspected);
  void wait_briefly(const std::string& id);
  void finish(runtime::Result<Status> result);
  void finish(runtime::FaultKind kind, std::string what);

  Backend& backend_;
  std::string name_;
  runtime::Done<Status> done_;
  bool waited_ = false;
};

}  // namespace mayfly::docker
