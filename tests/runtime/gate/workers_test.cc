// A worker's directory, marker and descriptors, from its opening to its end.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/runtime/gate/house.h"

namespace mayfly::gate {
namespace {

namespace fs = std::filesystem;

class Workers : public House {};

TEST_F(Workers, HaveADirectoryThatOnlyRootReaches) {
  ::umask(077);
  open("w");
  ::umask(022);
  const auto mode = [&](const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat((folder_ + "/gates" + path).c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  };
  EXPECT_EQ(mode(""), 0700U);
  EXPECT_EQ(mode("/w"), 0755U);
  EXPECT_EQ(mode("/w/mnt"), 0755U);
  EXPECT_EQ(mode("/w/mnt/gate"), 0555U);
  EXPECT_EQ(mode("/w/mnt/gate.sock"), 0666U);
}

TEST_F(Workers, AreMarkedWithTheirSlot) {
  open("w");
  EXPECT_EQ(gates_->released_to("w"), std::nullopt);
  Peer peer = held("w");
  gates_->release("w", {.slot = 4'000'000'000, .env = {}});
  EXPECT_EQ(gates_->released_to("w"), 4'000'000'000U);
  restart();
  EXPECT_EQ(gates_->released_to("w"), 4'000'000'000U);
}

TEST_F(Workers, AreNotReleasedTwice) {
  open("w");
  Peer peer = held("w");
  gates_->release("w", {.slot = 1, .env = {}});
  gates_->release("w", {.slot = 1, .env = {}});
  gates_->release("w", {.slot = 2, .env = {}});
  until_event("failed w: it was released to slot 1");
  settle();
  EXPECT_EQ(events_.size(), 2U) << "ready, and failed once";
  EXPECT_FALSE(peer.closed());
  EXPECT_EQ(peer.heard(), "{\"mayfly\":1,\"type\":\"release\",\"slot\":1,\"env\":{}}\n");
  EXPECT_EQ(gates_->released_to("w"), 1U);
}

TEST_F(Workers, AreNotMarkedWhenTheyCannotBeReleased) {
  open("w");
  gates_->release("w", {});
  until_event("failed w: its gate is not connected");
  Peer peer = held("w");
  gates_->release("w", {.slot = 0, .env = {{"A=B", "c"}}});
  until_event("failed w: a variable without a usable name");
  gates_->release("w", {.slot = 0, .env = {{"A", std::string(70'000, 'x')}}});
  until_event("failed w: the variables exceed one frame of 64 KiB");
  EXPECT_EQ(gates_->released_to("w"), std::nullopt);
  gates_->release("other", {});
  until_event("failed other: it has no gate");
}

TEST_F(Workers, LeaveNothingWhenClosed) {
  open("first");
  const std::size_t before = open_descriptors();
  open("w");
  Peer peer = held("w");
  fs::create_directories(gates_->mount_source("w") + "/deep/er");
  fs::create_directory(folder_ + "/keep");
  fs::create_directory_symlink(folder_ + "/keep", gates_->mount_source("w") + "/link");
  gates_->close("w");
  gates_->close("w");
  peer.leave();
  settle();
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(gates_->present(), std::vector<std::string>{"first"});
  EXPECT_TRUE(fs::exists(folder_ + "/keep"));
  EXPECT_EQ(events_, std::vector<std::string>{"ready w"});
}

TEST_F(Workers, LeaveNoDescriptorsAfterTheirRelease) {
  open("first");
  const std::size_t before = open_descriptors();
  Pipe in, out, err;
  open("w", Hold::kGate, {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  {
    const auto worker = gate("w", {"/bin/true"});
    until_event("ready w");
    gates_->release("w", {});
    until_event("running w");
  }
  for (Pipe* pipe : {&in, &out, &err}) {
    pipe->read_end.reset();
    pipe->write_end.reset();
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Workers, MayHaveLongPaths) {
  const std::string deep = folder_ + "/" + std::string(100, 'd');
  fs::create_directory(deep);
  Gates gates(loop_, {deep + "/gates", {}}, {});
  const auto opened = gates.open("w", Hold::kGate, {});
  EXPECT_TRUE(opened) << opened.error();
  EXPECT_TRUE(fs::is_socket(gates.mount_source("w") + "/gate.sock"));
}

TEST_F(Workers, HaveNamesThatStayInTheRoot) {
  for (const std::string name : {"", ".", "..", "a/b", "../x"}) {
    EXPECT_FALSE(gates_->open(name, Hold::kGate, {})) << name;
    gates_->close(name);
  }
}

TEST_F(Workers, FailWithThePathWhenThereIsNoRoom) {
  Gates gates(loop_, {"/proc/nothing/here", {}}, {});
  const auto opened = gates.open("w", Hold::kGate, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), "cannot make /proc/nothing/here/: No such file or directory");
}

}  // namespace
}  // namespace mayfly::gate
