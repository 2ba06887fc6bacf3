// The creation of one container: create, start, read its pid; undone when a step fails.
#pragma once

#include <string>
#include <utility>

#include "runtime/docker/backend.h"
#include "runtime/driver.h"

namespace mayfly::docker {

class CreateCall final : public runtime::Operation {
 public:
  struct Plan {
    std::string name;
    std::string body;  ///< of spec.h
  };
  CreateCall(Backend& backend, Plan plan, runtime::Done<runtime::Started> done)
      : backend_(backend), plan_(std::move(plan)), done_(std::move(done)) {}
  void begin() override { create(); }

 private:
  void create();
  void start(http::Reply created);
  void read_pid(http::Reply started);
  void tell_started(http::Reply inspected);

  void clear_leftover();
  void undo(runtime::Fault fault);
  void finish(runtime::Result<runtime::Started> result);

  Backend& backend_;
  Plan plan_;
  runtime::Done<runtime::Started> done_;
  std::string id_;
  bool cleared_ = false;  ///< what an earlier try left
};

}  // namespace mayfly::docker
