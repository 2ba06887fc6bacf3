// The removal of one container, with its anonymous volumes. By its id, once that is known to be
// ours: a name may have become somebody else's.
#pragma once

#include <string>
#include <utility>

#include "runtime/docker/backend.h"
#include "runtime/driver.h"

namespace mayfly::docker {

class RemoveCall final : public runtime::Operation {
 public:
  RemoveCall(Backend& backend, std::string name, runtime::Done<std::monostate> done)
      : backend_(backend), name_(std::move(name)), done_(std::move(done)) {}
  void begin() override;

 private:
  void look();
  void judge(http::Reply inspected);
  void remove();
  void removed(http::Reply reply);
  void wait_for(const std::string& condition);

  void fail(const http::Reply& reply, const char* doing);
  void finish(runtime::Result<std::monostate> result);

  Backend& backend_;
  std::string name_;
  runtime::Done<std::monostate> done_;
  std::string id_;
  int tries_ = 0;
};

}  // namespace mayfly::docker
