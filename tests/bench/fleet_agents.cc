// The nodes of a fleet, many in one process, for `bench fleet`. Of each, all that a daemon has
// between etcd and its core is the daemon's own: client, session, documents, store, catalog,
// status. The core and the runtime are not: a pool that is desired runs at once, and its exits are
// counted at the rate that is asked for. Says "applied NODE REPLICAS NS" (CLOCK_MONOTONIC) of each.
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "agent/clock.h"
#include "agent/fleet/fleet.h"
#include "agent/log.h"
#include "tests/agent/fake_runtime.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 20ms;

struct Given {
  std::string endpoint;
  std::string cluster;
  std::string image;
  unsigned first = 0;
  unsigned agents = 1;
  double respawns = 0;  ///< a second, on each
  std::filesystem::path folder;
};

class Node {
 public:
  /// `name` is its folder's too.
  Node(boost::asio::io_context& loop, const Given& given, const std::string& name);

  void start() { fleet_.start(); }
  /// So many workers have ended, and the next ones run.
  void respawn(unsigned count);

 private:
  static std::unique_ptr<store::Store> open_store(boost::asio::io_context& loop,
                                                  const std::filesystem::path& folder);
  static control::NodeStatus status_of(const std::string& name, const store::Store& store);
  static Images::Options image_options();
  static fleet::Fleet::Options fleet_options(const Given& given, const std::string& name);
  void take_all();
  void take(const core::PoolSettings& settings);

  boost::asio::io_context& loop_;
  std::unique_ptr<store::Store> store_;
  FakeRuntime runtime_;
  Evidence evidence_;
  Catalog catalog_;
  Inbox inbox_;
  core::Model model_;
  control::NodeStatus status_;
  Images images_;
  Desired desired_;
  fleet::NodeOrders orders_;
  fleet::Fleet fleet_;
};

Node::Node(boost::asio::io_context& loop, const Given& given, const std::string& name)
    : loop_(loop),
      store_(open_store(loop, given.folder / name)),
      status_(status_of(name, *store_)),
      images_(loop, Images::Parts{runtime_, *store_, evidence_}, image_options()),
      desired_(Desired::Parts{catalog_, *store_, images_, inbox_}, config::Runtime{}),
      orders_(fleet::NodeOrders::Parts{*store_, model_, inbox_, status_}),
      fleet_(loop,
             fleet::Fleet::Parts{desired_, *store_, model_,
                                 [](const auto&, auto) { return core::EmptySlot{}; }, catalog_,
                                 evidence_, orders_, status_},
             fleet_options(given, name)) {
  runtime_.here[given.image] = "sha256:of-the-bench";
  runtime_.on_question = [this] { boost::asio::post(loop_, [this] { runtime_.answer(); }); };
  inbox_.on_first([this] { boost::asio::post(loop_, [this] { take_all(); }); });
}

std::unique_ptr<store::Store> Node::open_store(boost::asio::io_context& loop,
                                               const std::filesystem::path& folder) {
  store::Store::Options options;
  options.directory = folder;
  auto opened = store::Store::open(loop, options);
  if (!opened) throw std::runtime_error(opened.error());
  return std::move(*opened);
}

control::NodeStatus Node::status_of(const std::string& name, const store::Store& store) {
  control::NodeStatus status;
  status.node = name;
  status.instance = store.loaded().instance;
  status.version = "bench";
  status.started_unix_ms = unix_ms_now();
  return status;
}

Images::Options Node::image_options() {
  Images::Options options;
  options.uses = [] { return std::vector<ImageUse>{}; };
  options.disk_of = [](const std::string&) { return std::nullopt; };
  return options;
}

fleet::Fleet::Options Node::fleet_options(const Given& given, const std::string& name) {
  fleet::Fleet::Options options;
  options.config.endpoints = {given.endpoint};
  options.config.cluster = given.cluster;
  options.seed = std::hash<std::string>{}(name);
  return options;
}

void Node::take_all() {
  for (const core::Event& event : inbox_.take()) {
    if (const auto* desired = std::get_if<core::PoolDesired>(&event)) take(desired->settings);
  }
  fleet_.observe();
}

void Node::take(const core::PoolSettings& settings) {
  core::Pool& pool = model_.pools[settings.name];
  pool.settings = settings;
  pool.active = settings.revision;
  pool.slots.clear();
  model_.workers.clear();  // there is one pool
  for (core::SlotIndex slot = 0; slot < settings.replicas; ++slot) {
    core::Worker worker;
    worker.id = core::WorkerId{slot + 1};
    worker.pool = settings.name;
    worker.revision = settings.revision;
    worker.phase = core::WorkerPhase::kRunning;
    worker.slot = slot;
    pool.slots[slot].worker = worker.id;
    model_.workers[worker.id] = std::move(worker);
  }
  std::cout << "applied " << status_.node << " " << settings.replicas << " "
            << monotonic_now().time_since_epoch().count() << std::endl;
}

void Node::respawn(unsigned count) {
  for (auto& [name, pool] : model_.pools) {
    for (unsigned i = 0; i < count; ++i) {
      ++pool.counters.exits[core::ExitClass::kDone];
      fleet_.observe();
    }
  }
}

/// Respawns on all nodes, at an even pace.
class Churn {
 public:
  Churn(boost::asio::io_context& loop, std::vector<std::unique_ptr<Node>>& nodes, double respawns)
      : timer_(loop), nodes_(nodes), respawns_(respawns), begun_(monotonic_now()) {}

  void start() {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      const auto due = static_cast<std::uint64_t>(
          std::chrono::duration<double>(monotonic_now() - begun_).count() * respawns_);
      for (const auto& node : nodes_) node->respawn(static_cast<unsigned>(due - done_));
      done_ = due;
      start();
    });
  }

 private:
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  double respawns_;
  core::Time begun_;
  std::uint64_t done_ = 0;
};

/// Each node has a store, a watch and calls.
void raise_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void run(const Given& given) {
  raise_descriptors();
  ::signal(SIGPIPE, SIG_IGN);
  log::configure("warning");
  boost::asio::io_context loop{1};
  std::vector<std::unique_ptr<Node>> nodes;
  for (unsigned i = 0; i < given.agents; ++i) {
    const std::string name = "node-" + std::to_string(given.first + i);
    nodes.push_back(std::make_unique<Node>(loop, given, name));
  }
  for (const auto& node : nodes) node->start();
  Churn churn(loop, nodes, given.respawns);
  churn.start();
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&loop](const auto&, int) { loop.stop(); });
  loop.run();
}

}  // namespace
}  // namespace mayfly::agent

int main(int argc, char** argv) {
  mayfly::agent::Given given;
  CLI::App app{"Many nodes of a fleet in one process"};
  app.add_option("--endpoint", given.endpoint)->required();
  app.add_option("--cluster", given.cluster)->required();
  app.add_option("--image", given.image)->required();
  app.add_option("--first", given.first);
  app.add_option("--agents", given.agents);
  app.add_option("--respawns", given.respawns);
  app.add_option("--folder", given.folder)->required();
  CLI11_PARSE(app, argc, argv);
  try {
    mayfly::agent::run(given);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
