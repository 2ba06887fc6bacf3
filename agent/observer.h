// Turns the core's transitions into evidence and log lines.
#pragma once

#include "agent/core/core.h"
#include "agent/evidence.h"
#include "agent/workplaces.h"

namespace mayfly::agent {

class Observer {
 public:
  /// All outlive this.
  Observer(const core::Core& core, Evidence& evidence, const Workplaces& workplaces);

  void observe(const core::Decision& decision);

 private:
  void measure(const core::Worker& worker);
  void write_log(const core::Transition& transition) const;

  const core::Core& core_;
  Evidence& evidence_;
  const Workplaces& workplaces_;
};

}  // namespace mayfly::agent
