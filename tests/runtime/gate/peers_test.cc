// Peers that Gates must not trust.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "tests/runtime/gate/house.h"

namespace mayfly::gate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAppHello = "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"app\"}\n";
constexpr const char* kReady = "{\"mayfly\":1,\"type\":\"ready\"}\n";

class Peers : public House {};

struct Rude {
  const char* name;
  std::string words;
  const char* reason;
};

class RudePeer : public Peers, public ::testing::WithParamInterface<Rude> {};

TEST_P(RudePeer, IsPutOutAndMayComeAgain) {
  open("w");
  Peer peer(socket_of("w"));
  peer.say(GetParam().words);
  until([&] { return peer.closed(); });
  EXPECT_EQ(events_, std::vector<std::string>{std::string("lost w: ") + GetParam().reason});
  held("w");
}

INSTANTIATE_TEST_SUITE_P(
    Words, RudePeer,
    ::testing::Values(
        Rude{"Huge", std::string(100'000, 'x'), "a frame longer than 4 KiB"},
        Rude{"HugeWithinJson", "{\"mayfly\":1,\"a\":\"" + std::string(4096, 'x') + "\"}\n",
             "a frame longer than 4 KiB"},
        Rude{"NotJson", "GET / HTTP/1.1\r\n\r\n", "not JSON"},
        Rude{"NotAnObject", "[1]\n", "not a JSON object"},
        Rude{"NotUtf8", "{\"mayfly\":1,\"type\":\"\xff\"}\n", "not JSON"},
        Rude{"Empty", "\n", "not JSON"},
        Rude{"NoVersion", "{\"type\":\"ready\"}\n", "not version 1 of the protocol"},
        Rude{"OtherVersion", "{\"mayfly\":2,\"type\":\"ready\"}\n",
             "not version 1 of the protocol"},
        Rude{"NoType", "{\"mayfly\":1}\n", "a frame without a type"},
        Rude{"UnknownType", "{\"mayfly\":1,\"type\":\"release\"}\n", "a frame of unknown type"},
        Rude{"UnknownHold", "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"me\"}\n",
             "hello without a known hold"},
        Rude{"OtherHold", kAppHello, "a gate that holds differently"},
        Rude{"AppAtAGate", kReady, "an app where the gate itself holds"},
        Rude{"FailedUnasked", "{\"mayfly\":1,\"type\":\"failed\",\"errno\":2}\n",
             "a failed exec that nobody asked for"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Peers, AreLostWhenTheyEndWithinAFrame) {
  open("w");
  Peer peer(socket_of("w"));
  peer.say("{\"mayfly\":1,");
  peer.leave();
  until_event("lost w: a connection that ended within a frame");
}

TEST_F(Peers, MayLeaveWithoutAWord) {
  open("w");
  Peer(socket_of("w")).leave();
  held("w");
  EXPECT_EQ(events_, std::vector<std::string>{"ready w"});
}

TEST_F(Peers, AreHeardWhenAFrameComesInPieces) {
  open("w");
  Peer peer(socket_of("w"));
  for (const char c : std::string(kHello)) {
    peer.say({&c, 1});
    settle();
  }
  until_event("ready w");
}

TEST_F(Peers, AreLostWhenHeldOnesTalkOutOfTurn) {
  open("w");
  Peer peer(socket_of("w"));
  peer.say(std::string(kHello) + kHello);
  until_event("lost w: a frame out of turn");
  EXPECT_EQ(events_.front(), "ready w");
}

TEST_F(Peers, CannotTakeThePlaceOfTheHeldOne) {
  open("w");
  Peer first = held("w");
  Peer second(socket_of("w"));
  second.say(kHello);
  until([&] { return second.closed(); });
  EXPECT_EQ(events_, std::vector<std::string>{"ready w"});
  EXPECT_FALSE(first.closed());
}

TEST_F(Peers, TakeThePlaceOfADeadOne) {
  open("w");
  Peer first = held("w");
  Peer second(socket_of("w"));
  settle();
  second.say(kHello);  // is heard before the end of the first
  first.leave();
  until([&] { return count("ready w") == 2; });
  EXPECT_FALSE(second.closed());
}

TEST_F(Peers, ThatAreSilentDoNotKeepTheGateOut) {
  open("w");
  std::vector<Peer> silent;
  for (int i = 0; i < 6; ++i) silent.emplace_back(socket_of("w"));
  settle();
  held("w");
  const auto closed =
      std::count_if(silent.begin(), silent.end(), [](Peer& peer) { return peer.closed(); });
  EXPECT_EQ(closed, 2) << "one live and four that are pending";
}

TEST_F(Peers, ThatComeInAFloodAreLetInSlowly) {
  open("w");
  const auto start = std::chrono::steady_clock::now();
  int let_in = 0;
  for (int i = 0; i < 200; ++i) {
    Peer peer(socket_of("w"));
    if (!peer.connected()) break;  // the backlog is full
    peer.say("x\n");
    settle();
    let_in += peer.closed() ? 1 : 0;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LE(let_in, 10 + 4 * (seconds.count() + 1));
  EXPECT_GE(let_in, 10);
  std::optional<Peer> honest;  // gets in when the queue before the door has moved up
  until([&] {
    honest.emplace(socket_of("w"));
    return honest->connected();
  });
  honest->say(kHello);
  until_event("ready w");
}

TEST_F(Peers, CannotGiveUsDescriptors) {
  open("w");
  Pipe pipe;
  Peer peer(socket_of("w"));
  peer.say_with(kHello, pipe.write_end.get());
  const std::size_t before = open_descriptors();
  until_event("ready w");
  EXPECT_EQ(open_descriptors(), before + 1) << "the accepted connection";
  EXPECT_EQ(pipe.drain(), "") << "nobody else holds the other end";
}

TEST_F(Peers, FindTheDoorClosedAfterTheRelease) {
  open("w");
  Peer peer = held("w");
  gates_->release("w", {.slot = 7, .env = {}});
  EXPECT_FALSE(Peer(socket_of("w")).connected());
  peer.leave();
  until_event("running w");
  EXPECT_FALSE(fs::exists(socket_of("w")));
  EXPECT_EQ(peer.heard(), "");
}

TEST_F(Peers, ThatDoNotReadCannotBlockTheRelease) {
  open("w");
  Peer peer = held("w");
  peer.leave();
  gates_->release("w", {});
  until([&] { return !events_.empty() && events_.back().starts_with("failed w: "); });
}

#ifndef __SANITIZE_ADDRESS__  // the sanitizer itself needs descriptors to look at an object
TEST_F(Peers, WaitWhenThereAreNoDescriptorsLeft) {
  open("w");
  Peer peer(socket_of("w"));
  peer.say(kHello);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  settle();  // would not end if the door were busy with what it cannot accept
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(events_, std::vector<std::string>{});
  until_event("ready w");
}
#endif

TEST_F(Peers, MayBeClosedFromWithinAnyCallback) {
  std::unique_ptr<Gates> gates;
  std::vector<std::string> told;
  const auto close = [&](const char* what) {
    return [&, what](const std::string& worker, auto...) {
      told.emplace_back(what);
      gates->close(worker);
    };
  };
  gates = std::make_unique<Gates>(loop_, Gates::Options{folder_ + "/closing", {}},
                                  Callbacks{close("ready"), close("lost"), close("running"),
                                            close("failed"), close("untraced")});
  const auto meet = [&](const std::string& words) {
    ASSERT_TRUE(gates->open("w", Hold::kGate, {}));
    Peer peer(gates->mount_source("w") + "/gate.sock");
    peer.say(words);
    const auto before = told.size();
    until([&] { return told.size() > before && peer.closed(); });
  };
  meet(std::string(kHello) + kHello);
  meet("x\n" + std::string(kHello));
  EXPECT_EQ(told, (std::vector<std::string>{"ready", "lost"}));
  EXPECT_EQ(gates->present(), std::vector<std::string>{});
}

TEST_F(Peers, SayFailedAfterTheReleaseAndAreNotRunning) {
  open("w");
  Peer peer = held("w");
  gates_->release("w", {});
  peer.say("{\"mayfly\":1,\"type\":\"failed\",\"errno\":13,\"what\":\"exec /x\"}\n");
  peer.leave();
  until_event("failed w: exec /x: Permission denied");
  settle();
  EXPECT_EQ(count("running w"), 0U);
}

TEST_F(Peers, ThatGoAwayDuringTheReleaseLeaveNoCallbackBehind) {
  open("w");
  Peer peer = held("w");
  peer.leave();
  gates_->release("w", {});  // fails, and will say so
  gates_->close("w");
  settle();
  EXPECT_EQ(events_, std::vector<std::string>{"ready w"});
}

class Apps : public Peers {};

TEST_F(Apps, AreStartedByTheGateWithTheirStdio) {
  Pipe in, out, err;
  open("w", Hold::kApp, {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  const auto app = gate("w", {"/bin/sh", "-c", "echo at $MAYFLY_GATE; exit 5"}, {"--hold=app"});
  out.write_end.reset();
  std::string said;
  until([&] {
    char bytes[256];
    pollfd readable{out.read_end.get(), POLLIN, 0};
    if (::poll(&readable, 1, 0) <= 0) return false;
    const auto got = ::read(out.read_end.get(), bytes, sizeof(bytes));
    if (got > 0) said.append(bytes, static_cast<std::size_t>(got));
    return got <= 0;
  });
  EXPECT_EQ(said, "at " + socket_of("w") + "\n");
  EXPECT_EQ(app->wait(), 5);
  settle();
  EXPECT_EQ(events_, std::vector<std::string>{}) << "starting is not being ready";
}

TEST_F(Apps, AreReleasedWhenTheySaidReady) {
  open("w", Hold::kApp);
  Peer app(socket_of("w"));
  app.say(kReady);
  until_event("ready w");
  gates_->release("w", {.slot = 2, .env = {{"TASK", "7"}}});
  until_event("running w");
  EXPECT_TRUE(app.closed());
  EXPECT_EQ(app.heard(),
            "{\"mayfly\":1,\"type\":\"release\",\"slot\":2,\"env\":{\"TASK\":\"7\"}}\n");
  EXPECT_FALSE(fs::exists(socket_of("w")));
}

TEST_F(Apps, FailWithAReasonWhenTheyCannotBeStarted) {
  open("w", Hold::kApp);
  const auto app = gate("w", {"/no/such"}, {"--hold=app"});
  until_event("lost w: exec /no/such: No such file or directory");
  EXPECT_EQ(app->wait(), 127);
}

TEST_F(Apps, AreStartedOnce) {
  Pipe in, out, err;
  open("w", Hold::kApp, {in.read_end.get(), out.write_end.get(), err.write_end.get()});
  Peer first(socket_of("w"));
  first.say(kAppHello);
  until([&] { return first.closed() || !first.heard().empty(); });
  Peer second(socket_of("w"));
  second.say(kAppHello);
  until_event("lost w: a gate for a command that has been started");
  EXPECT_EQ(first.heard(), "{\"mayfly\":1,\"type\":\"start\",\"env\":{}}\n");
  EXPECT_EQ(second.heard(), "");
}

TEST_F(Apps, ThatAreScriptsWaitWithTheGatesHelp) {
  open("w", Hold::kApp);
  const auto app = gate("w", {}, {"--ready"});
  until_event("ready w");
  restart();
  open("w", Hold::kApp);
  until([&] { return count("ready w") == 2; });
  gates_->release("w", {});
  until_event("running w");
  EXPECT_EQ(app->wait(), 0);
}

}  // namespace
}  // namespace mayfly::gate
