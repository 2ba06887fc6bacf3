#include "agent/cli/fleet/verbs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/agent/cli/fleet/fake_store.h"

namespace mayfly::cli::fleet {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

const std::string kPools = "/mayfly/lab/pools/";
const std::string kNodes = "/mayfly/lab/nodes/";

class FleetVerbsTest : public testing::Test {
 protected:
  FleetVerbsTest() {
    char name[] = "/tmp/mayfly-fleet-verbs-XXXXXX";
    folder = mkdtemp(name);
    fd = open((folder / "out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    out.emplace(fd);
  }
  ~FleetVerbsTest() override {
    close(fd);
    std::filesystem::remove_all(folder);
  }

  Fleet fleet(Format format = Format::kTable) { return {desk, *out, format}; }

  /// All that was written since the last time.
  std::string shown() {
    std::ifstream in(folder / "out", std::ios::binary);
    in.seekg(seen);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    seen += static_cast<std::streamoff>(text.size());
    return text;
  }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  std::string pool_file(const std::string& more = "") const {
    return file("encode.toml", "name = \"encode\"\nimage = \"i:1\"\n" + more);
  }
  Outcome apply_file(const std::string& name) {
    Fleet with = fleet();
    return apply(with, {.files = {name}, .dry_run = false, .wait = {}});
  }
  void give(const std::string& more = "") { ASSERT_TRUE(apply_file(pool_file(more))); }
  [[nodiscard]] std::int64_t stored_at() const {
    return store.etcd.find(kPools + "encode")->mod_revision;
  }
  [[nodiscard]] Json stored(const std::string& pool = "encode") const {
    return Json::parse(value(store, kPools + pool));
  }

  void node(const std::string& name, const Json& status, const Json& info = Json::object()) {
    store.etcd.put(kNodes + name + "/info", info.dump(), 7);
    store.etcd.put(kNodes + name + "/status", Json{{"status", status}}.dump(), 7);
  }
  /// One that runs the pool as it is stored now.
  Json running(std::int64_t replicas, const std::string& pool = "encode") const {
    return {{"document", store.etcd.find(kPools + pool)->mod_revision},
            {"revision", 1},
            {"active_revision", 1},
            {"replicas", replicas},
            {"running", replicas}};
  }

  std::filesystem::path folder;
  int fd = -1;
  std::optional<Output> out;
  std::streamoff seen = 0;
  FakeStore store;
  Desk desk{store, "lab", author("anna")};
};

TEST_F(FleetVerbsTest, ApplyWritesWhatTheFileSays) {
  give("replicas = 3\n[selector]\nzone = \"east\"\n");
  EXPECT_EQ(stored()["replicas"], 3);
  EXPECT_EQ(stored()["selector"]["zone"], "east");
  EXPECT_EQ(stored()["revision"], 1);
  EXPECT_EQ(stored()["changed_by"], "anna");
  EXPECT_EQ(shown(), "pool encode created: revision 1\n");
  give("replicas = 3\n[selector]\nzone = \"east\"\n");
  EXPECT_EQ(shown(), "pool encode unchanged: revision 1\n");
  give("replicas = {total = 12}\n");
  EXPECT_EQ(stored()["replicas"]["total"], 12);
  EXPECT_EQ(stored()["revision"], 2);
}

TEST_F(FleetVerbsTest, ApplyWritesNothingOfFilesWithAFault) {
  Fleet with = fleet();
  const auto done =
      apply(with, {.files = {pool_file(), file("bad.toml", "name = \"b\"\nimag = 1\n")},
                   .dry_run = false,
                   .wait = {}});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("bad.toml:2:1: imag: is not a known key"), std::string::npos);
  EXPECT_EQ(store.commits, 0U);
  EXPECT_FALSE(apply_file(file("end.toml", "deleted = true\n")));
  EXPECT_FALSE(apply_file(pool_file("replicas = 1001\n"))) << "a node would refuse it";
  EXPECT_EQ(store.commits, 0U);
}

TEST_F(FleetVerbsTest, ApplyOfAFileFromAnEarlierRevisionIsRefused) {
  give("replicas = 1\n");
  give("replicas = 2\n");
  const auto done = apply_file(pool_file("replicas = 9\nrevision = 1\n"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ExitCode::kRefused);
  EXPECT_NE(done.error().what.find("made from revision 1, and the fleet has revision 2, by anna"),
            std::string::npos)
      << done.error().what;
  EXPECT_EQ(stored()["replicas"], 2);
  EXPECT_TRUE(apply_file(pool_file("replicas = 9\nrevision = 2\n")));
  EXPECT_EQ(stored()["replicas"], 9);
}

TEST_F(FleetVerbsTest, ADryRunShowsAndWritesNothing) {
  give("replicas = 1\n");
  (void)shown();
  Fleet with = fleet();
  const std::size_t commits = store.commits;
  ASSERT_TRUE(apply(with, {.files = {pool_file("replicas = 4\n")}, .dry_run = true, .wait = {}}));
  EXPECT_EQ(store.commits, commits);
  EXPECT_EQ(shown(),
            "pool encode changed: revision 1, applied at once (replicas)\n  replicas: 1 → 4\n");
}

TEST_F(FleetVerbsTest, APausedPoolStaysSoWhenAFileIsApplied) {
  give("replicas = 1\n");
  Fleet with = fleet();
  ASSERT_TRUE(pause(with, {"encode"}));
  EXPECT_EQ(stored()["paused"], true);
  give("replicas = 2\n");
  EXPECT_EQ(stored()["paused"], true);
  ASSERT_TRUE(resume(with, {"encode"}));
  EXPECT_FALSE(stored().value("paused", false));
  EXPECT_EQ(stored()["replicas"], 2);
}

TEST_F(FleetVerbsTest, ScaleChangesTheNumberThatThePoolHas) {
  Fleet with = fleet();
  give("replicas = 1\n");
  ASSERT_TRUE(scale(with, {.wanted = {{"encode", 5}}, .wait = {}}));
  EXPECT_EQ(stored()["replicas"], 5);
  give("replicas = {total = 3}\n");
  ASSERT_TRUE(scale(with, {.wanted = {{"encode", 5000}}, .wait = {}}));
  EXPECT_EQ(stored()["replicas"]["total"], 5000);
  EXPECT_EQ(scale(with, {.wanted = {{"other", 1}}, .wait = {}}).error().code, ExitCode::kNotFound);
  give("replicas = 1\n");
  EXPECT_FALSE(scale(with, {.wanted = {{"encode", 1001}}, .wait = {}}));
  store.etcd.put(kPools + "encode", "not JSON");
  EXPECT_FALSE(scale(with, {.wanted = {{"encode", 1}}, .wait = {}}));
}

TEST_F(FleetVerbsTest, DeletePutsATombstoneAndSaysHowItEnds) {
  Fleet with = fleet();
  give();
  node("a", {{"pools", {{"encode", running(3)}}}});
  (void)shown();
  ASSERT_TRUE(remove(with, {.names = {"encode"}, .files = {}, .wait = {}}));
  EXPECT_EQ(stored()["deleted"], true);
  EXPECT_EQ(stored()["revision"], 2);
  EXPECT_NE(shown().find("pool encode deleted: revision 2\n  a: 3 workers are stopped"),
            std::string::npos);
  EXPECT_EQ(remove(with, {.names = {"encode"}, .files = {}, .wait = {}}).error().code,
            ExitCode::kNotFound);
  EXPECT_TRUE(get_pools(with, "encode", Showing::kOnce)) << "as long as it ends";
  node("a", Json::object());
  EXPECT_EQ(get_pools(with, "encode", Showing::kOnce).error().code, ExitCode::kNotFound);
  give();
  EXPECT_EQ(stored()["revision"], 3) << "a pool that comes back goes on counting";
}

TEST_F(FleetVerbsTest, WaitsUntilNodesRunItAndSaysWhoRefuses) {
  Fleet with = fleet();
  give("replicas = 2\n");
  (void)shown();
  node("a", {{"pools", {{"encode", running(2)}}}});
  const ApplyOptions again{.files = {pool_file("replicas = 2\n")}, .dry_run = false, .wait = 0ms};
  ASSERT_TRUE(apply(with, again));
  EXPECT_NE(shown().find("pool encode: 1 of 1 node runs it; 2 of 2 workers run\n"),
            std::string::npos);
  node("b", Json::object());
  const auto late = apply(with, again);
  EXPECT_EQ(late.error().code, ExitCode::kTimedOut);
  EXPECT_NE(late.error().what.find("1 not heard of yet (b)"), std::string::npos);
  node("b", {{"refused", {{"encode", "no \x1b[31m"}}},
             {"refused_documents", {{"encode", stored_at()}}}});
  const auto refused = apply(with, again);
  EXPECT_EQ(refused.error().code, ExitCode::kRefused);
  EXPECT_NE(refused.error().what.find("node b refuses it: no \\x1b[31m"), std::string::npos);
}

TEST_F(FleetVerbsTest, ShowsTheNodes) {
  Fleet with = fleet();
  give();
  node("a",
       {{"pools", {{"encode", running(3)}}},
        {"alarms", {"bad"}},
        {"scheduling", {{"state", "cordoned"}}}},
       {{"version", "1.2"}, {"labels", {{"zone", "east"}}}});
  store.etcd.put(kNodes + "gone/desired", R"({"scheduling":"drained"})");
  (void)shown();
  ASSERT_TRUE(get_nodes(with, Showing::kOnce));
  EXPECT_EQ(shown(),
            "NODE   STATE      VERSION   POOLS   WORKERS   REFUSED   ALARMS   CONTACT   LABELS\n"
            "a      cordoned   1.2           1       3/3         0        1   3s ago    zone=east\n"
            "gone   gone       -             -         -         -        -   -         -\n");
}

/// How a node stands whose lease of 60 s has so much left, and that reports no more.
class GoneNode : public FleetVerbsTest {
 protected:
  static constexpr std::int64_t kLease = 9;

  void fall_silent(std::int64_t left_s, const char* scheduling = "open") {
    store.etcd.put(
        "/mayfly/lab/members/b",
        Json{{"instance", "i"}, {"labels", {{"zone", "east"}}}, {"scheduling", scheduling}}.dump(),
        kLease);
    store.leases[kLease] = {60, left_s};
  }
  void claim(const std::string& pool, int slot) {
    store.etcd.put("/mayfly/lab/slots/" + pool + "/" + std::to_string(slot),
                   R"({"node":"b","instance":"i"})", kLease);
  }
  [[nodiscard]] std::string page(Outcome (*verb)(Fleet&, const std::string&),
                                 const std::string& name) {
    Fleet with = fleet();
    (void)shown();
    const auto done = verb(with, name);
    return done ? shown() : done.error().what;
  }
  std::string nodes_page() {
    Fleet with = fleet();
    (void)shown();
    EXPECT_TRUE(get_nodes(with, Showing::kOnce));
    return shown();
  }
};

TEST_F(GoneNode, IsListedForAsLongAsItsLeaseLives) {
  fall_silent(35, "cordoned");
  EXPECT_EQ(
      nodes_page(),
      "NODE   STATE            VERSION   POOLS   WORKERS   REFUSED   ALARMS   CONTACT   LABELS\n"
      "b      gone, cordoned   -             -         -         -        -   25s ago   "
      "zone=east\n");
  store.etcd.remove("/mayfly/lab/members/b");
  EXPECT_EQ(nodes_page(), "No nodes.\n");
}

TEST_F(GoneNode, IsNotOneThatHasYetToReport) {
  fall_silent(57);
  EXPECT_NE(nodes_page().find("b      joining   "), std::string::npos);
  fall_silent(51);
  EXPECT_NE(nodes_page().find("b      joining   "), std::string::npos);
  fall_silent(50);
  EXPECT_NE(nodes_page().find("b      gone   "), std::string::npos);
  node("b", {{"pools", Json::object()}});
  EXPECT_NE(nodes_page().find("b      open   "), std::string::npos);
}

TEST_F(GoneNode, IsSaidWithTheSlotsThatWaitForIt) {
  give("replicas = {total = 12}\n");
  fall_silent(35);
  for (const int slot : {0, 1, 2, 7, 10}) claim("encode", slot);
  claim("other", 3);
  store.etcd.put("/mayfly/lab/slots/encode/4", R"({"node":"a","instance":"i"})", 7);
  const std::string told = "slots wait for it, for 35s yet: encode 0-2, 7, 10; other 3";
  const std::string node = page(describe_node, "b");
  EXPECT_NE(node.find("state       gone\n"), std::string::npos) << node;
  EXPECT_NE(node.find("node b is gone, last heard of 25s ago; " + told), std::string::npos) << node;
  const std::string why_text = page(why, "encode");
  EXPECT_NE(
      why_text.find("b is gone, last heard of 25s ago; slots 0-2, 7, 10 wait for it, for 35s"),
      std::string::npos)
      << why_text;
  Fleet with = fleet();
  ASSERT_TRUE(status(with, Showing::kOnce));
  EXPECT_NE(shown().find("0 nodes live, 0 workers run\nwarning  node b is gone, last heard of"),
            std::string::npos);
}

TEST_F(GoneNode, IsMissedByThePoolsThatAreForIt) {
  give("[selector]\nzone = \"east\"\n");
  fall_silent(20);
  EXPECT_NE(page(why, "encode").find("b is gone, last heard of 40s ago\n"), std::string::npos);
  fall_silent(20, "drained");
  EXPECT_EQ(page(why, "encode").find("b is gone"), std::string::npos) << "it was to run nothing";
  fall_silent(20);
  give("[selector]\nzone = \"west\"\n");
  EXPECT_EQ(page(why, "encode").find("b is gone"), std::string::npos);
}

TEST_F(GoneNode, IsGivenOrdersForWhenItIsBack) {
  fall_silent(20);
  Fleet with = fleet();
  ASSERT_TRUE(order(with, {.nodes = {"b"}, .order = {"cordoned", {}, false}, .wait = {}}));
  EXPECT_EQ(Json::parse(value(store, kNodes + "b/desired"))["scheduling"], "cordoned");
  EXPECT_EQ(
      order(with, {.nodes = {"c"}, .order = {"cordoned", {}, false}, .wait = {}}).error().code,
      ExitCode::kNotFound);
}

TEST_F(FleetVerbsTest, EscapesWhatNodesSayAndMindsNoNonsense) {
  Fleet with = fleet();
  give();
  std::string deep = "{\"status\":{\"alarms\":";
  for (int i = 0; i < 100'000; ++i) deep += '[';
  store.etcd.put(kNodes + "deep/status", deep);
  std::string closed = deep;
  for (int i = 0; i < 100'000; ++i) closed += ']';
  store.etcd.put(kNodes + "nested/status", closed + "}}");
  store.etcd.put(kNodes + "x\x1b[2J/info", R"({"version":"\u001b]0;x\u0007","labels":7})");
  store.etcd.put(kNodes + "x\x1b[2J/status",
                 R"({"status":{"pools":{"encode":{"running":1e300,"why":[3],"exits":{"a":"b"}}},
                     "alarms":[{}, "\u001b[2J"]}})");
  for (const Format format : {Format::kTable, Format::kJson, Format::kWide}) {
    Fleet each = fleet(format);
    EXPECT_TRUE(status(each, Showing::kOnce));
    EXPECT_TRUE(why(each, "encode"));
    EXPECT_EQ(shown().find('\x1b'), std::string::npos);
  }
  EXPECT_TRUE(describe_node(with, "nested"));
}

TEST_F(FleetVerbsTest, WhyPutsTheReasonsOfAllNodesTogether) {
  Fleet with = fleet();
  give("replicas = 4\n");
  Json pool = running(4);
  pool["running"] = 1;
  pool["why"] = {
      {{"reason", "backoff"}, {"message", "it failed"}, {"detail", "exit 1"}, {"count", 3}}};
  node("a", {{"pools", {{"encode", pool}}}});
  pool["why"][0]["count"] = 1;
  node("b", {{"pools", {{"encode", pool}}}});
  (void)shown();
  ASSERT_TRUE(why(with, "encode"));
  const std::string text = shown();
  EXPECT_NE(text.find("pool encode: 2 of 8 workers run"), std::string::npos) << text;
  EXPECT_NE(text.find("    4   it failed   exit 1   a, b\n"), std::string::npos) << text;
}

TEST_F(FleetVerbsTest, HistorySaysWhoChangedWhat) {
  Fleet with = fleet();
  give("replicas = 1\n");
  give("replicas = 2\n");
  ASSERT_TRUE(remove(with, {.names = {"encode"}, .files = {}, .wait = {}}));
  (void)shown();
  ASSERT_TRUE(history(with, "encode"));
  EXPECT_EQ(shown(),
            "REVISION   CHANGED                BY     WHAT           IMAGE\n"
            "       3   2026-01-01T12:00:00Z   anna   deleted        -\n"
            "       2   2026-01-01T12:00:00Z   anna   replicas 1→2   i:1\n"
            "       1   2026-01-01T12:00:00Z   anna   -              i:1\n");
  Fleet json = fleet(Format::kJson);
  ASSERT_TRUE(history(json, "encode"));
  const Json document = Json::parse(shown())["revisions"][1]["document"];
  EXPECT_FALSE(document.contains("revision")) << "it can be applied again";
  EXPECT_EQ(history(with, "other").error().code, ExitCode::kNotFound);
}

TEST_F(FleetVerbsTest, OrdersOfNodesAreWrittenAndWaitedFor) {
  Fleet with = fleet();
  const auto ask = [&](const char* scheduling) {
    return order(with, {.nodes = {"a"}, .order = {scheduling, 60, false}, .wait = 0ms});
  };
  node("a", {{"scheduling", {{"state", "drained"}}}});
  ASSERT_TRUE(ask("drained"));
  EXPECT_EQ(Json::parse(value(store, kNodes + "a/desired"))["deadline_s"], 60);
  EXPECT_EQ(ask("open").error().code, ExitCode::kTimedOut);
  node("a", {{"scheduling", {{"state", "drained"}, {"order", "anna-1"}}}});
  EXPECT_EQ(ask("drained").error().code, ExitCode::kTimedOut) << "it has not heard of this one";
  node("a", {{"scheduling", {{"state", "open"}, {"order", "anna-4"}, {"refused", "no"}}}});
  const auto refused = ask("drained");
  EXPECT_EQ(refused.error().code, ExitCode::kRefused);
  EXPECT_EQ(refused.error().what, "node a refuses: no");
}

}  // namespace
}  // namespace mayfly::cli::fleet
