#include "agent/service.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

#include "agent/clock.h"
#include "agent/loop.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

/// Where a service manager hears this process.
class NotifySocket {
 public:
  NotifySocket() {
    std::string folder = "/tmp/mayfly-service-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = folder;
    const std::string path = folder + "/notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("bind");
    }
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    close(fd_);
    std::filesystem::remove_all(folder_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// What came since the last look.
  Messages heard() {
    Messages messages;
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0) return messages;
      messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  std::filesystem::path folder_;
  int fd_ = -1;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() { status = {2, 7, 0, "containerd answers"}; }

  Service& service() {
    if (!service_) {
      service_.emplace(context, Service::Hooks{[this] { ++turns_asked; },
                                               [this] {
                                                 ++looks;
                                                 return status;
                                               }});
    }
    return *service_;
  }
  void until_asked(int turns) {
    context.restart();
    while (turns_asked < turns) context.run_one();
  }
  void until_looked(int times) {
    context.restart();
    while (looks < times) context.run_one();
  }
  /// Whether any timer is left.
  bool at_rest() {
    context.restart();
    return context.poll() == 0 && context.stopped();
  }

  NotifySocket manager;
  boost::asio::io_context context{1};
  ServiceStatus status;
  int turns_asked = 0;
  int looks = 0;

 private:
  std::optional<Service> service_;
};

const Messages kFed{"WATCHDOG=1"};

TEST_F(ServiceTest, TellsThatItIsReadyReloadsAndStops) {
  service().ready();
  EXPECT_EQ(manager.heard(),
            Messages{"READY=1\nSTATUS=2 pools, 7 workers, 0 respawns/s; runtime containerd "
                     "answers"});
  const auto before_us = monotonic_now().time_since_epoch() / 1us;
  service().reloading();
  const Messages reloading = manager.heard();
  ASSERT_EQ(reloading.size(), 1U);
  const std::string mark = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_EQ(reloading[0].substr(0, mark.size()), mark);
  EXPECT_GE(std::stoll(reloading[0].substr(mark.size())), before_us);
  service().ready("the last reload was refused");
  EXPECT_EQ(manager.heard(),
            Messages{"READY=1\nSTATUS=2 pools, 7 workers, 0 respawns/s; runtime containerd "
                     "answers; the last reload was refused"});
  service().stopping();
  EXPECT_EQ(manager.heard(), Messages{"STOPPING=1\nSTATUS=stopping; workers go on running"});
}

TEST_F(ServiceTest, FeedsTheWatchdogOnlyAfterATurnThatItAskedForHasSettled) {
  setenv("WATCHDOG_USEC", "2000", 1);
  service().ready();
  manager.heard();
  service().settled();
  EXPECT_EQ(manager.heard(), Messages{}) << "nothing was asked for yet";
  until_asked(1);
  EXPECT_EQ(manager.heard(), Messages{}) << "the timer alone proves nothing";
  service().settled();
  EXPECT_EQ(manager.heard(), kFed);
  service().settled();
  EXPECT_EQ(manager.heard(), Messages{}) << "one is enough";
  until_asked(2);
  service().settled();
  EXPECT_EQ(manager.heard(), kFed);
}

TEST_F(ServiceTest, StarvesTheWatchdogWhileNoTurnSettles) {
  setenv("WATCHDOG_USEC", "2000", 1);
  service().ready();
  manager.heard();
  until_asked(20);
  EXPECT_EQ(manager.heard(), Messages{});
}

/// The real loop between the two: what it steps decides whether the watchdog is fed.
class WatchedLoop : public ServiceTest {
 protected:
  /// How often the watchdog was fed while it asked for ten turns.
  std::size_t feeds(const std::function<core::Time(Inbox&)>& step) {
    setenv("WATCHDOG_USEC", "2000", 1);
    Inbox inbox;
    Loop loop(context, inbox, [&](const std::vector<core::Event>&) { return step(inbox); });
    const auto ask_turn = [&] {
      ++turns_asked;
      loop.ask_turn();
    };
    Service watched(context, Service::Hooks{ask_turn, [this] { return status; }});
    loop.on_settled([&] { watched.settled(); });
    watched.ready();
    manager.heard();
    loop.start();
    until_asked(10);
    std::size_t fed = 0;
    for (const std::string& message : manager.heard()) fed += message == kFed[0] ? 1U : 0U;
    return fed;
  }
};

TEST_F(WatchedLoop, IsFedWhenItIsIdle) {
  EXPECT_EQ(feeds([](Inbox&) { return core::kNever; }), 9U);
}

TEST_F(WatchedLoop, IsNotFedWhenEachStepAsksForTheNextByAnEvent) {
  const auto step = [](Inbox& inbox) {
    inbox.post(core::RuntimeHinted{});
    return core::kNever;
  };
  EXPECT_EQ(feeds(step), 0U);
}

TEST_F(WatchedLoop, IsNotFedWhenEachStepIsDueAgainAtOnce) {
  EXPECT_EQ(feeds([](Inbox&) { return monotonic_now(); }), 0U);
}

TEST_F(ServiceTest, TellsItsStatusOnceAfterManyTurnsAndOnlyWhenItChanged) {
  service().ready();
  manager.heard();
  looks = 0;
  for (int i = 0; i < 100; ++i) service().settled();
  status.workers = 8;
  until_looked(1);
  EXPECT_EQ(manager.heard(),
            Messages{"STATUS=2 pools, 8 workers, 0 respawns/s; runtime containerd answers"});
  EXPECT_TRUE(at_rest()) << "a timer without a cause";
  service().settled();
  until_looked(2);
  EXPECT_EQ(manager.heard(), Messages{}) << "nothing changed";
}

TEST_F(ServiceTest, LooksAgainWhileTheRateFalls) {
  service().ready();
  manager.heard();
  looks = 0;
  status.respawns_per_s = 14.3;
  service().settled();
  until_looked(1);
  status.respawns_per_s = 0.01;
  until_looked(2);
  EXPECT_EQ(manager.heard(),
            (Messages{"STATUS=2 pools, 7 workers, 14 respawns/s; runtime containerd answers",
                      "STATUS=2 pools, 7 workers, 0 respawns/s; runtime containerd answers"}));
  EXPECT_TRUE(at_rest());
}

TEST_F(ServiceTest, TellsNothingMoreOnceItStops) {
  setenv("WATCHDOG_USEC", "2000", 1);
  service().ready();
  until_asked(1);
  service().settled();
  service().stopping();
  manager.heard();
  context.restart();
  context.run();  // what was cancelled
  service().settled();
  EXPECT_EQ(manager.heard(), Messages{});
  EXPECT_TRUE(at_rest());
}

TEST_F(ServiceTest, CannotBeMadeToSayMoreByTheTextOfAFault) {
  status.runtime = "containerd does not answer: gone\nREADY=0\nMAINPID=1 " + std::string(1000, 'x');
  service().ready();
  const Messages heard = manager.heard();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(std::count(heard[0].begin(), heard[0].end(), '\n'), 1);
  EXPECT_LT(heard[0].size(), 500U);
}

TEST(ServiceAlone, IsQuietWithoutAManager) {
  boost::asio::io_context context{1};
  Service service(context, {[] { ADD_FAILURE(); }, [] { return ServiceStatus{}; }});
  service.ready();
  service.settled();
  EXPECT_EQ(context.poll(), 0U);
  EXPECT_TRUE(context.stopped());
}

TEST(ServiceStatusText, SaysWhatTheNodeDoes) {
  EXPECT_EQ(to_string({1, 1, 0.44, "docker answers"}),
            "1 pool, 1 worker, 0.4 respawns/s; runtime docker answers");
  EXPECT_EQ(to_string({5, 120, 14.4, "containerd answers"}),
            "5 pools, 120 workers, 14 respawns/s; runtime containerd answers");
}

TEST(ServiceStatusText, CountsFromTheModel) {
  core::Model model;
  model.pools["a"];
  model.pools["b"];
  Evidence evidence;
  const core::Time now = monotonic_now();
  for (int i = 0; i < 100; ++i) evidence.pool("a").respawns.add(now);
  const ServiceStatus status = service_status(model, evidence, "docker", now);
  EXPECT_EQ(status.pools, 2U);
  EXPECT_GT(status.respawns_per_s, 1);
}

TEST(ServiceStatusText, SaysHowTheRuntimeIs) {
  core::Model model;
  const auto runtime = [&model] { return service_status(model, {}, "docker", {}).runtime; };
  EXPECT_EQ(runtime(), "docker is asked which workers there are");
  model.adopted = true;
  EXPECT_EQ(runtime(), "docker answers");
  model.runtime_up = false;
  model.runtime_fault = "connection refused";
  EXPECT_EQ(runtime(), "docker does not answer: connection refused");
}

}  // namespace
}  // namespace mayfly::agent
