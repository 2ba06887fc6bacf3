#include "tests/agent/cli/command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/agent/control/harness.h"

namespace mayfly::cli {
namespace {

using control::FakeOperations;
using nlohmann::json;

class Command : public testing::Test {
 protected:
  Ran run(const std::vector<std::string>& arguments, const std::string& input = "") {
    return run_mayfly(server_.socket(), arguments, input);
  }
  std::string write(const std::string& name, const std::string& content) {
    const auto path = directory_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
    return path.string();
  }
  std::vector<std::string> calls() {
    std::vector<std::string> made;
    server_.on_loop([&](FakeOperations& operations) { made = operations.calls; });
    return made;
  }
  /// A pool with one of its two slots filled.
  void half_a_pool() {
    server_.on_loop([](FakeOperations& operations) {
      operations.add_pool("encode", 2);
      operations.add_running("encode", 0);
      operations.add_spare("encode");
      operations.reasons[1] = {core::EmptyReason::kBackoff, "exit 3",
                               operations.time + std::chrono::seconds(2)};
    });
  }

  control::ServerUnderTest server_;
  control::TemporaryDirectory directory_;
};

const std::string kEncode = "name = \"encode\"\nimage = \"encode:1\"\n";

// ---- reading --------------------------------------------------------------------------------

TEST_F(Command, ShowsTheStatusOfTheNode) {
  half_a_pool();
  server_.on_loop([](FakeOperations& operations) {
    operations.status.warnings = {"there is no group"};
    for (int i = 0; i < 10; ++i) {
      operations.seen.pool("encode").gap.add(std::chrono::microseconds(700));
    }
  });
  const Ran ran = run({"status"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  for (const char* part :
       {"node-1", "containerd 1.6.20 up", "there is no group", "1 of 2 workers run", "gap p50 0.6",
        "encode/1", "its last worker failed", "exit 3", "in 2s"}) {
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
  }
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
}

TEST_F(Command, ShowsCoordinatorAndWebhookOnlyWhereThereAreAny) {
  EXPECT_EQ(run({"status"}).out.find("coordinator"), std::string::npos);
  EXPECT_EQ(run({"status"}).out.find("webhook"), std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    operations.status.coordinator = {"east",       "https://a:2379", "lost",
                                     std::nullopt, {"no answer"},    {{"encode", "not JSON"}}};
    operations.status.webhook = {.url = "https://b", .fault = "no", .waiting = 3, .dropped = 2};
  });
  const std::string out = run({"status"}).out;
  for (const char* part : {"coordinator east lost   https://a:2379, last contact never\n",
                           "warning  coordinator: no answer\n",
                           "warning  webhook https://b: no; 3 events wait, 2 dropped\n",
                           "warning  coordinator: pool encode refused: not JSON\n"}) {
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  }
}

TEST_F(Command, GivesTheShapeOfTheApiAsJson) {
  half_a_pool();
  for (const char* kind : {"pools", "workers", "spares", "exits", "images"}) {
    const Ran ran = run({"get", kind, "-o", "json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(json::parse(ran.out).contains(kind)) << ran.out;
  }
  EXPECT_EQ(json::parse(run({"-o", "json", "status"}).out)["totals"]["workers_running"], 1);
}

TEST_F(Command, ListsByNameForScripts) {
  half_a_pool();
  EXPECT_EQ(run({"get", "pools", "-o", "name"}).out, "encode\n");
  EXPECT_EQ(run({"get", "worker", "encode", "-o", "name"}).out, "encode-1\n");
  EXPECT_EQ(run({"get", "spares", "-o", "name"}).out, "encode-2\n");
}

TEST_F(Command, ListsOnePoolOrSaysThatItIsNotThere) {
  half_a_pool();
  server_.on_loop([](FakeOperations& operations) { operations.add_pool("other", 1); });
  EXPECT_EQ(run({"get", "pools", "encode", "-o", "name"}).out, "encode\n");
  EXPECT_EQ(run({"get", "pools", "nope"}).code, 3);
  EXPECT_EQ(run({"get", "workers", "nope"}).code, 3);
}

TEST_F(Command, ShowsExitsWithTheReasonOrTheLastLineOfStderr) {
  server_.on_loop([](FakeOperations& operations) {
    store::Exit exit;
    exit.worker = "encode-7";
    exit.pool = "encode";
    exit.exit_class = "fail";
    exit.code = 3;
    exit.run_us = 1'234'000;
    exit.stderr_tail = "starting\nno \x1b[31msuch file\n";
    operations.records.push_back(exit);
  });
  const Ran ran = run({"get", "exits"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("exit 3"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("no \\x1b[31msuch file"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  EXPECT_NE(run({"get", "exits", "-o", "wide"}).out.find("MEMORY"), std::string::npos);
}

TEST_F(Command, DescribesAPoolOrAWorkerByItsNameAlone) {
  half_a_pool();
  EXPECT_NE(run({"describe", "encode"}).out.find("registry.example/encode:1"), std::string::npos);
  EXPECT_NE(run({"describe", "encode-1"}).out.find("0.71 ms"), std::string::npos);
  EXPECT_EQ(run({"describe", "pool", "encode"}).code, 0);
  EXPECT_EQ(run({"describe", "pool", "encode-1"}).code, 3);
  EXPECT_EQ(run({"describe", "nope"}).code, 3);
  EXPECT_EQ(run({"describe", "thing", "x"}).code, 2);
}

TEST_F(Command, TellsWhyASlotIsEmpty) {
  half_a_pool();
  EXPECT_NE(run({"why", "encode"}).out.find("slot 1: its last worker failed (exit 3); next try in"),
            std::string::npos);
  EXPECT_NE(run({"why", "encode/0"}).out.find("encode-1 runs in it"), std::string::npos);
  EXPECT_EQ(run({"why", "encode/7"}).code, 3);
}

TEST_F(Command, ShowsTheVersionsAlsoWithoutADaemon) {
  EXPECT_NE(run({"version"}).out.find("daemon   9.8.7"), std::string::npos);
  const Ran ran = run_mayfly("/nonexistent/s", {"version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("daemon   none"), std::string::npos);
}

TEST_F(Command, FollowsEventsAndEndsQuietlyWhenNobodyReads) {
  server_.on_loop([](FakeOperations& operations) { operations.add_event("encode", "released"); });
  RunningMayfly mayfly(server_.socket(), {"events", "--follow"});
  EXPECT_NE(mayfly.read_until("released\n").find("encode"), std::string::npos);
  server_.on_loop([](FakeOperations& operations) { operations.add_event("encode", "exited"); });
  EXPECT_NE(mayfly.read_until("exited\n").find("exited"), std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    for (int i = 0; i < 100; ++i) operations.add_event("encode", "more");
  });
  EXPECT_EQ(mayfly.hang_up(), 0);
}

TEST_F(Command, SaysWhenEventsCameFasterThanItRead) {
  server_.on_loop([](FakeOperations& operations) { operations.add_event("encode", "first"); });
  RunningMayfly mayfly(server_.socket(), {"events", "--follow", "-o", "json"});
  EXPECT_TRUE(json::accept(mayfly.read_until("\n")));
}

TEST_F(Command, ShowsTheLogsOfAWorkerAndOfAPool) {
  half_a_pool();
  server_.on_loop([](FakeOperations& operations) {
    const auto writers = operations.log_files().open("encode", "encode-1", {});
    ASSERT_TRUE(writers) << writers.error();
    EXPECT_EQ(::write(writers->out, "one\ntwo\n", 8), 8);
    EXPECT_EQ(::write(writers->err, "oops\n", 5), 5);
    close(writers->out);
    close(writers->err);
  });
  EXPECT_EQ(run({"logs", "encode-1"}).out, "one\ntwo\n");
  EXPECT_EQ(run({"logs", "encode-1", "--tail", "1"}).out, "two\n");
  EXPECT_EQ(run({"logs", "encode-1", "--stderr"}).out, "oops\n");
  EXPECT_EQ(run({"logs", "encode"}).out, "encode-1  one\nencode-1  two\n");
  EXPECT_EQ(run({"logs", "nope"}).code, 3);
}

// ---- changing -------------------------------------------------------------------------------

TEST_F(Command, AppliesFilesDirectoriesAndStandardInput) {
  server_.on_loop([](FakeOperations& operations) {
    operations.apply_result.kind = control::ChangeKind::kCreated;
    operations.apply_result.revision = 1;
  });
  const std::string one = write("encode.toml", kEncode);
  write("pools/a.toml", "name = \"a\"\nimage = \"a:1\"\n");
  write("pools/b.json", R"({"name": "b", "image": "b:1"})");
  write("pools/notes.txt", "not a pool");
  const std::string many = (directory_.path() / "pools").string();
  const Ran ran =
      run({"apply", "-f", one, "-f", many, "-f", "-"}, "{\"name\": \"c\", \"image\": \"c:1\"}");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(calls(), (std::vector<std::string>{"apply encode", "apply a", "apply b", "apply c"}));
  EXPECT_NE(ran.out.find("pool encode created: revision 1\n"), std::string::npos) << ran.out;
}

TEST_F(Command, AppliesNothingIfAnyFileIsWrong) {
  const std::string good = write("good.toml", kEncode);
  const std::string bad = write("bad.toml", "name = \"b\"\nimage = \"b:1\"\nreplicsa = 3\n");
  const Ran ran = run({"apply", "-f", good, "-f", bad});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("bad.toml:3:"), std::string::npos) << ran.err;
  EXPECT_TRUE(calls().empty());
}

TEST_F(Command, SaysWhetherWorkersWillBeReplaced) {
  const std::string file = write("encode.toml", kEncode);
  server_.on_loop([](FakeOperations& operations) {
    operations.apply_result.kind = control::ChangeKind::kChanged;
    operations.apply_result.new_revision = true;
    operations.apply_result.revision = 4;
    operations.apply_result.changes = {{"worker.image", "encode:0", "encode:1"}};
  });
  EXPECT_EQ(run({"apply", "-f", file}).out,
            "pool encode changed: revision 4, workers are replaced as they exit\n");
  const Ran diff = run({"diff", "-f", file});
  EXPECT_NE(diff.out.find("worker.image: encode:0 → encode:1"), std::string::npos) << diff.out;
  EXPECT_EQ(run({"apply", "--dry-run", "-f", file}).out, diff.out);
  EXPECT_EQ(calls(),
            (std::vector<std::string>{"apply encode", "dry-run encode", "dry-run encode"}));
  server_.on_loop([](FakeOperations& operations) {
    operations.apply_result.new_revision = false;
    operations.apply_result.changes = {{"replicas", "1", "2"}};
  });
  EXPECT_EQ(run({"apply", "-f", file}).out, "pool encode changed: applied at once (replicas)\n");
}

TEST_F(Command, ScalesInBothSpellings) {
  half_a_pool();
  EXPECT_EQ(run({"scale", "encode", "5"}).code, 0);
  EXPECT_EQ(run({"scale", "encode=6"}).code, 0);
  EXPECT_EQ(calls(), (std::vector<std::string>{"scale encode 5", "scale encode 6"}));
  for (const char* wanted : {"encode", "encode=x", "=3", "encode=-1"}) {
    EXPECT_EQ(run({"scale", wanted}).code, 2) << wanted;
  }
}

TEST_F(Command, ChangesPoolsAndStopsWorkers) {
  half_a_pool();
  for (const auto& words : std::vector<std::vector<std::string>>{{"pause", "encode"},
                                                                 {"resume", "encode"},
                                                                 {"reset", "encode"},
                                                                 {"retire", "encode-1"},
                                                                 {"kill", "encode-1"},
                                                                 {"delete", "encode"},
                                                                 {"reload"}}) {
    EXPECT_EQ(run(words).code, 0) << words[0];
  }
  EXPECT_EQ(calls(), (std::vector<std::string>{"pause encode", "resume encode", "reset encode",
                                               "retire encode-1", "kill encode-1", "drop encode",
                                               "reload"}));
}

TEST_F(Command, DeletesWhatAFileNames) {
  half_a_pool();
  EXPECT_EQ(run({"delete", "-f", write("encode.toml", kEncode)}).out, "pool encode deleted\n");
  EXPECT_EQ(run({"delete"}).code, 2);
}

TEST_F(Command, ImportsAnImage) {
  const std::string file = write("image.tar", std::string(2'000'000, 'x'));
  EXPECT_EQ(run({"image", "import", file, "--name", "demo:1"}).out, "imported demo:1\n");
  EXPECT_EQ(run({"image", "import", "/nonexistent.tar"}).code, 1);
  server_.on_loop([](FakeOperations& operations) {
    operations.image_rows = {control::image_row("demo:1")};
    operations.image_rows[0].size_bytes = 22'439'526;
  });
  EXPECT_NE(run({"image", "ls"}).out.find("21.4 MiB"), std::string::npos);
}

TEST_F(Command, ChecksConfigurationWithoutADaemon) {
  const std::string good = write("etc/mayfly.toml", "");
  write("etc/pools.d/encode.toml", kEncode);
  EXPECT_EQ(run_mayfly("/nonexistent/s", {"config", "check", good}).out,
            good + ": good, 1 pools\n");
  write("etc/pools.d/encode.toml", "name = \"encode\"\nimgae = \"x\"\n");
  const Ran ran = run_mayfly("/nonexistent/s", {"config", "check", good});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("encode.toml:2:"), std::string::npos) << ran.err;
}

// ---- waiting --------------------------------------------------------------------------------

TEST_F(Command, WaitsUntilThePoolIsFull) {
  server_.on_loop([](FakeOperations& operations) {
    operations.add_pool("encode", 1);
    operations.add_running("encode", 0);
  });
  const Ran ran = run({"scale", "encode", "1", "--wait", "--timeout", "1m"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("pool encode: 1 of 1 workers run"), std::string::npos) << ran.out;
}

TEST_F(Command, SaysWhyItHasWaitedInVain) {
  half_a_pool();
  const Ran ran = run({"scale", "encode=2", "--wait", "--timeout", "1ms"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("1 of 2 workers run: slot 1: its last worker failed (exit 3)"),
            std::string::npos)
      << ran.err;
  EXPECT_EQ(run({"delete", "encode", "--wait", "--timeout", "1ms"}).code, 5);
}

TEST_F(Command, WaitsForTheRevisionThatIsWanted) {
  server_.on_loop([](FakeOperations& operations) {
    operations.add_pool("encode", 1).prepare_failure = "not found: encode:2";
    operations.add_running("encode", 0);
    operations.world.pools["encode"].settings.revision = core::Revision{2};
  });
  const Ran ran = run({"apply", "-f", write("encode.toml", kEncode), "--wait", "--timeout", "1ms"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("image: not found: encode:2"), std::string::npos) << ran.err;
}

// ---- failing --------------------------------------------------------------------------------

TEST_F(Command, EndsWithTheCodeOfItsFailure) {
  half_a_pool();
  const std::pair<control::Refusal, int> table[] = {{control::Refusal::kNotFound, 3},
                                                    {control::Refusal::kRefused, 4},
                                                    {control::Refusal::kInvalid, 1},
                                                    {control::Refusal::kFailed, 1},
                                                    {control::Refusal::kTimedOut, 5}};
  for (const auto& [refusal, code] : table) {
    server_.on_loop([refusal = refusal](FakeOperations& operations) {
      operations.refusal = control::Error{refusal, "because \x1b[31m of this"};
    });
    const Ran ran = run({"pause", "encode"});
    EXPECT_EQ(ran.code, code);
    EXPECT_EQ(ran.err, "mayfly: because \\x1b[31m of this\n");
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(Command, SaysThatNoDaemonAnswersAndHowToStartOne) {
  const Ran ran = run_mayfly("/nonexistent/mayfly.sock", {"status"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("/nonexistent/mayfly.sock"), std::string::npos);
  EXPECT_NE(ran.err.find("`systemctl start mayflyd`"), std::string::npos);
  server_.stop_server();
  EXPECT_EQ(run({"status"}).code, 6);
}

TEST_F(Command, LooksOverTheReadSocketAndIsRefusedAnyChange) {
  half_a_pool();
  const Ran looked = run_mayfly(server_.read_socket(), {"get", "pools"});
  EXPECT_EQ(looked.code, 0) << looked.err;
  EXPECT_NE(looked.out.find("encode"), std::string::npos);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"scale", "encode", "5"}, {"apply", "-f", write("encode.toml", kEncode)}}) {
    const Ran ran = run_mayfly(server_.read_socket(), words);
    EXPECT_EQ(ran.code, 4);
    EXPECT_NE(ran.err.find("this socket is for reading only"), std::string::npos) << ran.err;
  }
  EXPECT_TRUE(calls().empty());
}

TEST_F(Command, RefusesWrongUsage) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{},
                                             {"frobnicate"},
                                             {"get"},
                                             {"get", "things"},
                                             {"status", "-o", "yaml"},
                                             {"apply"},
                                             {"why"},
                                             {"scale", "a", "--timeout", "x"},
                                             {"get", "exits", "--limit", "0"}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
  EXPECT_EQ(run({"--help"}).code, 0);
}

TEST_F(Command, TakesTheSocketFromTheEnvironment) {
  ASSERT_EQ(setenv("MAYFLY_SOCKET", "/nonexistent/from-env", 1), 0);
  EXPECT_EQ(run({"status"}).code, 0);
  unsetenv("MAYFLY_SOCKET");
}

}  // namespace
}  // namespace mayfly::cli
