// What is left when somebody is broken off between two calls: made here by raw calls, then found
// and removed through the driver.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/containerd/errand.h"
#include "tests/runtime/containerd/driver_fixture.h"

namespace mayfly::containerd {
namespace {

namespace fs = std::filesystem;
using runtime::State;

class Orphans : public DriverTest {
 protected:
  void SetUp() override {
    DriverTest::SetUp();
    grpc::Channel::Options channel;
    channel.socket = daemon().socket();
    raw_ = std::make_unique<WaitingApi>(channel, daemon().name_space(),
                                        WaitingApi::Deadlines{10s, 10s});
  }

  template <class RequestMessage, class Reply>
  Reply call(const Method<RequestMessage, Reply>& method, const RequestMessage& request) {
    const auto reply = raw_->call(method, request);
    EXPECT_TRUE(reply) << method.path << ": " << reply.error().what;
    return reply ? *reply : Reply();
  }

  void make_record(const std::string& name, const std::string& instance = "test") {
    wire::ContainerRequest request;
    auto& record = *request.mutable_container();
    record.set_id(name);
    (*record.mutable_labels())["mayfly.instance"] = instance;
    (*record.mutable_labels())["mayfly.worker"] = "orphan";
    record.mutable_runtime()->set_name("io.containerd.runc.v2");
    record.mutable_spec()->set_type_url("types.containerd.io/opencontainers/runtime-spec/1/Spec");
    record.mutable_spec()->set_value(R"({"ociVersion":"1.0.2","root":{"path":"rootfs"},
      "process":{"cwd":"/","args":["/bin/probe","sleep"],"user":{"uid":0,"gid":0}},
      "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
      "linux":{"cgroupsPath":")" + daemon().cgroup_parent() +
                                     "/" + name + R"(",
      "namespaces":[{"type":"pid"},{"type":"mount"}]}})");
    record.set_snapshotter("overlayfs");
    record.set_snapshot_key(name);
    call(method::kCreateContainer, request);
  }

  wire::SnapshotMounts make_snapshot(const std::string& name) {
    wire::PrepareSnapshotRequest request;
    request.set_snapshotter("overlayfs");
    request.set_key(name);
    request.set_parent(busybox_chain());
    (*request.mutable_labels())["mayfly.instance"] = "test";
    return call(method::kPrepareSnapshot, request);
  }

  void make_task(const std::string& name) {
    make_record(name);
    wire::CreateTaskRequest request;
    request.set_container_id(name);
    *request.mutable_rootfs() = make_snapshot(name).mounts();
    call(method::kCreateTask, request);
  }

  void start_task(const std::string& name) {
    make_task(name);
    wire::TaskId request;
    request.set_container_id(name);
    call(method::kStartTask, request);
  }

  void lose_record(const std::string& name) {
    wire::ContainerId request;
    request.set_id(name);
    call(method::kDeleteContainer, request);
  }

  bool has_snapshot(const std::string& name) {
    wire::SnapshotKey request;
    request.set_snapshotter("overlayfs");
    request.set_key(name);
    return raw_->call(method::kStatSnapshot, request).has_value();
  }

  /// The end of a lease, waited for, is a run of containerd's garbage collector.
  void collect_garbage() {
    wire::CreateLeaseRequest lease;
    lease.set_id("garbage");
    call(method::kCreateLease, lease);
    wire::LeaseId end;
    end.set_id("garbage");
    end.set_sync(true);
    call(method::kDeleteLease, end);
  }

  void expect_found_and_removed(const std::string& name, State state) {
    const auto listed = find(name);
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->state, state);
    const auto removed = remove(name);
    EXPECT_TRUE(removed) << removed.error().what;
    EXPECT_FALSE(find(name));
    EXPECT_FALSE(has_snapshot(name));
    EXPECT_EQ(daemon().leftovers(), std::vector<std::string>());
    EXPECT_TRUE(daemon().container_processes().empty());
  }

