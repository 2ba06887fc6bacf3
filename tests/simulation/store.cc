#include "tests/simulation/store.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

void Store::record(Run run, const ExitRecord& record) {
  Random& random = scene_.random;
  const Duration slow = random.chance(scene_.faults.store_slow) ? random.spread(10ms, 20s) : 0s;
  const bool silent = random.chance(scene_.faults.store_silent);
  const bool written = !silent || random.chance(0.5);
  scene_.agenda.after(random.between(50us, 2ms) + slow, [this, run, record, written] {
    if (written && scene_.truth.run == run) keep(record);
  });
  if (silent) return;
  scene_.agenda.after(random.between(2ms, 4ms) + slow, [this, run, worker = record.worker] {
    scene_.report(run, ExitRecorded{worker});
  });
}

void Store::keep(const ExitRecord& record) {
  Fate& fate = scene_.truth.fate(record.worker);
  if (fate.record) return;  // a second record of the same worker is the same record
  fate.record = record;
  scene_.note("    the exit of ", record.worker, " is on disk: ", name(record.exit_class), ' ',
              record.status);
  scene_.observer->recorded(record);
}

}  // namespace mayfly::simulation
