#include "tests/simulation/scene.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

void Scene::report(Run to, Event event) {
  if (random.chance(faults.event_lost)) {
    if (trace.full()) note("    lost: ", describe(event));
    return;
  }
  Duration delay = random.between(0us, 300us);
  if (random.chance(faults.event_late)) delay = random.spread(10ms, 20s);
  if (random.chance(faults.event_doubled)) {
    agenda.after(random.spread(100us, 10s), [this, to, event] { deliver(to, event); });
  }
  agenda.after(delay,
               [this, to, moved = std::move(event)]() mutable { deliver(to, std::move(moved)); });
}

}  // namespace mayfly::simulation
