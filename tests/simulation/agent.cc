#include "tests/simulation/agent.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

Agent::Agent(Scene& scene, World world) : scene_(scene), world_(world) {
  scene_.deliver = [this](Run run, Event event) { deliver(run, std::move(event)); };
}

void Agent::begin() {
  Truth& truth = scene_.truth;
  if (truth.run != 0) return;
  truth.run = ++truth.runs;
  std::uint64_t first = 1 + scene_.random.below(3);
  if (!truth.fates.empty()) first += static_cast<std::uint64_t>(truth.fates.rbegin()->first);
  scene_.note("the agent begins run ", truth.run, " with ids from ", WorkerId{first});
  core_.emplace(scene_.limits, WorkerId{first}, scene_.random.next());
  world_.audit.begin_run(WorkerId{first});
  for (const auto& [pool, wanted] : truth.wanted) inbox_.push_back(PoolDesired{wanted.settings});
  if (truth.node != NodeSettings{}) inbox_.push_back(NodeDesired{truth.node});
  if (truth.host_down_at) inbox_.push_back(HostShutdownBegan{*truth.host_down_at});
  world_.runtime.greet(truth.run);
  ask_for_step(scene_.now());
}

void Agent::kill() {
  const Run run = scene_.truth.run;
  if (run == 0) return;
  scene_.note("the agent dies");
  scene_.truth.run = 0;
  core_.reset();
  inbox_.clear();
  step_asked_ = false;
  ++timer_;
  stalled_until_ = Time{};
  world_.gates.agent_died();
  world_.runtime.agent_died(run);
}

void Agent::die() {
  kill();
  scene_.agenda.after(scene_.random.spread(1ms, 10s), [this] { begin(); });
}

void Agent::tell(Event event) {
  if (!core_) return;
  inbox_.push_back(std::move(event));
  ask_for_step(scene_.now());
}

void Agent::deliver(Run run, Event event) {
  if (run == scene_.truth.run && run != 0) tell(std::move(event));
}

void Agent::ask_for_step(Time when) {
  if (step_asked_) return;
  step_asked_ = true;
  const Time turn = when + scene_.random.between(0us, 40us);
  scene_.agenda.at(std::max(turn, stalled_until_), [this, run = scene_.truth.run] {
    if (run == scene_.truth.run && step_asked_) step();
  });
}

void Agent::arm(Time wake_at) {
  ++timer_;
  if (wake_at == kNever) return;
  scene_.agenda.at(wake_at, [this, timer = timer_] {
    if (timer == timer_) ask_for_step(scene_.now());
  });
}

Decision Agent::decide(const std::vector<Event>& events) {
  ++steps_;
  if (scene_.trace.full()) {
    scene_.note("step");
    for (const Event& event : events) scene_.note("  <- ", describe(event));
  }
  world_.audit.told(events);
  Decision decision = core_->step(scene_.now(), events);
  world_.audit.decided(decision);
  if (scene_.trace.full()) {
    for (const Transition& transition : decision.transitions) {
      scene_.note("   = ", describe(transition));
    }
  }
  return decision;
}

void Agent::step() {
  step_asked_ = false;
  const std::vector<Event> events = std::exchange(inbox_, {});
  if (scene_.random.chance(scene_.faults.crash / 3)) {
    die();
    return;
  }
  const Decision decision = decide(events);
  const std::size_t actions = decision.actions.size();
  if (scene_.random.chance(scene_.faults.crash)) {
    carry_out(decision.actions, scene_.random.below(actions + 1));
    die();
    return;
  }
  carry_out(decision.actions, actions);
  world_.audit.stepped(*core_, decision, events.size());
  arm(decision.wake_at);
  if (scene_.random.chance(scene_.faults.stall)) {
    stalled_until_ = scene_.now() + scene_.random.spread(50ms, 40s);
    scene_.note("the agent stalls until ", seconds(stalled_until_.time_since_epoch()));
  }
}

/// The first `count` of them; where that leaves out a release, perhaps its first half too.
void Agent::carry_out(const std::vector<Action>& actions, std::size_t count) {
  for (std::size_t i = 0; i < count && !scene_.violation; ++i) act(actions[i]);
  if (count == actions.size() || !scene_.random.chance(0.5)) return;
  if (const auto* release = std::get_if<ReleaseWorker>(&actions[count])) {
    scene_.note("  -> only the marker of: ", describe(actions[count]));
    world_.audit.acting(actions[count]);
    world_.gates.write_marker(release->worker, release->slot);
  }
}

void Agent::act(const Action& action) {
  if (scene_.trace.full()) scene_.note("  -> ", describe(action));
  world_.audit.acting(action);
  struct Does {
    Agent& agent;
    Run run;
    void operator()(const PrepareRevision& a) { agent.world_.runtime.prepare(run, a); }
    void operator()(const StartWorker& a) { agent.world_.runtime.create(run, a); }
    void operator()(const ReleaseWorker& a) {
      agent.world_.gates.write_marker(a.worker, a.slot);
      agent.world_.gates.send_release(run, a.worker);
    }
    void operator()(const SignalWorker& a) { agent.world_.processes.signal(a.worker, a.signal); }
    void operator()(const QueryExit& a) { agent.world_.runtime.query(run, a.worker); }
    void operator()(const RecordExit& a) { agent.world_.store.record(run, a.record); }
    void operator()(const RemoveWorker& a) { agent.world_.runtime.remove(run, a.worker); }
    void operator()(const TakeInventory& a) { agent.world_.runtime.list(run, a.number); }
    void operator()(const LetHostGo&) {}  // the host of these worlds stays up in the end
  };
  std::visit(Does{*this, scene_.truth.run}, action);
}

}  // namespace mayfly::simulation
