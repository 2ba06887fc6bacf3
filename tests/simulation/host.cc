#include "tests/simulation/host.h"

namespace mayfly::simulation {

void Host::begin() {
  if (scene_.plan.shutdown_every > 0s) go_down_later();
}

void Host::go_down_later() {
  scene_.agenda.after(scene_.random.between(0s, 2 * scene_.plan.shutdown_every), [this] {
    if (scene_.truth.phase == Phase::kSafety) go_down();
  });
}

void Host::go_down() {
  const Duration wait = scene_.random.spread(1s, 60s);
  const Time until = scene_.now() + wait;
  scene_.note("the host goes down");
  scene_.truth.host_down_at = until;
  agent_.tell(HostShutdownBegan{until});
  if (scene_.random.chance(0.1)) agent_.tell(HostShutdownBegan{until});
  const Duration rest = scene_.random.spread(1ms, wait);
  scene_.agenda.after(scene_.random.chance(0.5) ? rest : wait + rest, [this] {
    if (scene_.truth.phase != Phase::kSafety) return;
    stay_up();
    go_down_later();
  });
}

void Host::stay_up() {
  scene_.note("the host stays up");
  scene_.truth.host_down_at.reset();
  agent_.tell(HostShutdownCancelled{});
}

void Host::rest() {
  if (scene_.truth.host_down_at) stay_up();
}

}  // namespace mayfly::simulation
