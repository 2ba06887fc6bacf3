// The removal of one container, whatever is left of it: task, snapshot, and the record last, so
// that a removal that is broken off leaves what the next one finds it by. Somebody else's container
// of that name is refused.
#pragma once

#include <string>
#include <utility>

#include "runtime/containerd/backend.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class RemoveCall final : public Operation {
 public:
  RemoveCall(Backend& backend, std::string name, runtime::Done<std::monostate> done)
      : backend_(backend), name_(std::move(name)), done_(std::move(done)) {}
  void begin() override;

 private:
  void read_record();
  void look_for_orphan();
  void give_orphan_a_record();
  void delete_task();
  void kill_task();
  void wait_for_its_end();
  void clear_host();
  void remove_snapshot();
  void delete_record();

  [[nodiscard]] wire::TaskId task() const;
  void fail(const grpc::Failure& failure, const char* doing);
  void finish(runtime::Result<std::monostate> result);

  Backend& backend_;
  std::string name_;
  runtime::Done<std::monostate> done_;
  int tries_ = 0;
  bool record_read_ = false;
};

}  // namespace mayfly::containerd
