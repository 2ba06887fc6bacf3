// The people: they scale, deploy good and bad revisions, pause, drop, retire, kill and reset, and
// they cordon, drain and open the node. What
// they apply is durable before the core hears of it.
#pragma once

#include "tests/simulation/agent.h"

namespace mayfly::simulation {

class Operator {
 public:
  Operator(Scene& scene, Agent& agent) : scene_(scene), agent_(agent) {}

  /// The pools of the plan.
  void begin();
  /// Heals what is wrong with revisions, lets pools run on, and never acts again.
  void rest();

 private:
  void act_later();
  void act();
  void act_on_pool(const PoolName& pool);
  void apply(const PoolName& pool);
  void deploy(Wanted& wanted);
  void drop(const PoolName& pool);
  void change_limits();
  void order_node();
  void cordon();
  void drain();
  void stop_some_worker();

  Scene& scene_;
  Agent& agent_;
  std::map<PoolName, Wanted> dropped_;
};

}  // namespace mayfly::simulation
