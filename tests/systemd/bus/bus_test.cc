#include "systemd/bus.h"

#include <boost/asio/post.hpp>
#include <optional>

#include "tests/systemd/bus/bus_fixture.h"
#include "tests/systemd/bus/fakes.h"

namespace mayfly::systemd {
namespace {

struct Counter final : BusClient {
  void bus_connected() override { ++connected; }
  void bus_lost() override { ++lost; }
  int connected = 0;
  int lost = 0;
};

class SystemBus : public BusTest {
 protected:
  void start() {
    bus->add(client);
    bus->start([this](const std::string& why) { off.push_back(why); });
  }

  std::unique_ptr<Bus> bus = std::make_unique<Bus>(loop);
  Counter client;
};

const Call kDelay = {"org.freedesktop.login1", "/org/freedesktop/login1",
                     "org.freedesktop.login1.Manager", ""};

TEST_F(SystemBus, IsQuietlyOffWhereThereIsNone) {
  daemon.terminate();
  start();
  ASSERT_TRUE(until([&] { return !off.empty(); }));
  EXPECT_FALSE(off[0].empty());
  EXPECT_EQ(client.connected, 0);
  bus->call(get_property(kDelay, "InhibitDelayMaxUSec"), [](const Reply&) { FAIL(); });
  EXPECT_FALSE(bus->is_connected());
}

TEST_F(SystemBus, BringsTheAnswersOfServices) {
  FakeLogind logind;
  start();
  ASSERT_TRUE(until([&] { return client.connected == 1; }));
  std::optional<Reply> reply;
  bus->call(get_property(kDelay, "InhibitDelayMaxUSec"),
            [&](Reply came) { reply = std::move(came); });
  ASSERT_TRUE(until([&] { return reply.has_value(); }));
  ASSERT_TRUE(*reply) << reply->error().text;
  EXPECT_EQ(std::get<std::uint64_t>(**reply), 5'000'000U);
}

TEST_F(SystemBus, SaysWhatWentWrong) {
  start();
  ASSERT_TRUE(until([&] { return client.connected == 1; }));
  std::optional<Reply> reply;
  bus->call(get_property(kDelay, "InhibitDelayMaxUSec"),
            [&](Reply came) { reply = std::move(came); });
  ASSERT_TRUE(until([&] { return reply.has_value(); }));
  ASSERT_FALSE(*reply);
  EXPECT_EQ(reply->error().name, "org.freedesktop.DBus.Error.ServiceUnknown");
}

TEST_F(SystemBus, IsFoundAgainAfterItHasGone) {
  start();
  ASSERT_TRUE(until([&] { return client.connected == 1; }));
  daemon.kill9();
  ASSERT_TRUE(until([&] { return client.lost == 1; }));
  daemon.start();
  ASSERT_TRUE(until([&] { return client.connected == 2; }));
  std::optional<Reply> reply;
  bus->call(get_property(kDelay, "x"), [&](Reply came) { reply = std::move(came); });
  EXPECT_TRUE(until([&] { return reply.has_value(); }));
  EXPECT_TRUE(off.empty());
}

TEST_F(SystemBus, DoesNotStopTheLoopWhereItHangs) {
  daemon.stop();
  start();
  bool ran = false;
  boost::asio::post(loop, [&] { ran = true; });
  EXPECT_TRUE(until([&] { return ran; }));
  EXPECT_EQ(client.connected, 0);
  bus.reset();  // nor its end
  daemon.go_on();
}

TEST_F(SystemBus, MayEndWithCallsUnderWay) {
  FakeLogind logind;
  start();
  ASSERT_TRUE(until([&] { return client.connected == 1; }));
  bus->call(get_property(kDelay, "InhibitDelayMaxUSec"), [](const Reply&) { FAIL(); });
  bus.reset();
  loop.restart();
  loop.poll();
}

}  // namespace
}  // namespace mayfly::systemd
