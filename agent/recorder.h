// Makes exit records durable, and counts what they say. The core decides what an exit was; this
// adds what only the host knows: usage, the end of stderr, the wall clock, the parts of the gap.
#pragma once

#include <string>

#include "agent/catalog.h"
#include "agent/core/core.h"
#include "agent/evidence.h"
#include "agent/inbox.h"
#include "agent/store/store.h"
#include "agent/workplaces.h"

namespace mayfly::agent {

class Recorder {
 public:
  struct Parts {
    Inbox& inbox;
    store::Store& store;
    const Catalog& catalog;
    const Workplaces& workplaces;
  };
  /// All parts outlive this.
  explicit Recorder(Parts parts);

  /// Answered by ExitRecorded once it is durable. When the store cannot take it nothing is
  /// answered; the core asks again.
  void record(const core::ExitRecord& record);

 private:
  store::Exit complete(const core::ExitRecord& record) const;

  Parts parts_;
};

[[nodiscard]] const char* to_string(core::ExitClass exit_class);

}  // namespace mayfly::agent
