// Podman's Docker-compatible service, and its own command.
#include "runtime/docker/docker.h"
#include "tests/runtime/conformance/fixture.h"
#include "tests/runtime/conformance/world.h"
#include "tests/support/private_podman.h"

namespace mayfly::conformance {
namespace {

class PodmanWorld final : public World {
 public:
  support::PrivateDaemon& daemon() override { return daemon_; }

  [[nodiscard]] Traits traits() const override {
    Traits traits;
    traits.runtime = "podman";
    traits.storage = daemon_.storage();
    traits.root_is_writable = false;
    return traits;
  }

  std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop,
                                               const DriverOptions& options) override {
    docker::Options all;
    all.socket = options.socket;
    all.cgroup_parent = daemon_.cgroup_parent();
    all.owned = options.owned;
    all.call_deadline = options.call_deadline;
    return docker::make_driver(loop, all);
  }

  void run_foreign(const Foreign& container) override { make({"run", "--detach"}, container); }
  void create_foreign(const Foreign& container) override { make({"create"}, container); }
  void remove_foreign(const std::string& name) override {
    daemon_.podman({"rm", "--force", "--volumes", "--time=0", name});
  }

  std::vector<std::string> names() override {
    return words_of(daemon_.podman({"ps", "--all", "--format={{.Names}}"}));
  }

  bool is_running(const std::string& name) override {
    return daemon_.podman({"inspect", "--format={{.State.Running}}", name}) == "true";
  }

  /// A conmon outlives its container by what it starts to clean up, which finds nothing.
  [[nodiscard]] bool is_ending(const std::string& leftover) const override {
    return leftover.starts_with("monitor ");
  }

  /// A service that is killed while it makes a container leaves what its API does not know when it
  /// returns: a storage of that name, or a conmon with what runc had made, whose container it takes
  /// for not begun, and forgets at its removal.
  std::optional<std::string> known_ids() override {
    auto known = daemon_.podman({"ps", "--all", "--quiet", "--no-trunc"});
    if (known.empty()) return known;
    std::vector<std::string> layers = {"inspect", "--format={{.GraphDriver.Data.UpperDir}}"};
    for (auto& id : words_of(known)) layers.push_back(std::move(id));
    try {
      return known + "\n" + daemon_.podman(layers);
    } catch (const std::runtime_error&) {
      return std::nullopt;  // one has no layer: it is known, and can be removed
    }
  }

  void make_network(const std::string& name) override {
    daemon_.podman({"network", "create", "--internal", name});
  }
  void remove_network(const std::string& name) override { daemon_.podman({"network", "rm", name}); }

 private:
  void make(std::vector<std::string> words, const Foreign& container) {
    words.insert(words.end(), {"--network=none", "--cgroup-parent", daemon_.cgroup_parent(),
                               "--name", container.name});
    for (const auto& [key, value] : container.labels) {
      words.insert(words.end(), {"--label", key + "=" + value});
    }
    words.insert(words.end(), {kBusybox, "/bin/probe", "sleep"});
    daemon_.podman(words);
  }

  support::PrivatePodman daemon_;
};

}  // namespace

std::unique_ptr<World> make_world() {
  return std::make_unique<PodmanWorld>();
}

}  // namespace mayfly::conformance
