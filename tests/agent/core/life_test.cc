#include "tests/agent/core/bench.h"

namespace mayfly::core {
namespace {

TEST(Core, StartsNothingBeforeItsFirstInventory) {
  CoreBench bench;
  bench.feed(PoolDesired{pool_of_one()}, RevisionPrepared{"p", Revision{1}});
  EXPECT_TRUE(bench.wants<StartWorker>().empty());
  EXPECT_EQ(bench.why().reason, EmptyReason::kAdopting);
  bench.feed(InventoryTaken{bench.inventory_asked(), {}});
  EXPECT_EQ(bench.wants<StartWorker>().size(), 2U);
}

TEST(Pool, ReplacesAWorkerThatExits) {
  CoreBench bench;
  bench.fill(pool_of_one());
  const WorkerId first = bench.worker_in(0);
  bench.exit(first);
  ASSERT_FALSE(bench.last().actions.empty());
  const auto* release = std::get_if<ReleaseWorker>(&bench.last().actions.front());
  ASSERT_NE(release, nullptr);
  EXPECT_EQ(release->slot, 0U);
  EXPECT_NE(release->worker, first);
  EXPECT_EQ(bench.wants<StartWorker>().size(), 1U);
  ASSERT_EQ(bench.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(bench.wants<RecordExit>().front().record.exit_class, ExitClass::kDone);
  bench.feed(ExitRecorded{first});
  ASSERT_EQ(bench.wants<RemoveWorker>().size(), 1U);
  bench.feed(WorkerRemoved{first});
  EXPECT_FALSE(bench.knows(first));
  EXPECT_EQ(bench.pool().counters.spare_hits, 1U);
}

}  // namespace
}  // namespace mayfly::core
