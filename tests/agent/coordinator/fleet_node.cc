#include "tests/agent/coordinator/fleet_node.h"

#include <algorithm>

#include "tests/simulation/describe.h"
#include "tests/simulation/world.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Duration kForgetAfter = 10min;

/// What runs on it is for the fleet to say.
simulation::Plan draw_plan(std::uint64_t seed, simulation::Random& random) {
  simulation::Plan plan = simulation::draw_plan(seed, random);
  plan.start = Time(1h);
  plan.pools.clear();
  plan.operator_every = 0s;
  plan.shutdown_every = 0s;
  plan.reset_at_end = false;
  return plan;
}

config::Daemon config_of(const SimulatedNode::Options& options) {
  config::Daemon config;
  config.node.name = options.name;
  config.node.labels = {{"zone", options.zone}};
  config.coordinator.endpoints = {"http://etcd"};
  config.coordinator.shrink_max_percent = options.shrink_max_percent;
  return config;
}

}  // namespace

SimulatedNode::SimulatedNode(const Options& options)
    : options_(options),
      config_(config_of(options)),
      machine_(options.seed, options.detail, draw_plan) {
  machine_.scene.observer = this;
  machine_.scene.agenda.pass_until(options.start);
  machine_.runtime.plan_outages();
  start();
}

// ---- time

Time SimulatedNode::due() const {
  if (has_left_) return core::kNever;
  Time session = is_up() ? wake_at : core::kNever;
  if (is_up() && !coming.empty()) session = std::min(session, coming.begin()->first);
  session = std::max(session, machine_.agent.stalled_until());
  return std::min(session, machine_.scene.agenda.next());
}

bool SimulatedNode::is_awake(Time now) const {
  return is_up() && !has_left_ && machine_.agent.stalled_until() <= now;
}

void SimulatedNode::advance(Time now) {
  if (has_left_) return;
  simulation::Agenda& agenda = machine_.scene.agenda;
  bool has_happened = false;
  while (agenda.next() <= now) {
    has_happened = agenda.advance();
    follow_run();
  }
  agenda.pass_until(now);
  if (has_happened && is_up() && agent_->has_news()) wake_at = std::min(wake_at, now);
}

FleetAgent::Stepped SimulatedNode::step(Time now, std::vector<Event> events) {
  FleetAgent::Stepped stepped = agent_->step(now, std::move(events));
  kept = session().claims().slots();
  wake_at = agent_->has_news() ? now : stepped.decision.wake_at;
  return stepped;
}

/// The session lives and dies with the agent.
void SimulatedNode::follow_run() {
  const simulation::Run run = machine_.scene.truth.run;
  if (run == std::exchange(run_, run)) return;
  agent_.reset();
  coming.clear();
  watches.clear();
  if (run == 0) {
    FleetAgent::restore(parts());
    return;
  }
  agent_ = std::make_unique<FleetAgent>(parts(), options_.instance, machine_.scene.random.next());
  wake_at = machine_.scene.now();
  fed_at = 0;
  kept = session().claims().slots();
}

// ---- what befalls it

void SimulatedNode::start() {
  machine_.agent.begin();
  follow_run();
}

void SimulatedNode::crash() {
  machine_.agent.kill();
  follow_run();
}

void SimulatedNode::leave() {
  crash();
  has_left_ = true;
}

void SimulatedNode::order(const core::NodeSettings& settings) {
  machine_.scene.truth.node = settings;
  machine_.agent.tell(core::NodeDesired{settings});
}

void SimulatedNode::heal() {
  machine_.heal();
  follow_run();
}

void SimulatedNode::ail() {
  is_to_be_full_ = false;
  machine_.audit.demand_nothing();
  machine_.scene.truth.phase = simulation::Phase::kSafety;
  machine_.scene.faults = machine_.scene.plan.faults;
  machine_.runtime.plan_outages();
}

void SimulatedNode::look_for_fullness() {
  if (!std::exchange(is_to_be_full_, true)) {
    machine_.audit.demand_fullness(simulation::draw_bounds(machine_.scene).allowance);
  }
  machine_.audit.check_fullness(machine_.agent.core());
}

void SimulatedNode::forget_the_dead() {
  auto& fates = machine_.scene.truth.fates;
  const core::Core* core = machine_.agent.core();
  if (core == nullptr || fates.empty()) return;
  const auto newest = fates.rbegin()->first;
  const Time before = machine_.scene.now() - kForgetAfter;
  std::erase_if(fates, [&](const auto& each) {
    const auto& [worker, fate] = each;
    return worker != newest && fate.gone && fate.ended && *fate.ended < before &&
           !core->model().workers.contains(worker);
  });
}

// ---- how it is

core::Scheduling SimulatedNode::scheduling() const {
  return machine_.scene.truth.node.scheduling;
}

bool SimulatedNode::is_selected_by(const SharedPool& shared) const {
  return selects(shared.selector, config_.node.labels);
}

std::uint32_t SimulatedNode::lives(const std::string& pool) const {
  if (has_left_) return 0;
  const auto& containers = machine_.scene.truth.containers;
  return static_cast<std::uint32_t>(
      std::count_if(containers.begin(), containers.end(), [&](const auto& each) {
        return each.second.stage == simulation::Stage::kRuns && each.second.pool == pool;
      }));
}

// ---- what the truth shows

void SimulatedNode::handed_over(simulation::WorkerId worker) {
  machine_.audit.handed_over(worker);
  begun.insert(machine_.scene.truth.fate(worker).pool);
}

/// Whoever is known to run is told to stop when the node is drained or its pool leaves the node,
/// and not for the sake of a slot that another node has.
void SimulatedNode::signalled(simulation::WorkerId worker) {
  const simulation::Fate& fate = machine_.scene.truth.fate(worker);
  const bool is_first = signalled_.insert(worker).second;
  const bool is_known_to_run = run_ != 0 && fate.running_in == run_ && fate.failed_in != run_;
  if (!is_first || !is_known_to_run || scheduling() == core::Scheduling::kDrained) return;
  if (agent_->is_leaving(fate.pool)) return;
  std::ostringstream text;
  text << name() << " stops " << worker << " of " << fate.pool;
  stopped.push_back(text.str());
}

}  // namespace mayfly::coordinator
