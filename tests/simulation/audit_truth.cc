// The rules that hold whatever the core intends: at each hand-over, removal and record.
#include <algorithm>

#include "tests/simulation/audit.h"
#include "tests/simulation/describe.h"

namespace mayfly::simulation {

void Audit::handed_over(WorkerId worker) {
  const Fate& of = scene_.truth.fate(worker);
  std::uint32_t live = 0;
  std::uint32_t staying = 0;
  for (const auto& [id, container] : scene_.truth.containers) {
    const Fate& other = scene_.truth.fates.at(id);
    if (other.pool != of.pool || container.stage != Stage::kRuns) continue;
    if (id != worker && other.slot == of.slot) {
      scene_.violate("I1", worker, " and ", id, " both live in slot ", of.slot, " of ", of.pool);
    }
    ++live;
    if (id == worker || other.stop_by == 0) ++staying;
  }
  // Those that are stopped for a scale-down keep their slots until they end.
  const std::uint32_t most = replicas_most_[of.pool];
  const auto known = known_.find(of.pool);
  const std::uint32_t today = known == known_.end() ? 0 : known->second.settings.replicas;
  const std::uint32_t wanted = std::max(today, of.replicas_since_release);
  if (staying > wanted || live > most) {
    scene_.violate("I1", live, " workers live in ", of.pool, ", ", staying,
                   " of them to stay; it has ", wanted, " replicas and had ", most);
  }
  const auto pool = scene_.truth.wanted.find(of.pool);
  if (allowance_ && pool != scene_.truth.wanted.end() &&
      of.revision != pool->second.settings.revision) {
    scene_.violate("I2", worker, " of ", of.revision, " begins, but ",
                   pool->second.settings.revision, " is desired and good");
  }
}

void Audit::gone(WorkerId worker) {
  Fate& of = scene_.truth.fate(worker);
  const Run run = scene_.truth.run;
  if (!of.handed_over || of.record) return;
  if (of.remove_by == run) {
    scene_.violate("I4", worker, " was removed before its exit was recorded");
    return;
  }
  // What a dead run had asked for may still happen, and nobody may be there to see it.
  of.vanished = true;
  of.vanished_in = of.start_by == run || of.listed_in == run ? run : 0;
}

void Audit::recorded(const ExitRecord& record) {
  Fate& of = scene_.truth.fate(record.worker);
  if (++of.records > 1) scene_.violate("I4", "two records of ", record.worker);
}

}  // namespace mayfly::simulation
