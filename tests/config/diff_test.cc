#include "config/diff.h"

#include <gtest/gtest.h>

namespace mayfly::config {
namespace {

using namespace std::chrono_literals;

Pool pool() {
  Pool pool;
  pool.name = "encode";
  pool.worker.image = "encode:1";
  pool.worker.env = {{"A", "1"}, {"B", "2"}};
  return pool;
}

TEST(Diff, OfTheSameIsEmpty) {
  EXPECT_TRUE(diff(pool(), pool()).changes.empty());
  EXPECT_FALSE(diff(pool(), pool()).new_revision);
}

TEST(Diff, TellsWhatAppliesAtOnceWithoutANewRevision) {
  Pool to = pool();
  to.replicas = 8;
  to.standby = 0;
  to.pull = Pull::kNever;
  to.lifetime.stop_grace = 5s;
  to.logs.worker_bytes = 1 << 20;
  const Diff found = diff(pool(), to);
  EXPECT_FALSE(found.new_revision);
  EXPECT_EQ(found.changes, (std::vector<Difference>{{"lifetime.stop_grace", "30s", "5s"},
                                                    {"logs.worker", "256KiB", "1MiB"},
                                                    {"pull", "missing", "never"},
                                                    {"replicas", "1", "8"},
                                                    {"standby", "auto", "0"}}));
}

TEST(Diff, TellsWhatMakesANewRevision) {
  Pool to = pool();
  to.worker.image = "encode:2";
  to.worker.command = {"/worker", "--once"};
  to.worker.env = {{"A", "3"}, {"C", ""}};
  to.worker.mounts = {{"/srv/in", "/in", true}};
  to.worker.resources = {.cpu = 1.5, .memory_bytes = 1 << 30, .pids = 256};
  const Diff found = diff(pool(), to);
  EXPECT_TRUE(found.new_revision);
  EXPECT_EQ(found.changes,
            (std::vector<Difference>{
                {"command", "[]", "[\"/worker\", \"--once\"]"},
                {"env.A", "1", "3"},
                {"env.B", "2", "(none)"},
                {"env.C", "(none)", ""},
                {"image", "encode:1", "encode:2"},
                {"mounts", "[]", "[{read_only = true, source = \"/srv/in\", target = \"/in\"}]"},
                {"resources.cpu", "(none)", "1.5"},
                {"resources.memory", "(none)", "1GiB"}}));
}

TEST(Diff, NoticesTheEndOfAnEmptyVariable) {
  Pool from = pool();
  from.worker.env = {};
  Pool to = from;
  to.worker.env = {{"A", ""}};
  EXPECT_EQ(diff(from, to).changes, (std::vector<Difference>{{"env.A", "(none)", ""}}));
  EXPECT_TRUE(diff(from, to).new_revision);
}

}  // namespace
}  // namespace mayfly::config
