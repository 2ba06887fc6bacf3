#include "agent/control/router.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "config/load.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {
namespace {

using nlohmann::json;

class Router : public testing::Test {
 protected:
  Response ask(const std::string& method, const std::string& target, Request request = {}) {
    const auto match = find_route(method, target);
    if (!match) return match.error();
    Response given;
    int answers = 0;
    request.unix_ms = 1'700'000'000'000;
    answer(*match, request, operations_, [&](Response response) {
      given = std::move(response);
      ++answers;
    });
    EXPECT_EQ(answers, 1) << method << " " << target;
    return given;
  }

  Response post(const std::string& target, const std::string& body,
                const std::string& content_type = "application/json") {
    Request request;
    request.body = body;
    request.content_type = content_type;
    return ask("POST", target, std::move(request));
  }

  static std::string code(const Response& response) {
    return json::parse(response.body)["error"]["code"];
  }

  boost::asio::io_context loop_;
  FakeOperations operations_{loop_};
};

TEST_F(Router, SaysThatAnUnknownRouteIsNotFound) {
  for (const char* target : {"/", "/v1", "/v2/status", "/v1/pools/a/b", "/v1/why", "//v1/status"}) {
    const Response response = ask("GET", target);
    EXPECT_EQ(response.status, 404U) << target;
    EXPECT_EQ(code(response), "not_found");
  }
}

TEST_F(Router, NamesTheMethodsThatARouteTakes) {
  const Response response = ask("PUT", "/v1/pools");
  EXPECT_EQ(response.status, 405U);
  EXPECT_EQ(response.allow, "GET, POST");
  EXPECT_EQ(code(response), "method_not_allowed");
}

TEST_F(Router, RefusesAnUnknownQueryKeySoThatATypoIsNotAWrite) {
  const Response response = ask("POST", "/v1/pools?dryrun=true");
  EXPECT_EQ(response.status, 400U);
  EXPECT_TRUE(operations_.calls.empty());
}

TEST_F(Router, RefusesAnEmptyNameInThePath) {
  EXPECT_EQ(ask("GET", "/v1/pools//logs").status, 404U);
}

TEST_F(Router, AsksForWriteAccessOnEveryRouteThatIsNoGet) {
  for (const Route& route : routes()) {
    EXPECT_EQ(route.access, route.method == "GET" ? Access::kRead : Access::kWrite) << route.path;
  }
}

TEST_F(Router, AppliesAPoolFromJsonAndFromToml) {
  config::Pool pool;
  pool.name = "encode";
  pool.worker.image = "registry.example/encode:1";
  EXPECT_EQ(post("/v1/pools", config::to_json(pool)).status, 200U);
  const std::string toml = "name = \"encode\"\nimage = \"registry.example/encode:1\"\n";
  EXPECT_EQ(post("/v1/pools?dry_run=true", toml, "application/toml; charset=utf-8").status, 200U);
  EXPECT_EQ(operations_.calls, (std::vector<std::string>{"apply encode", "dry-run encode"}));
}

TEST_F(Router, TellsBrokenJsonFromAWrongDocument) {
  EXPECT_EQ(post("/v1/pools", "{\"name\": ").status, 400U);
  const Response wrong = post("/v1/pools", "{\"name\": \"encode\", \"replicsa\": 3}");
  EXPECT_EQ(wrong.status, 422U);
  const json error = json::parse(wrong.body)["error"];
  EXPECT_EQ(error["code"], "invalid");
  EXPECT_FALSE(error["faults"].empty());
  EXPECT_EQ(post("/v1/pools", "a: 1", "text/yaml").status, 415U);
  EXPECT_TRUE(operations_.calls.empty());
}

TEST_F(Router, SurvivesAVeryDeepDocument) {
  EXPECT_EQ(post("/v1/pools", std::string(500'000, '[')).status, 400U);
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(post("/v1/pools", deep).status, 422U);
}

TEST_F(Router, ScalesToAWholeNumberOnly) {
  operations_.add_pool("encode", 2);
  EXPECT_EQ(post("/v1/pools/encode/scale", "{\"replicas\": 5}").status, 200U);
  for (const char* body :
       {"{}", "", "{\"replicas\": -1}", "{\"replicas\": 1.5}", "[]", "{\"replicas\": \"5\"}",
        "{\"replicas\": 4294967296}", "{\"replicas\": 1, \"more\": 2}"}) {
    EXPECT_EQ(post("/v1/pools/encode/scale", body).status, 422U) << body;
  }
  EXPECT_EQ(post("/v1/pools/encode/scale", "{").status, 400U);
  EXPECT_EQ(operations_.calls, std::vector<std::string>{"scale encode 5"});
}

TEST_F(Router, OrdersTheNode) {
  operations_.status.node = "n1";
  const Response response = post("/v1/node/drain", R"({"deadline_s":90})");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(json::parse(response.body), json({{"node", "n1"}, {"kind", "changed"}}));
  EXPECT_EQ(post("/v1/node/drain", "").status, 200U);
  EXPECT_EQ(post("/v1/node/cordon", "").status, 200U);
  EXPECT_EQ(post("/v1/node/undrain", "{}").status, 200U);
  EXPECT_EQ(post("/v1/node/drain", R"({"deadline":"90s"})").status, 422U);
  EXPECT_EQ(post("/v1/node/drain", "no JSON").status, 422U);
  EXPECT_EQ(post("/v1/node/cordon", R"({"deadline_s":1})").status, 422U);
  EXPECT_EQ(operations_.calls, (std::vector<std::string>{"node drained within 90 s", "node drained",
                                                         "node cordoned", "node open"}));
}

TEST_F(Router, MapsARefusalToItsStatus) {
  operations_.add_pool("encode", 1);
  const std::pair<Refusal, unsigned> table[] = {{Refusal::kNotFound, 404},
                                                {Refusal::kRefused, 409},
                                                {Refusal::kInvalid, 422},
                                                {Refusal::kFailed, 500},
                                                {Refusal::kTimedOut, 504}};
  for (const auto& [refusal, status] : table) {
    operations_.refusal = Error{refusal, "because"};
    const Response response = post("/v1/pools/encode/pause", "");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(json::parse(response.body)["error"]["message"], "because");
  }
}

TEST_F(Router, StopsAWorkerByItsNameOnly) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  EXPECT_EQ(post("/v1/workers/encode-1/retire", "").status, 200U);
  EXPECT_EQ(post("/v1/workers/encode-1/kill", "{}").status, 200U);
  EXPECT_EQ(post("/v1/workers/encode-2/kill", "").status, 404U);
  EXPECT_EQ(post("/v1/workers/1/kill", "").status, 404U);
  EXPECT_EQ(operations_.calls, (std::vector<std::string>{"retire encode-1", "kill encode-1"}));
}

TEST_F(Router, FiltersWorkersByPool) {
  operations_.add_pool("a", 1);
  operations_.add_pool("b", 1);
  operations_.add_running("a", 0);
  operations_.add_running("b", 0);
  operations_.add_spare("b");
  const json all = json::parse(ask("GET", "/v1/workers").body);
  EXPECT_EQ(all["workers"].size(), 2U);
  const json some = json::parse(ask("GET", "/v1/workers?pool=b").body);
  ASSERT_EQ(some["workers"].size(), 1U);
  EXPECT_EQ(some["workers"][0]["name"], "b-2");
  EXPECT_EQ(json::parse(ask("GET", "/v1/spares").body)["spares"].size(), 1U);
  EXPECT_EQ(ask("GET", "/v1/workers?pool=c").status, 404U);
}

TEST_F(Router, AnswersWhyForSlotsThatExist) {
  operations_.add_pool("encode", 2);
  operations_.reasons[1] = {core::EmptyReason::kBackoff, "exit 3",
                            operations_.time + std::chrono::seconds(2)};
  const json why = json::parse(ask("GET", "/v1/why/encode/1").body);
  EXPECT_EQ(why["reason"], "backoff");
  EXPECT_EQ(why["detail"], "exit 3");
  EXPECT_EQ(why["next_attempt_in_ms"], 2000);
  EXPECT_EQ(why["next_attempt_at"], "2023-11-14T22:13:22.000Z");
  EXPECT_EQ(ask("GET", "/v1/why/encode/2").status, 404U);
  EXPECT_EQ(ask("GET", "/v1/why/encode/4294967296").status, 404U);
  EXPECT_EQ(ask("GET", "/v1/why/encode/x").status, 400U);
  EXPECT_EQ(ask("GET", "/v1/why/other/0").status, 404U);
}

TEST_F(Router, LimitsTheExitsThatItGives) {
  for (int i = 0; i < 5; ++i) {
    store::Exit exit;
    exit.worker = "encode-" + std::to_string(i);
    exit.pool = "encode";
    operations_.records.push_back(exit);
  }
  EXPECT_EQ(json::parse(ask("GET", "/v1/exits?limit=2").body)["exits"].size(), 2U);
  EXPECT_EQ(json::parse(ask("GET", "/v1/exits?worker=encode-4").body)["exits"].size(), 1U);
  for (const char* limit : {"0", "1001", "-1", "x", "99999999999999999999"}) {
    EXPECT_EQ(ask("GET", std::string("/v1/exits?limit=") + limit).status, 400U) << limit;
  }
}

TEST_F(Router, FollowsEventsFromTheLastFew) {
  for (int i = 0; i < 10; ++i) operations_.add_event("encode", "event" + std::to_string(i));
  Response response = ask("GET", "/v1/events?tail=2&follow=true");
  ASSERT_TRUE(response.feed);
  FeedStep step = response.feed();
  EXPECT_FALSE(step.ended);
  EXPECT_EQ(step.bytes.find("event7"), std::string::npos);
  EXPECT_NE(step.bytes.find("event8"), std::string::npos);
  EXPECT_TRUE(response.feed().bytes.empty());
  operations_.add_event("encode", "event10");
  EXPECT_NE(response.feed().bytes.find("event10"), std::string::npos);
}

TEST_F(Router, EndsAListOfEventsWithTheLast) {
  for (int i = 0; i < 600; ++i) operations_.add_event("encode", "released");
  Response response = ask("GET", "/v1/events");
  std::size_t lines = 0;
  bool ended = false;
  while (!ended) {
    const FeedStep step = response.feed();
    for (const char c : step.bytes) lines += c == '\n' ? 1U : 0U;
    ended = step.ended;
  }
  EXPECT_EQ(lines, 600U);
}

TEST_F(Router, CutsOffAFollowerThatTheRingHasLapped) {
  operations_.add_event("encode", "first");
  Response response = ask("GET", "/v1/events?follow=true");
  EXPECT_FALSE(response.feed().ended);
  for (std::size_t i = 0; i < agent::Evidence::kTransitionsKept + 10; ++i) {
    operations_.add_event("encode", "released");
  }
  const FeedStep step = response.feed();
  EXPECT_TRUE(step.ended);
  EXPECT_EQ(json::parse(step.bytes)["error"]["code"], "too_slow");
}

// ---- logs -----------------------------------------------------------------------------------

class RouterLogs : public Router {
 protected:
  /// The worker's standard output; closed with the test.
  int open(const std::string& worker) {
    const auto writers = operations_.log_files().open("encode", worker, {});
    EXPECT_TRUE(writers) << writers.error();
    close(writers->err);
    outs_.push_back(writers->out);
    return writers->out;
  }
  static void write_to(int fd, const std::string& text) {
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// All steps of a feed that ends.
  static std::string drain(const Response& response) {
    std::string all;
    for (int steps = 0; steps < 1000; ++steps) {
      FeedStep step = response.feed();
      all += step.bytes;
      if (step.ended) return all;
    }
    ADD_FAILURE() << "the feed does not end";
    return all;
  }
  void TearDown() override {
    for (const int fd : outs_) close(fd);
  }

  std::vector<int> outs_;
};

TEST_F(RouterLogs, GiveAWorkersOutputOrItsLastLines) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  write_to(open("encode-1"), "one\ntwo\nthree\n");
  EXPECT_EQ(drain(ask("GET", "/v1/workers/encode-1/logs")), "one\ntwo\nthree\n");
  EXPECT_EQ(drain(ask("GET", "/v1/workers/encode-1/logs?tail=2")), "two\nthree\n");
  EXPECT_EQ(drain(ask("GET", "/v1/workers/encode-1/logs?tail=0")), "");
  EXPECT_EQ(drain(ask("GET", "/v1/workers/encode-1/logs?tail=9")), "one\ntwo\nthree\n");
  EXPECT_EQ(drain(ask("GET", "/v1/workers/encode-1/logs?stream=stderr")), "");
}

TEST_F(RouterLogs, FollowAWorkerUntilItEnds) {
  operations_.add_pool("encode", 1);
  core::Worker& worker = operations_.add_running("encode", 0);
  const int out = open("encode-1");
  write_to(out, "one\n");
  const Response response = ask("GET", "/v1/workers/encode-1/logs?follow=true&tail=5");
  EXPECT_EQ(response.feed().bytes, "one\n");
  EXPECT_FALSE(response.feed().ended);
  write_to(out, "two");
  EXPECT_EQ(response.feed().bytes, "two");
  write_to(out, " and more");
  worker.exited = operations_.time;
  EXPECT_EQ(drain(response), " and more");
}

TEST_F(RouterLogs, GiveAPoolsOutputInWholeLinesWithTheirWorker) {
  operations_.add_pool("encode", 2);
  operations_.add_running("encode", 0);
  operations_.add_running("encode", 1);
  write_to(open("encode-1"), "a1\na2\nunfinished");
  write_to(open("encode-2"), "b1\n");
  const std::string all = drain(ask("GET", "/v1/pools/encode/logs"));
  EXPECT_NE(all.find(R"({"worker":"encode-1","line":"a2"})"), std::string::npos);
  EXPECT_NE(all.find(R"({"worker":"encode-1","line":"unfinished"})"), std::string::npos);
  EXPECT_NE(all.find(R"({"worker":"encode-2","line":"b1"})"), std::string::npos);
  const std::string tail = drain(ask("GET", "/v1/pools/encode/logs?tail=1"));
  EXPECT_EQ(tail.find("a1"), std::string::npos);
  EXPECT_NE(tail.find("b1"), std::string::npos);
}

TEST_F(RouterLogs, FollowAPoolAcrossItsWorkers) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  const int out = open("encode-1");
  const Response response = ask("GET", "/v1/pools/encode/logs?follow=true");
  EXPECT_TRUE(response.feed().bytes.empty());
  write_to(out, "half");
  EXPECT_TRUE(response.feed().bytes.empty());
  operations_.world.workers.clear();
  EXPECT_NE(response.feed().bytes.find("half"), std::string::npos);
  write_to(open("encode-2"), "next\n");
  EXPECT_NE(response.feed().bytes.find("encode-2"), std::string::npos);
}

TEST_F(RouterLogs, CutALineThatIsTooLong) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  write_to(open("encode-1"), std::string(200'000, 'x') + "\nend\n");
  const std::string all = drain(ask("GET", "/v1/pools/encode/logs"));
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), 200'000);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 5);
}

TEST_F(Router, RefusesAWrongStreamQuery) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  for (const char* target :
       {"/v1/events?follow=yes", "/v1/events?tail=x", "/v1/events?after=-1",
        "/v1/workers/encode-1/logs?stream=stdin", "/v1/pools/encode/logs?tail=99999999999"}) {
    EXPECT_EQ(ask("GET", target).status, 400U) << target;
  }
  EXPECT_EQ(ask("GET", "/v1/workers/encode-9/logs").status, 404U);
  EXPECT_EQ(ask("GET", "/v1/pools/other/logs").status, 404U);
}

}  // namespace
}  // namespace mayfly::control
