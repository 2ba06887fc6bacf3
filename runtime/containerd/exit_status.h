// Asks how one container ended.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "runtime/containerd/backend.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class ExitStatusCall final : public Operation {
 public:
  using Status = std::optional<runtime::ExitStatus>;

  ExitStatusCall(Backend& backend, std::string name, runtime::Done<Status> done)
      : backend_(backend), name_(std::move(name)), done_(std::move(done)) {}
  void begin() override;
  void failed(const grpc::Failure& failure);

 private:
  void read_task(wire::GetTaskReply reply);
  void wait_briefly();
  void ask_for_record();
  void finish(runtime::Result<Status> result);

  Backend& backend_;
  std::string name_;
  runtime::Done<Status> done_;
};

}  // namespace mayfly::containerd