  std::unique_ptr<WaitingApi> raw_;
};

TEST_F(Orphans, ARecordAloneIsFoundAndRemoved) {
  make_record("mayfly-test-record");
  EXPECT_EQ(find("mayfly-test-record")->labels.at("mayfly.worker"), "orphan");
  expect_found_and_removed("mayfly-test-record", State::kIncomplete);
}

TEST_F(Orphans, ARecordWithItsSnapshotIsFoundAndRemoved) {
  make_record("mayfly-test-two");
  make_snapshot("mayfly-test-two");
  expect_found_and_removed("mayfly-test-two", State::kIncomplete);
}

TEST_F(Orphans, ASnapshotAloneIsFoundAndRemoved) {
  // Held by a lease, or containerd's garbage collector may be there first.
  wire::CreateLeaseRequest lease;
  lease.set_id("holds-the-layer");
  call(method::kCreateLease, lease);
  raw_->use_lease(lease.id());
  make_snapshot("mayfly-test-layer");
  raw_->use_lease({});
  collect_garbage();
  expect_found_and_removed("mayfly-test-layer", State::kIncomplete);
  wire::LeaseId end;
  end.set_id(lease.id());
  call(method::kDeleteLease, end);
}

TEST_F(Orphans, ATaskThatWasNeverStartedIsFoundAndRemoved) {
  make_task("mayfly-test-held");
  expect_found_and_removed("mayfly-test-held", State::kIncomplete);
}

TEST_F(Orphans, ARunningTaskWithoutARecordIsFoundAndRemoved) {
  start_task("mayfly-test-lost");
  lose_record("mayfly-test-lost");
  EXPECT_FALSE(daemon().container_processes().empty());
  EXPECT_TRUE(find("mayfly-test-lost")->labels.empty());
  expect_found_and_removed("mayfly-test-lost", State::kRunning);
}

TEST_F(Orphans, OurPrefixOnARecordOfSomebodyElseIsNotOurs) {
  make_record("mayfly-test-theirs", "somebody-else");
  make_snapshot("mayfly-test-theirs");
  EXPECT_FALSE(find("mayfly-test-theirs"));
  EXPECT_FALSE(remove("mayfly-test-theirs"));
  EXPECT_TRUE(has_snapshot("mayfly-test-theirs"));
  lose_record("mayfly-test-theirs");
  EXPECT_TRUE(remove("mayfly-test-theirs"));
}

TEST_F(Orphans, TheGarbageCollectorKeepsASnapshotThatARecordNames) {
  make_record("mayfly-test-kept");
  collect_garbage();
  make_snapshot("mayfly-test-kept");
  collect_garbage();
  EXPECT_TRUE(has_snapshot("mayfly-test-kept"));
  lose_record("mayfly-test-kept");
  collect_garbage();
  EXPECT_FALSE(has_snapshot("mayfly-test-kept"));
}

TEST_F(Orphans, AContainerWhoseShimWasKilledIsRemoved) {
  const auto started = create(spec("shimless", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(started) << started.error().what;
  for (const auto shim : daemon().shims()) kill(shim, SIGKILL);
  // containerd notices by itself, and kills what ran; the removal may meet it half way.
  until([&] { return remove("mayfly-test-shimless").has_value(); });
  EXPECT_FALSE(find("mayfly-test-shimless"));
  EXPECT_TRUE(until([&] { return daemon().leftovers().empty(); }));
}

/// A process of the host's, which sleeps and is called so.
pid_t spawn_sleeper(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, MAYFLY_PROBE, nullptr, nullptr, argv.data(), environ), 0);
  return pid;
}

