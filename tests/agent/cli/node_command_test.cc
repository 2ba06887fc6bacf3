// `mayfly node`, and what status and why say of a node that takes nothing on.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/cli/command.h"
#include "tests/agent/control/harness.h"

namespace mayfly::cli {
namespace {

using control::FakeOperations;
using nlohmann::json;
using namespace std::chrono_literals;

class NodeCommand : public testing::Test {
 protected:
  NodeCommand() {
    server_.on_loop([](FakeOperations& operations) { operations.status.node = "n1"; });
  }
  Ran run(const std::vector<std::string>& arguments) {
    return run_mayfly(server_.socket(), arguments);
  }
  std::vector<std::string> calls() {
    std::vector<std::string> calls;
    server_.on_loop([&](FakeOperations& operations) { calls = operations.calls; });
    return calls;
  }
  void drain_to(core::NodeState state, core::Time until = core::kNever) {
    server_.on_loop([&](FakeOperations& operations) {
      operations.world.node = {.scheduling = core::Scheduling::kDrained, .drain_until = until};
      operations.world.node_state = state;
    });
  }
  void add_worker() {
    server_.on_loop([](FakeOperations& operations) {
      operations.add_pool("encode", 1);
      operations.add_running("encode", 0);
    });
  }

  control::ServerUnderTest server_;
};

TEST_F(NodeCommand, CordonsAndOpensTheNode) {
  EXPECT_EQ(run({"node", "cordon"}).out,
            "node n1 cordoned: what is there goes on; `mayfly node undrain` opens it again\n");
  EXPECT_EQ(run({"node", "undrain"}).out, "node n1 open\n");
  EXPECT_EQ(run({"node", "uncordon"}).code, 0);
  EXPECT_EQ(calls(), (std::vector<std::string>{"node cordoned", "node open", "node open"}));
  server_.on_loop([](FakeOperations& operations) {
    operations.node_result.kind = control::ChangeKind::kUnchanged;
  });
  EXPECT_EQ(run({"node", "cordon"}).out, "node n1 unchanged\n");
}

TEST_F(NodeCommand, DrainsWithinAnHourUnlessToldOtherwise) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"node", "drain"},
                                             {"node", "drain", "--deadline", "90s"},
                                             {"node", "drain", "--deadline", "1ms"},
                                             {"node", "drain", "--no-deadline"},
                                             {"node", "drain", "--force"}}) {
    EXPECT_EQ(run(words).code, 0);
  }
  EXPECT_EQ(calls(), (std::vector<std::string>{
                         "node drained within 3600 s", "node drained within 90 s",
                         "node drained within 1 s", "node drained", "node drained within 0 s"}));
}

TEST_F(NodeCommand, RefusesContradictions) {
  EXPECT_EQ(run({"node"}).code, 2);
  EXPECT_EQ(run({"node", "drain", "--force", "--no-deadline"}).code, 2);
  EXPECT_EQ(run({"node", "drain", "--force", "--deadline", "1h"}).code, 2);
  EXPECT_EQ(run({"node", "drain", "--deadline", "soon"}).code, 2);
  EXPECT_TRUE(calls().empty());
  server_.on_loop([](FakeOperations& operations) {
    operations.refusal = control::Error{control::Refusal::kFailed, "the disk is full"};
  });
  const Ran ran = run({"node", "drain"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("the disk is full"), std::string::npos);
}

TEST_F(NodeCommand, SaysHowFarADrainIs) {
  EXPECT_EQ(run({"node", "status"}).out, "node n1 is open\n");
  add_worker();
  server_.on_loop([this](FakeOperations& operations) {
    operations.world.node = {.scheduling = core::Scheduling::kDrained,
                             .drain_until = operations.time + 90s};
    operations.world.node_state = core::NodeState::kDraining;
  });
  EXPECT_EQ(run({"node", "status"}).out,
            "node n1 is draining: 1 worker runs, the deadline is in 1m; `mayfly node undrain` "
            "opens it again\n");
  const json view = json::parse(run({"node", "status", "-o", "json"}).out);
  EXPECT_EQ(view["node"], "n1");
  EXPECT_EQ(view["scheduling"]["state"], "draining");
  EXPECT_EQ(view["scheduling"]["running"], 1);
  EXPECT_EQ(view["scheduling"]["deadline_in_ms"], 90'000);
  EXPECT_EQ(json::parse(run({"node", "cordon", "-o", "json"}).out)["kind"], "changed");
  EXPECT_EQ(run({"node", "status", "-o", "name"}).out, "n1\n");
}

TEST_F(NodeCommand, ShowsItInTheStatus) {
  EXPECT_EQ(run({"status"}).out.find("mayfly node undrain"), std::string::npos);
  drain_to(core::NodeState::kDrained);
  EXPECT_NE(run({"status"})
                .out.find("node is drained: 0 workers run; `mayfly node undrain` opens it again\n"),
            std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    operations.world.node = {.scheduling = core::Scheduling::kCordoned};
    operations.world.node_state = core::NodeState::kCordoned;
  });
  EXPECT_NE(run({"status"}).out.find("node is cordoned: "), std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    operations.status.scheduling.refused = "is not valid JSON";
  });
  EXPECT_NE(run({"status"}).out.find("order of the coordinator refused: is not valid JSON"),
            std::string::npos);
}

TEST_F(NodeCommand, WaitsUntilNoWorkerIsLeft) {
  add_worker();
  drain_to(core::NodeState::kDraining);
  const Ran late = run({"node", "drain", "--wait", "--timeout", "1ms"});
  EXPECT_EQ(late.code, 5);
  EXPECT_NE(late.err.find("not drained yet: 1 worker runs"), std::string::npos) << late.err;
  RunningMayfly waiting(server_.socket(), {"node", "drain", "--wait"});
  EXPECT_NE(waiting.read_until("1 worker runs").find("1 worker runs"), std::string::npos);
  server_.on_loop([](FakeOperations& operations) { operations.world.workers.clear(); });
  drain_to(core::NodeState::kDrained);
  EXPECT_NE(waiting.read_until("\ndrained\n").find("\ndrained\n"), std::string::npos);
}

TEST_F(NodeCommand, WaitsNoLongerForADrainThatSomebodyEnded) {
  const Ran ran = run({"node", "drain", "--wait"});
  EXPECT_EQ(ran.code, 4) << "this daemon never drains";
  EXPECT_NE(ran.err.find("ended the drain"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
