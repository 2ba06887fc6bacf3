// Lists all containers of ours: records, tasks and snapshots, joined by name. Parts without a
// record are ours when their name begins with our prefix and no record of anybody claims them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/containerd/backend.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class ListCall final : public Operation {
 public:
  using Containers = std::vector<runtime::Container>;

  ListCall(Backend& backend, runtime::Done<Containers> done)
      : backend_(backend), done_(std::move(done)) {}
  void begin() override;

 private:
  void list_records();
  void list_snapshots();
  void list_tasks();
  void take_tasks(wire::TasksListed tasks);
  void look_at_doubts();
  void look_for_record(const std::string& name);
  void look_for_task(const std::string& name);
  void drop(const std::string& name);

  void fail(const grpc::Failure& failure, const char* doing);
  void finish(runtime::Result<Containers> result);
  [[nodiscard]] bool has_our_prefix(const std::string& name) const;

  Backend& backend_;
  runtime::Done<Containers> done_;
  struct Found {
    runtime::Container container;
    bool record = false;
    bool task = false;
  };
  std::map<std::string, Found> found_;
  std::vector<std::string> doubts_;  ///< seen in part; asked for one by one
};

}  // namespace mayfly::containerd
