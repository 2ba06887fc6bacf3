// One runtime as the conformance suite sees it: its daemon, drivers on it, and what is done there
// behind their backs. Each runtime's program has one; the tests know no other difference.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/driver.h"
#include "tests/support/private_daemon.h"

namespace mayfly::conformance {

using namespace std::chrono_literals;

inline constexpr const char* kLabel = "mayfly.instance";
inline constexpr const char* kOurs = "test";
inline constexpr const char* kPrefix = "mayfly-test-";

struct DriverOptions {
  std::string socket;  ///< the daemon's, or of what stands before it
  runtime::Ownership owned{kLabel, kOurs, kPrefix};
  std::chrono::milliseconds call_deadline{10'000};
};

/// What is true of this runtime and not of each. Documented in docs/runtimes.md.
struct Traits {
  std::string runtime;           ///< as about() says
  std::string storage;           ///< as about() says
  bool knows_networks = true;    ///< by name
  bool root_is_writable = true;  ///< where no layer of the image mentions the root folder
};

/// A container that no driver made.
struct Foreign {
  std::string name;
  std::map<std::string, std::string> labels;
};

class World {
 public:
  World() = default;
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] virtual support::PrivateDaemon& daemon() = 0;
  [[nodiscard]] virtual Traits traits() const = 0;
  [[nodiscard]] virtual std::unique_ptr<runtime::Driver> make_driver(
      boost::asio::io_context& loop, const DriverOptions& options) = 0;

  // By the runtime's own command, from the image kBusybox. A failure fails the test (an exception).
  virtual void run_foreign(const Foreign& container) = 0;     ///< sleeps
  virtual void create_foreign(const Foreign& container) = 0;  ///< and does not start it
  virtual void remove_foreign(const std::string& name) = 0;
  /// Names of all containers there are, whoever made them.
  [[nodiscard]] virtual std::vector<std::string> names() = 0;
  [[nodiscard]] virtual bool is_running(const std::string& name) = 0;
  /// Of what leftovers() tells: it is ending by itself, after the answer to the removal.
  [[nodiscard]] virtual bool is_ending(const std::string& /*leftover*/) const { return false; }
  /// The ids of all containers and layers that the runtime knows, somewhere in a text. None where
  /// all that is left can be reached. What a killed daemon has left of others no driver can remove.
  [[nodiscard]] virtual std::optional<std::string> known_ids() { return std::nullopt; }

  // REQUIRES: traits().knows_networks.
  virtual void make_network(const std::string& /*name*/) {}
  virtual void remove_network(const std::string& /*name*/) {}
};

/// The world of this program.
[[nodiscard]] std::unique_ptr<World> make_world();

}  // namespace mayfly::conformance
