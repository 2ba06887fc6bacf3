// Docker Engine with live-restore, as Mayfly wants it, and its own command.
#include <gtest/gtest.h>

#include "runtime/docker/docker.h"
#include "tests/runtime/conformance/fixture.h"
#include "tests/runtime/conformance/world.h"
#include "tests/support/private_dockerd.h"
#include "tests/support/traces.h"

namespace mayfly::conformance {
namespace {

docker::Options all_options(const support::PrivateDaemon& daemon, const DriverOptions& options) {
  docker::Options all;
  all.socket = options.socket;
  all.cgroup_parent = daemon.cgroup_parent();
  all.owned = options.owned;
  all.call_deadline = options.call_deadline;
  return all;
}

class DockerWorld final : public World {
 public:
  support::PrivateDaemon& daemon() override { return daemon_; }

  [[nodiscard]] Traits traits() const override {
    Traits traits;
    traits.runtime = "docker";
    traits.storage = daemon_.storage();
    return traits;
  }

  std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop,
                                               const DriverOptions& options) override {
    return docker::make_driver(loop, all_options(daemon_, options));
  }

  void run_foreign(const Foreign& container) override { make({"run", "--detach"}, container); }
  void create_foreign(const Foreign& container) override { make({"create"}, container); }
  void remove_foreign(const std::string& name) override {
    daemon_.docker({"rm", "--force", "--volumes", name});
  }

  std::vector<std::string> names() override {
    return words_of(daemon_.docker({"ps", "--all", "--format={{.Names}}"}));
  }

  bool is_running(const std::string& name) override {
    return daemon_.docker({"inspect", "--format={{.State.Running}}", name}) == "true";
  }

  /// dockerd that is killed while it makes a container leaves folders, layers and mounts of one
  /// that it does not know when it returns.
  std::optional<std::string> known_ids() override {
    auto known = daemon_.docker({"ps", "--all", "--quiet", "--no-trunc"});
    for (const auto& id : words_of(known)) {
      known += "\n" + support::slurp(daemon_.storage() + "/image/overlay2/layerdb/mounts/" + id +
                                     "/mount-id");
    }
    return known;
  }

  void make_network(const std::string& name) override {
    daemon_.docker({"network", "create", "--internal", name});
  }
  void remove_network(const std::string& name) override { daemon_.docker({"network", "rm", name}); }

 private:
  void make(std::vector<std::string> words, const Foreign& container) {
    words.insert(words.end(), {"--network=none", "--name", container.name});
    for (const auto& [key, value] : container.labels) {
      words.insert(words.end(), {"--label", key + "=" + value});
    }
    words.insert(words.end(), {kBusybox, "/bin/probe", "sleep"});
    daemon_.docker(words);
  }

  support::PrivateDockerd daemon_;
};

/// Its own daemon: the suite's has live-restore.
TEST(Docker, WarnsOfAnEngineWithoutLiveRestoreAndSaysWhatMendsIt) {
  support::PrivateDockerd daemon(support::PrivateDockerd::LiveRestore::kOff);
  boost::asio::io_context loop;
  DriverOptions options;
  options.socket = daemon.socket();
  const auto driver = docker::make_driver(loop, all_options(daemon, options));
  driver->start([](runtime::Hint) {});
  std::optional<runtime::Result<runtime::About>> about;
  driver->about([&](runtime::Result<runtime::About> answer) { about = std::move(answer); });
  while (!about) loop.run_one();
  ASSERT_TRUE(*about) << about->error().what;
  ASSERT_EQ((*about)->warnings.size(), 1U);
  EXPECT_NE((*about)->warnings[0].what.find("live-restore"), std::string::npos);
  EXPECT_NE((*about)->warnings[0].fix.find("live-restore"), std::string::npos);
}

}  // namespace

std::unique_ptr<World> make_world() {
  return std::make_unique<DockerWorld>();
}

}  // namespace mayfly::conformance
