// hold = "exec": Gates, the tracer and mayfly-gate together. The gate is another process's child,
// as it is a shim's in earnest, so that its parent hears of its end only if the tracer lets it.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/runtime/gate/house.h"

namespace mayfly::gate {
namespace {

namespace fs = std::filesystem;
using runtime::Descriptor;

constexpr int kKilled = 128 + SIGKILL;

std::string text_of(const std::string& path) {
  std::ostringstream text;  // of which a process may end while it is read
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string state_of(pid_t pid) {
  const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  const auto at = stat.rfind(") ");
  return at == std::string::npos ? "" : stat.substr(at + 2, 1);
}

/// 0: nobody traces it.
pid_t tracer_of(pid_t pid) {
  static const std::string kName = "TracerPid:";
  const std::string status = text_of("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find(kName);
  return at == std::string::npos ? 0 : std::stoi(status.substr(at + kName.size()));
}

/// Until the process that is returned is killed.
pid_t trace_from_elsewhere(pid_t pid) {
  const pid_t other = ::fork();
  if (other == 0) {
    ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr);
    for (;;) ::pause();
  }
  while (tracer_of(pid) != other) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the kernel tells nobody of it
  }
  return other;
}

/// As a release does it, of which the agent dies before it is let go.
void write_into_environment(pid_t pid, const std::string& name, std::string value,
                            std::size_t bytes) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string stat = text_of(folder + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(") ") + 2));
  std::string begin;
  for (int field = 3; field <= 50; ++field) fields >> begin;
  // A NUL before each entry: other variables may end like this one.
  const std::string entries = '\0' + text_of(folder + "/environ");
  const auto before = entries.find('\0' + name);
  ASSERT_NE(before, std::string::npos);
  const auto at = before + name.size();  // without that NUL
  value.resize(bytes);
  const Descriptor memory(::open((folder + "/mem").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::pwrite(memory.get(), value.data(), bytes, std::stoll(begin) + static_cast<off_t>(at)),
            static_cast<ssize_t>(bytes));
}

Descriptor pidfd_of(pid_t pid) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

class Exec : public House {
 protected:
  /// A gate that would run the command; the parent's exit code is that of the gate, or 128 and the
  /// signal.
  void begin(std::vector<std::string> command, Stdio stdio = {}) {
    open("w", Hold::kExec, stdio);
    const std::string file = folder_ + "/pid";
    std::vector<std::string> argv{"/bin/sh",
                                  "-c",
                                  "\"$@\" & echo $! > " + file + "; wait $!",
                                  "sh",
                                  MAYFLY_GATE_PROGRAM,
                                  "--socket",
                                  socket_of("w"),
                                  "--hold=exec",
                                  "--"};
    argv.insert(argv.end(), command.begin(), command.end());
    parent_ = std::make_unique<Process>(std::move(argv));
    until([&] { return text_of(file).find('\n') != std::string::npos; });
    pid_ = std::stoi(text_of(file));
  }
  void started() { gates_->started("w", pid_, pidfd_of(pid_).get()); }
  void hold(std::vector<std::string> command, Stdio stdio = {}) {
    begin(std::move(command), stdio);
    started();
    until_event("ready w");
    until([&] { return state_of(pid_) == "T"; });
  }
  void restart_with_it() {
    events_.clear();
    restart();
    open("w", Hold::kExec);
    started();
  }
  std::optional<std::int64_t> release(std::uint32_t slot) {
    return gates_->release("w", {.slot = slot, .env = {{"SLOT", std::to_string(slot)}}});
  }

