// The example workers of docs/examples at real gates, as plain processes.
#include <unistd.h>

#include <filesystem>

#include "tests/runtime/gate/house.h"

namespace mayfly::gate {
namespace {

namespace fs = std::filesystem;

class Example : public House, public ::testing::WithParamInterface<const char*> {
 protected:
  /// As in a container: held for an app, the gate's program beside the socket.
  std::unique_ptr<Process> start(const std::string& worker) {
    open(worker, Hold::kApp, {in_.read_end.get(), out_.write_end.get(), out_.write_end.get()});
    fs::copy_file(MAYFLY_GATE_PROGRAM, gates_->mount_source(worker) + "/gate",
                  fs::copy_options::overwrite_existing);
    return gate(worker, {std::string(MAYFLY_EXAMPLES) + "/" + GetParam()}, {"--hold=app"});
  }

  Pipe in_;
  Pipe out_;
};

TEST_P(Example, WaitsForItsReleaseAndWorks) {
  const auto worker = start("w");
  until_event("ready w");
  gates_->release("w", {.slot = 3, .env = {{"MAYFLY_SLOT", "3"}, {"QUOTED", "it's \"so\" $HOME"}}});
  until_event("running w");
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_EQ(out_.drain(), "hello from slot 3\n");
}

TEST_P(Example, AsksAgainWhenTheAgentWasAway) {
  const auto worker = start("w");
  until_event("ready w");
  restart();
  open("w", Hold::kApp);
  until([&] { return count("ready w") == 2; });
  gates_->release("w", {.slot = 4, .env = {{"MAYFLY_SLOT", "4"}}});
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_EQ(out_.drain(), "hello from slot 4\n");
}

INSTANTIATE_TEST_SUITE_P(Workers, Example, ::testing::Values("app_worker.sh", "app_worker.py"),
                         [](const auto& test) {
                           return test.param == std::string("app_worker.sh") ? "Shell" : "Python";
                         });

using Shell = House;

TEST_F(Shell, GetsTheVariablesAsTheyWere) {
  Pipe in, out;
  open("w", Hold::kApp, {in.read_end.get(), out.write_end.get(), out.write_end.get()});
  const std::string gate_program = MAYFLY_GATE_PROGRAM;
  const auto worker = gate("w",
                           {"/bin/sh", "-c",
                            "release=$(" + gate_program +
                                " --ready); eval \"$release\"; echo \"$TEXT|${EMPTY-unset}|$not\""},
                           {"--hold=app"});
  until_event("ready w");
  const std::string text = "it's \"so\" $HOME `x` \\\nnext ü";
  gates_->release("w", {.slot = 0, .env = {{"TEXT", text}, {"EMPTY", ""}, {"not-a-name", "x"}}});
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_EQ(out.drain(), text + "||\n");
}

}  // namespace
}  // namespace mayfly::gate
