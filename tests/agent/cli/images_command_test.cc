// `mayfly image` and `mayfly doctor`, and the page that lists all verbs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/agent/cli/command.h"
#include "tests/agent/control/harness.h"

namespace mayfly::cli {
namespace {

using control::FakeOperations;
using nlohmann::json;

constexpr std::uint64_t kMiB = 1ULL << 20;

class ImageCommand : public testing::Test {
 protected:
  Ran run(const std::vector<std::string>& arguments) {
    return run_mayfly(server_.socket(), arguments);
  }
  void refuse(control::Refusal refusal, const std::string& what) {
    server_.on_loop([&](FakeOperations& operations) {
      operations.refusal = control::Error{refusal, what};
    });
  }
  static control::Pull half_way() {
    control::Pull pull;
    pull.image = "encode:2";
    pull.bytes_done = 10 * kMiB;
    pull.bytes_total = 50 * kMiB;
    pull.layers_done = 3;
    pull.layers_total = 8;
    pull.took_ms = 2'000;
    pull.wanted_by = {{"encode", 4}};
    return pull;
  }

  control::ServerUnderTest server_;
};

TEST_F(ImageCommand, PullsAndSaysTheDigest) {
  const Ran ran = run({"image", "pull", "encode:2"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "image encode:2 is sha256:abc\n");
  EXPECT_EQ(run({"image", "pull", "encode:2", "-o", "name"}).out, "encode:2\n");
  const std::string lines = run({"image", "pull", "encode:2", "-o", "json"}).out;
  EXPECT_EQ(json::parse(lines)["image"]["digest"], "sha256:abc");
}

TEST_F(ImageCommand, ShowsHowFarThePullIs) {
  server_.on_loop([](FakeOperations& operations) {
    operations.silent = true;
    operations.pulling = {half_way()};
  });
  RunningMayfly pulling(server_.socket(), {"image", "pull", "encode:2"});
  const std::string line = pulling.read_until("left");
  EXPECT_EQ(line, "encode:2: 10.0 MiB of 50.0 MiB, 3 of 8 layers, 5.0 MiB/s, 8s left");
  server_.on_loop([](FakeOperations& operations) { operations.answer_held(); });
  EXPECT_NE(pulling.read_until("sha256:abc").find("image encode:2 is"), std::string::npos);
}

TEST_F(ImageCommand, LeavesThePullRunningWhenItIsInterrupted) {
  server_.on_loop([](FakeOperations& operations) {
    operations.silent = true;
    operations.pulling = {half_way()};
  });
  RunningMayfly pulling(server_.socket(), {"image", "pull", "encode:2"});
  (void)pulling.read_until("left");
  EXPECT_EQ(pulling.interrupt(), 130);
  server_.on_loop([](FakeOperations& operations) { operations.answer_held(); });
}

TEST_F(ImageCommand, EndsAPullWithTheCodeOfItsFailure) {
  const std::pair<control::Refusal, int> table[] = {{control::Refusal::kNotFound, 3},
                                                    {control::Refusal::kRefused, 4},
                                                    {control::Refusal::kInvalid, 1},
                                                    {control::Refusal::kTimedOut, 5}};
  for (const auto& [refusal, code] : table) {
    refuse(refusal, "no such tag");
    const Ran ran = run({"image", "pull", "encode:2"});
    EXPECT_EQ(ran.code, code);
    EXPECT_EQ(ran.err, "mayfly: no such tag\n");
  }
}

TEST_F(ImageCommand, ListsImagesWithTheirUsers) {
  server_.on_loop([](FakeOperations& operations) {
    control::ImageRow used = control::image_row("demo:1");
    used.size_bytes = 22'439'526;
    used.ours = true;
    used.used_by = {{"encode", 4, "current"}, {"mail", 2, "previous"}};
    control::ImageRow unused = control::image_row("old:1");
    unused.ours = true;
    unused.unused_unix_ms = 1'700'000'000'000;
    operations.image_rows = {used, unused, control::image_row("theirs:1")};
  });
  const Ran ran = run({"image", "ls"});
  for (const char* part :
       {"21.4 MiB", "encode/4, mail/2 (previous)", "2023-11-14T22:13:20", "not Mayfly's"}) {
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
  }
}

TEST_F(ImageCommand, RemovesOrSaysWhoNeedsIt) {
  EXPECT_EQ(run({"image", "rm", "old:1", "older:1"}).out, "removed old:1\nremoved older:1\n");
  refuse(control::Refusal::kRefused, "image old:1 is needed by encode (revision 4)");
  const Ran ran = run({"image", "rm", "old:1"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, "mayfly: image old:1 is needed by encode (revision 4)\n");
}

TEST_F(ImageCommand, CollectsAndSaysWhatWentAndWhy) {
  EXPECT_NE(run({"image", "gc"}).out.find("Nothing to remove"), std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    operations.collected = {{"old:1", "sha256:old", 7, "no pool has needed it for 9d", ""}};
  });
  const Ran dry = run({"image", "gc", "--dry-run"});
  EXPECT_NE(dry.out.find("no pool has needed it for 9d"), std::string::npos) << dry.out;
  EXPECT_NE(dry.out.find("nothing was removed"), std::string::npos) << dry.out;
  EXPECT_EQ(run({"image", "gc", "-o", "name"}).out, "old:1\n");
}

TEST_F(ImageCommand, ShowsAPullInStatusAndWhy) {
  server_.on_loop([](FakeOperations& operations) {
    operations.add_pool("encode", 1).settings.revision = core::Revision{4};
    operations.pulling = {half_way()};
    operations.reasons[0] = {core::EmptyReason::kPulling, "", core::kNever};
  });
  const std::string line =
      "encode: revision 4: pulling 10.0 MiB of 50.0 MiB, 3 of 8 layers, 5.0 MiB/s, 8s left\n";
  EXPECT_NE(run({"status"}).out.find(line), std::string::npos) << run({"status"}).out;
  const Ran why = run({"why", "encode"});
  EXPECT_NE(why.out.find(line), std::string::npos) << why.out;
  EXPECT_NE(why.out.find("slot 0: its image is being prepared (10.0 MiB of 50.0 MiB"),
            std::string::npos)
      << why.out;
}

TEST_F(ImageCommand, AppliesAndSaysWhichImageItIs) {
  const control::TemporaryDirectory directory;
  const std::string file = (directory.path() / "encode.toml").string();
  std::ofstream(file) << "name = \"encode\"\nimage = \"encode:1\"\n";
  server_.on_loop([](FakeOperations& operations) {
    operations.apply_result.image = "encode:1";
    operations.apply_result.image_digest = "sha256:123";
  });
  EXPECT_NE(run({"apply", "-f", file}).out.find("\nimage encode:1 is sha256:123\n"),
            std::string::npos);
  server_.on_loop([](FakeOperations& operations) {
    operations.apply_result.image_digest = "";
    operations.apply_result.image_fault = "the registry did not answer in time";
  });
  EXPECT_NE(run({"apply", "-f", file})
                .out.find("image encode:1 is not known yet: the registry did not answer in time"),
            std::string::npos);
}

// ---- doctor ---------------------------------------------------------------------------------

TEST_F(ImageCommand, DoctorFailsWhenACheckDoesAndOnlyThen) {
  server_.on_loop([](FakeOperations& operations) {
    operations.checks = {{"kernel", doctor::Status::kOk, "6.18", ""},
                         {"clock", doctor::Status::kWarning, "it drifts", "wind it"}};
  });
  const Ran good = run({"doctor"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out,
            "ok       kernel              6.18\n"
            "warning  clock               it drifts\n"
            "                             → wind it\n");
  server_.on_loop([](FakeOperations& operations) {
    operations.checks.push_back({"gate", doctor::Status::kFailed, "it is gone", "bring it back"});
  });
  const Ran bad = run({"doctor", "-o", "json"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_EQ(json::parse(bad.out)["checks"][2]["status"], "failed");
  EXPECT_EQ(bad.err, "mayfly: 1 check failed; the arrow beside it says what mends it\n");
}

TEST_F(ImageCommand, DoctorLooksAtTheHostAlsoWithoutADaemon) {
  const control::TemporaryDirectory directory;
  const std::string file = (directory.path() / "mayfly.toml").string();
  std::ofstream(file) << "[runtime]\nsocket = \"/no/such/runtime.sock\"\n";
  const Ran ran = run_mayfly("/nonexistent/mayfly.sock", {"doctor", "--config", file});
  EXPECT_EQ(ran.code, 1) << "the runtime is not there";
  for (const char* part : {"warning  daemon", "no daemon answers on /nonexistent/mayfly.sock",
                           "ok       configuration", "failed   runtime socket",
                           "/no/such/runtime.sock: No such file", "cgroup", "kernel"}) {
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
  }
  std::ofstream(file) << "[runtime]\nsoket = \"/a\"\n";
  const Ran wrong = run_mayfly("/nonexistent/mayfly.sock", {"doctor", "--config", file});
  EXPECT_NE(wrong.out.find("mayfly.toml:2:1: runtime.soket: is not a known key"), std::string::npos)
      << wrong.out;
}

// ---- the page of commands -------------------------------------------------------------------

/// The first words of the lines below "Subcommands:".
std::vector<std::string> verbs_of(const std::string& help) {
  std::vector<std::string> verbs;
  std::istringstream lines(help.substr(help.find("Subcommands:") + 12));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string verb;
    if (!line.starts_with("  ") || line.starts_with("   ") || !(words >> verb)) continue;
    verbs.push_back(verb.substr(0, verb.find(',')));  // without its aliases
  }
  return verbs;
}

TEST_F(ImageCommand, HasEveryVerbAndOptionOnThePageOfCommands) {
  std::ifstream in(MAYFLY_COMMANDS_PAGE);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto expect_on_page = [&page](const std::string& what) {
    EXPECT_NE(page.find(what), std::string::npos) << what;
  };
  const std::vector<std::string> verbs = verbs_of(run({"--help"}).out);
  EXPECT_GE(verbs.size(), 20U);
  for (const std::string& verb : verbs) {
    expect_on_page("mayfly " + verb);
    const std::string help = run({verb, "--help"}).out;
    if (help.find("Subcommands:") == std::string::npos) continue;
    for (const std::string& below : verbs_of(help)) expect_on_page("mayfly " + verb + " " + below);
  }
}

}  // namespace
}  // namespace mayfly::cli
