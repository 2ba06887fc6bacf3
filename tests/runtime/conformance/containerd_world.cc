// containerd, with its own command ctr.
#include <sstream>

#include "runtime/containerd/containerd.h"
#include "tests/runtime/conformance/fixture.h"
#include "tests/runtime/conformance/world.h"
#include "tests/support/private_containerd.h"

namespace mayfly::conformance {
namespace {

class ContainerdWorld final : public World {
 public:
  support::PrivateDaemon& daemon() override { return daemon_; }

  [[nodiscard]] Traits traits() const override {
    Traits traits;
    traits.runtime = "containerd";
    traits.storage = daemon_.directory() + "/root/io.containerd.snapshotter.v1.overlayfs";
    traits.knows_networks = false;
    return traits;
  }

  std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop,
                                               const DriverOptions& options) override {
    containerd::Options all;
    all.socket = options.socket;
    all.name_space = daemon_.name_space();
    all.cgroup_parent = daemon_.cgroup_parent();
    all.owned = options.owned;
    all.call_deadline = options.call_deadline;
    return containerd::make_driver(loop, all);
  }

  void run_foreign(const Foreign& container) override {
    auto words = labelled({"run", "--detach", "--null-io"}, container);
    words.insert(words.end(), {kBusybox, container.name, "/bin/probe", "sleep"});
    ctr(words);
  }

  void create_foreign(const Foreign& container) override {
    auto words = labelled({"containers", "create"}, container);
    words.insert(words.end(), {kBusybox, container.name, "/bin/probe", "sleep"});
    ctr(words);
  }

  void remove_foreign(const std::string& name) override {
    if (is_running(name)) {
      ctr({"tasks", "delete", "--force", name});
    }
    ctr({"containers", "rm", name});
  }

  std::vector<std::string> names() override { return words_of(ctr({"containers", "ls", "-q"})); }

  bool is_running(const std::string& name) override {
    return (ctr({"tasks", "ls"}) + "\n").find(name + " ") != std::string::npos;
  }

 private:
  static std::vector<std::string> labelled(std::vector<std::string> words,
                                           const Foreign& container) {
    for (const auto& [key, value] : container.labels) {
      words.insert(words.end(), {"--label", key + "=" + value});
    }
    return words;
  }

  std::string ctr(std::vector<std::string> words) {
    words.insert(words.begin(), {"ctr", "-a", daemon_.socket(), "-n", daemon_.name_space()});
    return support::run(words);
  }

  support::PrivateContainerd daemon_;
};

}  // namespace

std::unique_ptr<World> make_world() {
  return std::make_unique<ContainerdWorld>();
}

}  // namespace mayfly::conformance