TEST_F(Orphans, ARuncThatIsStillAtWorkIsEndedFirst) {
  // What it made after us, a cgroup in the next hierarchy say, nobody would look for.
  const auto at_work_on = [&](const std::string& name) {
    return spawn_sleeper({"runc", "sleep", "--root",
                          "/run/containerd/runc/" + daemon().name_space(), "create", name});
  };
  const auto ours = at_work_on("mayfly-test-cut");
  const auto others = at_work_on("mayfly-test-cut-2");
  const auto removed = remove("mayfly-test-cut");
  EXPECT_TRUE(removed) << removed.error().what;
  int status = 0;
  EXPECT_EQ(waitpid(others, &status, WNOHANG), 0);
  kill(others, SIGKILL);
  waitpid(others, &status, 0);
  ASSERT_EQ(waitpid(ours, &status, WNOHANG), ours);
  EXPECT_TRUE(WIFSIGNALED(status));
}

/// A process in a frozen cgroup of its own. At the end of the scope both are gone, whoever has seen
/// to that: no signal ends what is frozen, so what is left of it here would be waited for
/// elsewhere.
class Frozen {
 public:
  explicit Frozen(const std::string& cgroup)
      : cgroup_((kUnified ? kRoot : kRoot / "freezer").string() + cgroup) {
    fs::create_directories(cgroup_);
    std::ofstream(cgroup_ / "cgroup.procs") << process_ << std::flush;
    freeze(kUnified ? "1" : "FROZEN");
  }
  ~Frozen() {
    freeze(kUnified ? "0" : "THAWED");
    kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
    rmdir(cgroup_.c_str());
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

  [[nodiscard]] const fs::path& cgroup() const { return cgroup_; }
  /// It has been killed. It stays a zombie, and its pid its own.
  [[nodiscard]] bool killed() const {
    siginfo_t end{};
    return waitid(P_PID, static_cast<id_t>(process_), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           end.si_pid == process_ && end.si_code == CLD_KILLED;
  }

 private:
  inline static const fs::path kRoot = "/sys/fs/cgroup";
  inline static const bool kUnified = fs::exists(kRoot / "cgroup.controllers");

  void freeze(const char* value) const {
    std::ofstream(cgroup_ / (kUnified ? "cgroup.freeze" : "freezer.state")) << value << std::flush;
  }

  fs::path cgroup_;
  pid_t process_ = spawn_sleeper({"probe", "sleep"});
};

TEST_F(Orphans, WhatAnInterruptedRuncHasFrozenIsEnded) {
  const Frozen frozen(daemon().cgroup_parent() + "/mayfly-test-frozen");
  const auto removed = remove("mayfly-test-frozen");
  EXPECT_TRUE(removed) << removed.error().what;
  EXPECT_FALSE(fs::exists(frozen.cgroup()));
  EXPECT_TRUE(frozen.killed());
}

TEST_F(Orphans, AContainerWhoseShimIsStuckStillCountsAsRunning) {
  const auto started = create(spec("stuck", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(started) << started.error().what;
  const auto shims = daemon().shims();
  for (const auto shim : shims) kill(shim, SIGSTOP);
  const auto listed = find("mayfly-test-stuck");
  for (const auto shim : shims) kill(shim, SIGCONT);
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->state, State::kRunning);
}

TEST_F(Orphans, LeasesOfAnEarlierRunEndWithWhatTheyKeep) {
  const auto lease = [this](const std::string& id, const std::string& instance) {
    wire::CreateLeaseRequest request;
    request.set_id(id);
    (*request.mutable_labels())["mayfly.instance"] = instance;
    call(method::kCreateLease, request);
  };
  const auto leases = [this] {
    std::set<std::string> ids;
    const auto listed = call(method::kListLeases, wire::ListLeasesRequest{});
    for (const auto& one : listed.leases()) ids.insert(one.id());
    return ids;
  };
  lease("mayfly-image-1-2", "test");
  lease("mayfly-image-1-3", "other");
  use(options());
  EXPECT_TRUE(until([&] { return leases() == std::set<std::string>{"mayfly-image-1-3"}; }));
  wire::LeaseId other;
  other.set_id("mayfly-image-1-3");
  call(method::kDeleteLease, other);
}

}  // namespace
}  // namespace mayfly::containerd
