// The creation of one container: record, snapshot, task, start; undone when a step fails.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/containerd/backend.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

/// The record comes first and names its snapshot before that exists: containerd's garbage collector
/// keeps what a record names, so no lease is needed, and a crash at any step leaves a labelled
/// record by which the rest is found.
class CreateCall final : public Operation {
 public:
  struct Plan {
    std::string name;
    std::string image;
    std::map<std::string, std::string> labels;
    std::string snapshot_parent;
    std::string config_json;
  };
  CreateCall(Backend& backend, Plan plan, runtime::Done<runtime::Started> done)
      : backend_(backend), plan_(std::move(plan)), done_(std::move(done)) {}
  void begin() override;
  void failed(const grpc::Failure& failure);

 private:
  void make_record();
  void make_snapshot(wire::Empty);
  void make_task(wire::SnapshotMounts snapshot);
  void start_task(wire::CreateTaskReply);
  void tell_started(wire::StartReply reply);

  void clear_leftover();
  void undo(runtime::Fault fault);
  void finish(runtime::Result<runtime::Started> result);

  Backend& backend_;
  Plan plan_;
  runtime::Done<runtime::Started> done_;
  const char* doing_ = "";
  bool made_anything_ = false;  ///< by this try
  bool cleared_ = false;        ///< what an earlier try left
};

}  // namespace mayfly::containerd
