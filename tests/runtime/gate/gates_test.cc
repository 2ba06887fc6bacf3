// Gates and mayfly-gate together, as they meet in a container; only the container is missing.
#include "runtime/gate/gates.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tests/runtime/gate/house.h"

namespace mayfly::gate {
namespace {

namespace fs = std::filesystem;

class Gate : public House {};

std::vector<std::string> shell(const std::string& script) {
  return {"/bin/sh", "-c", script};
}

TEST_F(Gate, SaysReadyWhenItHolds) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
}

TEST_F(Gate, BecomesTheCommandAtTheRelease) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
  gates_->release("w", {.slot = 3, .env = {}});
  until_event("running w");
  EXPECT_EQ(worker->wait(), 9);
  EXPECT_GT(running_at_ns_, 0);
}

TEST_F(Gate, PassesStdioAndEnvironment) {
  Pipe in, out, err;
  open("w", Hold::kGate, {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  ::setenv("KEPT", "from the container", 1);
  ::setenv("CHANGED", "old", 1);
  const auto worker = gate("w", shell("cat; echo \"$KEPT/$CHANGED/$NEW\"; echo oops >&2"));
  until_event("ready w");
  gates_->release("w", {.slot = 0, .env = {{"CHANGED", "new"}, {"NEW", "a 'b' \"c\"\n\\ü="}}});
  until_event("running w");
  in.read_end.reset();
  ASSERT_EQ(::write(in.write_end.get(), "task\n", 5), 5);
  in.write_end.reset();
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_EQ(out.drain(), "task\nfrom the container/new/a 'b' \"c\"\n\\ü=\n");
  EXPECT_EQ(err.drain(), "oops\n");
}

TEST_F(Gate, LeavesTheCommandNoOtherDescriptors) {
  Pipe in, out, err;
  open("w", Hold::kGate, {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  const runtime::Descriptor left_open(::dup(in.read_end.get()));  // as a runtime might
  const auto worker = gate("w", {"/bin/ls", "/proc/self/fd"});
  until_event("ready w");
  gates_->release("w", {});
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_EQ(out.drain(), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST_F(Gate, FindsTheCommandInPath) {
  open("w");
  const auto worker = gate("w", {"sh", "-c", "exit 4"});
  until_event("ready w");
  gates_->release("w", {});
  EXPECT_EQ(worker->wait(), 4);
}

TEST_F(Gate, LooksInThePathOfTheRelease) {
  fs::create_directory(folder_ + "/bin");
  fs::create_symlink("/bin/false", folder_ + "/bin/true");
  open("w");
  const auto worker = gate("w", {"true"});
  until_event("ready w");
  gates_->release("w", {.slot = 0, .env = {{"PATH", "/nowhere::" + folder_ + "/bin"}}});
  EXPECT_EQ(worker->wait(), 1);
}

TEST_F(Gate, LooksFurtherInPathThanWhatCannotBeExecuted) {
  fs::create_directories(folder_ + "/bin");
  std::ofstream(folder_ + "/bin/sh") << "no program";
  open("w");
  const auto worker = gate("w", {"sh", "-c", "exit 6"});
  until_event("ready w");
  gates_->release("w", {.slot = 0, .env = {{"PATH", folder_ + "/bin:/bin"}}});
  EXPECT_EQ(worker->wait(), 6);
}

struct BadCommand {
  const char* name;
  std::vector<std::string> command;
  int code;
  const char* reason;
};

class Exec : public House, public ::testing::WithParamInterface<BadCommand> {};

TEST_P(Exec, FailsAsAShellWouldAndSaysWhy) {
  std::ofstream(folder_ + "/plain") << "text";
  std::ofstream(folder_ + "/script") << "#!/no/such/interpreter\n";
  fs::permissions(folder_ + "/script", fs::perms::all);
  std::ofstream(folder_ + "/garbage") << "\x01\x02\x03";
  fs::permissions(folder_ + "/garbage", fs::perms::all);
  fs::current_path(folder_);
  open("w");
  const auto worker = gate("w", GetParam().command);
  until_event("ready w");
  gates_->release("w", {});
  until_event(std::string("failed w: ") + GetParam().reason);
  EXPECT_EQ(worker->wait(), GetParam().code);
  settle();
  EXPECT_EQ(count("running w"), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, Exec,
    ::testing::Values(
        BadCommand{"Absent", {"/no/such"}, 127, "exec /no/such: No such file or directory"},
        BadCommand{"NotInPath",
                   {"no-such-command"},
                   127,
                   "exec no-such-command (not in PATH): No such file or directory"},
        BadCommand{"NotExecutable", {"./plain"}, 126, "exec ./plain: Permission denied"},
        BadCommand{"Directory", {"/tmp"}, 126, "exec /tmp: Permission denied"},
        BadCommand{"NoInterpreter",
                   {"./script"},
                   127,
                   "exec ./script (it is there: its interpreter or loader is not): "
                   "No such file or directory"},
        BadCommand{"NotAProgram", {"./garbage"}, 126, "exec ./garbage: Exec format error"},
        BadCommand{"QuotesAndControls",
                   {"/no/\"such\"\n\x1b[2J"},
                   127,
                   "exec /no/?such???[2J: No such file or directory"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Gate, EndsAtOnceBySigtermWhileHeld) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
  worker->signal(SIGTERM);
  EXPECT_EQ(worker->wait(), 128 + SIGTERM);
  until_event("lost w: the connection of the held gate ended");
}

TEST_F(Gate, WaitsForAnAgentThatIsAway) {
  open("w");
  const std::string socket = socket_of("w");
  gates_.reset();
  fs::remove(socket);
  const Process worker({MAYFLY_GATE_PROGRAM, "--socket", socket, "--", "/bin/sh", "-c", "exit 9"});
  restart();
  open("w");
  until_event("ready w");
}

TEST_F(Gate, FindsTheAgentAgainAfterItsRestart) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
  restart();
  events_.clear();
  open("w");
  until_event("ready w");
  gates_->release("w", {});
  until_event("running w");
  EXPECT_EQ(worker->wait(), 9);
}

TEST_F(Gate, IsReleasedOnceMoreWhenTheAgentDiedBetweenMarkAndSend) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
  restart();
  mark("w", 3);  // what the dead agent had still done
  open("w");
  EXPECT_EQ(gates_->released_to("w"), 3U);
  until([&] { return count("ready w") == 2; });
  gates_->release("w", {.slot = 3, .env = {}});
  until_event("running w");
  EXPECT_EQ(worker->wait(), 9);
}

TEST_F(Gate, IsNotReleasedToAnotherSlotThanTheMarkedOne) {
  open("w");
  const auto worker = gate("w", shell("exit 9"));
  until_event("ready w");
  restart();
  mark("w", 3);
  open("w");
  until([&] { return count("ready w") == 2; });
  gates_->release("w", {.slot = 4, .env = {}});
  until_event("failed w: it is marked for slot 3");
  EXPECT_EQ(gates_->released_to("w"), 3U);
}

}  // namespace
}  // namespace mayfly::gate