  std::unique_ptr<Process> parent_;
  pid_t pid_ = 0;
};

TEST_F(Exec, HoldsTheCommandBeforeItsFirstInstruction) {
  Pipe in, out, err;
  ::setenv("XSLOT", "SLOT=no", 1);
  ::setenv("SLOT", "of the image", 1);
  hold({"/bin/sh", "-c", "cat; echo $SLOT $XSLOT; exit 9"},
       {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  ::unsetenv("SLOT");
  in.read_end.reset();
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(pid_) + "/exe").filename(),
            fs::canonical("/bin/sh").filename());
  EXPECT_EQ(state_of(pid_), "T");
  EXPECT_EQ(tracer_of(pid_), 0) << "it is held by nothing that ends with this process";
  EXPECT_FALSE(Peer(socket_of("w")).connected()) << "nobody else is let in";
  ASSERT_EQ(::write(in.write_end.get(), "task\n", 5), 5);
  in.write_end.reset();

  const auto sent_ns = release(7);
  until_event("running w");
  EXPECT_EQ(running_at_ns_, sent_ns) << "there is no more to it than to be let go";
  EXPECT_EQ(parent_->wait(), 9);
  EXPECT_EQ(out.drain(), "task\n7 SLOT=no\n");
  EXPECT_EQ(gates_->released_to("w"), 7U);
  EXPECT_FALSE(fs::exists(socket_of("w"))) << "as after any release that arrived";
  EXPECT_GT(running_at_ns_, 0);
}

TEST_F(Exec, TakesTheLargestSlot) {
  Pipe in, out, err;
  hold({"/bin/sh", "-c", "echo $SLOT"},
       {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  release(4'294'967'295);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 0);
  EXPECT_EQ(out.drain(), "4294967295\n");
}

TEST_F(Exec, RunsScripts) {
  const std::string script = folder_ + "/script";
  std::ofstream(script) << "#!/bin/sh\nexit $SLOT\n";
  fs::permissions(script, fs::perms::owner_all);
  hold({script});
  release(3);
  EXPECT_EQ(parent_->wait(), 3);
}

TEST_F(Exec, IsNotReleasedWithWhatHasNoRoom) {
  hold({"/bin/sh", "-c", "exit $SLOT"});
  gates_->release("w", {.slot = 1, .env = {{"OTHER", "1"}}});
  until_event("failed w: there is no room for OTHER=1");
  gates_->release("w", {.slot = 1, .env = {{"SLOT", "12345678901"}}});
  until_event("failed w: there is no room for SLOT=12345678901");
  EXPECT_EQ(gates_->released_to("w"), std::nullopt);
  release(5);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 5);
}

TEST_F(Exec, SaysWhyTheCommandCannotBeRun) {
  begin({"/no/such"});
  started();
  until_event("lost w: exec /no/such: No such file or directory");
  until([&] { return state_of(pid_).empty(); });
  EXPECT_EQ(parent_->wait(), 127);
}

TEST_F(Exec, WaitsForTheNextAgent) {
  hold({"/bin/sh", "-c", "exit $SLOT"});
  restart_with_it();
  until_event("ready w");
  EXPECT_EQ(state_of(pid_), "T");
  release(6);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 6);
}

TEST_F(Exec, GetsItsReleaseFromTheNextAgentIfThisOneDiesOfIt) {
  hold({"/bin/sh", "-c", "exit $SLOT"});
  mark("w", 6);
  write_into_environment(pid_, "SLOT=", "6", sizeof "4294967295" - 1);
  restart();
  EXPECT_EQ(gates_->released_to("w"), 6U);
  open("w", Hold::kExec);
  started();
  until_event("ready w");
  release(5);
  until_event("failed w: it is marked for slot 6");
  release(6);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 6);
}

TEST_F(Exec, IsNotReleasedAgainIfItRuns) {
  Pipe in, out, err;
  hold({"/bin/sh", "-c", "cat; exit $SLOT"},
       {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  release(6);
  until_event("running w");
  std::ofstream(socket_of("w"));  // as if the agent had died before it was removed
  restart_with_it();
  settle();
  EXPECT_TRUE(events_.empty()) << events_.front();
  in.read_end.reset();
  in.write_end.reset();
  EXPECT_EQ(parent_->wait(), 6);
}

TEST_F(Exec, EndsWithTheAgentUntilItIsHeld) {
  begin({"/bin/true"});
  until([&] { return state_of(pid_) == "S"; });
  ::kill(pid_, SIGSTOP);
  until([&] { return state_of(pid_) == "T"; });
  started();
  until([&] { return tracer_of(pid_) == ::getpid(); });
  restart();
  ASSERT_EQ(::waitpid(pid_, nullptr, __WALL), pid_) << "as the end of this process would";
  EXPECT_EQ(parent_->wait(), kKilled);
}

TEST_F(Exec, EndsWhenItsGateIsClosed) {
  hold({"/bin/true"});
  gates_->close("w");
  until([&] { return state_of(pid_).empty(); });
  EXPECT_EQ(parent_->wait(), kKilled);
  EXPECT_EQ(events_, std::vector<std::string>{"ready w"});
}

TEST_F(Exec, IsNotReleasedOnceItHasEnded) {
  hold({"/bin/true"});
  ::kill(pid_, SIGKILL);
  gates_->ended("w");
  until([&] { return state_of(pid_).empty(); });
  EXPECT_EQ(parent_->wait(), kKilled) << "its parent has been told";
  release(1);
  until_event("failed w: its gate is not connected");
  EXPECT_EQ(gates_->released_to("w"), std::nullopt);
}

TEST_F(Exec, FailsIfItEndsUnseenBeforeItsRelease) {
  hold({"/bin/true"});
  ::kill(pid_, SIGKILL);
  until([&] { return state_of(pid_) == "Z" || state_of(pid_).empty(); });
  release(1);
  until([&] { return events_.back().starts_with("failed w: it"); });
  until([&] { return state_of(pid_).empty(); });
  EXPECT_EQ(parent_->wait(), kKilled);
}

TEST_F(Exec, IsNotMistakenForOneThatHasEnded) {
  Process gone({"/bin/true"});
  const Descriptor pidfd = pidfd_of(gone.pid());
  ASSERT_EQ(gone.wait(), 0);
  begin({"/bin/sh", "-c", "exit $SLOT"});
  until([&] { return state_of(pid_) == "S"; });
  gates_->started("w", pid_, pidfd.get());
  settle();
  until([&] { return tracer_of(pid_) == 0; });
  EXPECT_TRUE(events_.empty()) << events_.front();
  started();
  until_event("ready w");
  release(4);
  EXPECT_EQ(parent_->wait(), 4);
}

TEST_F(Exec, IsHeldByItsGateWhereItCannotBeTraced) {
  begin({"/bin/sh", "-c", "exit $SLOT"});
  const pid_t other = trace_from_elsewhere(pid_);
  started();
  until_event("ready w");
  EXPECT_EQ(events_.front(), "untraced w: it cannot be traced: Operation not permitted");
  ::kill(other, SIGKILL);
  ASSERT_EQ(::waitpid(other, nullptr, 0), other);
  release(4);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 4);
}

TEST_F(Exec, IsHeldWhicheverIsKnownFirst) {
  begin({"/bin/sh", "-c", "exit $SLOT"});
  settle();
  until([&] { return state_of(pid_) == "S"; });  // waits at its socket
  settle();
  started();
  until_event("ready w");
  release(2);
  until_event("running w");
  EXPECT_EQ(parent_->wait(), 2);
}

TEST_F(Exec, LetsSignalsThroughUntilItIsHeld) {
  begin({"/bin/true"});
  ::kill(pid_, SIGSTOP);
  until([&] { return state_of(pid_) == "T"; });
  started();
  ::kill(pid_, SIGTERM);
  ::kill(pid_, SIGCONT);
  until([&] { return state_of(pid_).empty() || count("ready w") == 1; });
  gates_->close("w");
  until([&] { return state_of(pid_).empty(); });
  const int code = parent_->wait();
  EXPECT_TRUE(code == 128 + SIGTERM || code == kKilled) << code;
}

}  // namespace
}  // namespace mayfly::gate
