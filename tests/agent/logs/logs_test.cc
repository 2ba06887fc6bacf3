#include "agent/logs/logs.h"

#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/agent/logs/logs_fixture.h"

namespace mayfly::logs {
namespace {

TEST_F(LogsTest, KeepsWhatWorkersWrite) {
  const auto files = open("w");
  say(files.out, "one\ntwo\n");
  say(files.err, "oops\n");
  EXPECT_EQ(tail("w", 100), "one\ntwo\n");
  EXPECT_EQ(tail("w", 4), "two\n");
  EXPECT_EQ(logs_->tail("p", "w", Stream::kStderr, 4096), "oops\n");
  EXPECT_EQ(tail("nobody", 100), "");
  EXPECT_EQ(logs_->tail("nowhere", "w", Stream::kStdout, 100), "");
}

TEST_F(LogsTest, LiesOnASmallTmpfsOfItsOwn) {
  open("w");
  struct statfs filesystem {};
  ASSERT_EQ(::statfs(path("").c_str(), &filesystem), 0);
  EXPECT_EQ(filesystem.f_type, TMPFS_MAGIC);
  EXPECT_EQ(filesystem.f_blocks * static_cast<std::uint64_t>(filesystem.f_bsize), 144 * kMiB);
  for (const auto flag : {ST_NOSUID, ST_NODEV, ST_NOEXEC}) {
    EXPECT_NE(static_cast<unsigned long>(filesystem.f_flags) & static_cast<unsigned long>(flag),
              0U);
  }
  open("v", {.worker_bytes = kMiB, .pool_bytes = 32 * kMiB});
  ASSERT_EQ(::statfs(path("").c_str(), &filesystem), 0);
  EXPECT_EQ(filesystem.f_blocks * static_cast<std::uint64_t>(filesystem.f_bsize), 160 * kMiB);
}

TEST_F(LogsTest, KeepsOnlyTheLastBytesOfAFlood) {
  const auto files = open("w");
  constexpr std::uint64_t kBurst = 48 * kMiB;
  const std::string block = std::string(kMiB - 1, 'x') + '\n';
  for (int burst = 0; burst < 10; ++burst) {  // several times what the pool's tmpfs holds
    for (std::uint64_t i = 0; i < kBurst / kMiB; ++i) say(files.out, block);
    until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
  }
  EXPECT_EQ(fs::file_size(path("w.out")), 10 * kBurst);
  const auto kept = tail("w", kMiB);
  EXPECT_GE(kept.size(), kBounds.worker_bytes);
  EXPECT_EQ(kept.find('\0'), std::string::npos) << "no hole is read as text";
  EXPECT_TRUE(kept.ends_with("xxx\n"));
}

TEST_F(LogsTest, GivesEachStreamWhatTheOtherLeaves) {
  const auto files = open("w");
  say(files.out, std::string(kMiB, 'x'));
  until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
  EXPECT_GE(occupied("w.out"), kBounds.worker_bytes);
  say(files.err, std::string(kMiB, 'x'));
  until([&] { return occupied("w.err") <= kBounds.worker_bytes / 2 + kSlop; });
  EXPECT_GE(occupied("w.err"), kBounds.worker_bytes / 2);
  say(files.out, std::string(8 * kKiB, 'x'));
  until([&] { return occupied("w.out") <= kBounds.worker_bytes / 2 + kSlop; });
}

TEST_F(LogsTest, SharesThePoolsBytesAmongManyWorkers) {
  const Bounds bounds{.worker_bytes = 256 * kKiB, .pool_bytes = 512 * kKiB};
  std::vector<Opened> files;
  for (int i = 0; i < 8; ++i) files.push_back(open(std::to_string(i), bounds));
  for (const auto& each : files) say(each.out, std::string(256 * kKiB, 'x'));
  until([&] {
    std::uint64_t all = 0;
    for (int i = 0; i < 8; ++i) all += occupied(std::to_string(i) + ".out");
    return all <= bounds.pool_bytes + 8 * kSlop;
  });
}

TEST_F(LogsTest, IsNotBusyWhenNothingIsWritten) {
  const auto files = open("w");
  say(files.out, "x\n");
  until([&] { return run_for(milliseconds(100)) == 0; });
  EXPECT_EQ(run_for(milliseconds(1100)), 0U);
}

TEST_F(LogsTest, IsNotWokenByEachLineOfAChattyWorker) {
  const auto files = open("w");
  std::atomic<bool> done = false;
  std::thread chatter([&] {
    for (int i = 0; i < 2000; ++i) {
      [[maybe_unused]] const auto written = ::write(files.out.get(), "line\n", 5);
      std::this_thread::sleep_for(std::chrono::microseconds(100));  // the pace of a chatty worker
    }
    done = true;
  });
  const auto start = steady_clock::now();
  std::size_t woken = 0;
  while (!done) woken += run_for(milliseconds(10));
  chatter.join();
  const auto ticks = (steady_clock::now() - start) / milliseconds(20);
  EXPECT_LE(woken, static_cast<std::size_t>(2 * ticks + 10));
  EXPECT_GE(woken, 1U);
}

TEST_F(LogsTest, RemovesTheOldestEndedWorkersForRoom) {
  const Bounds bounds{.worker_bytes = kMiB, .pool_bytes = 2 * kMiB};
  for (const std::string worker : {"1", "2", "3", "4"}) {
    const auto files = open(worker, bounds);
    say(files.out, std::string(600 * kKiB, 'x'));
    logs_->ended("p", worker);
  }
  EXPECT_EQ(logs_->kept("p"), (std::vector<std::string>{"2", "3", "4"}));
  EXPECT_FALSE(fs::exists(path("1.out")));
  EXPECT_FALSE(fs::exists(path("1.err")));
  EXPECT_EQ(tail("4", 2), "xx");
}

TEST_F(LogsTest, KeepsAFewEndedWorkersHoweverSmall) {
  open("live");
  for (int i = 0; i < 70; ++i) {
    open(std::to_string(i));
    logs_->ended("p", std::to_string(i));
  }
  const auto kept = logs_->kept("p");
  EXPECT_EQ(kept.size(), 65U);
  EXPECT_EQ(kept.front(), "live");
  EXPECT_EQ(kept.back(), "69");
  EXPECT_EQ(std::distance(fs::directory_iterator(path("")), {}), 2 * 65);
}

TEST_F(LogsTest, MakesRoomFromTheEndedForTheLiving) {
  const Bounds bounds{.worker_bytes = kMiB, .pool_bytes = kMiB};
  const auto ended = open("ended", bounds);
  say(ended.out, std::string(500 * kKiB, 'x'));
  logs_->ended("p", "ended");
  const auto live = open("live", bounds);
  say(live.out, std::string(900 * kKiB, 'x'));
  open("next", bounds);
  logs_->ended("p", "next");
  EXPECT_EQ(logs_->kept("p"), (std::vector<std::string>{"live"}));
}

TEST_F(LogsTest, ForgetsDiscardedWorkersAtOnce) {
  open("w");
  open("ended");
  logs_->ended("p", "ended");
  logs_->discard("p", "w");
  logs_->discard("p", "w");
  logs_->discard("p", "ended");
  EXPECT_EQ(logs_->kept("p"), std::vector<std::string>{});
  EXPECT_TRUE(fs::is_empty(path("")));
}

TEST_F(LogsTest, GoesOnWithTheFilesOfAnEarlierRun) {
  const auto living = open("living");
  say(living.out, "before\n");
  say(open("dead").out, "last words\n");
  restart();
  logs_->adopt("p", "living", kBounds);
  logs_->adopt("p", "absent", kBounds);
  EXPECT_EQ(logs_->kept("p"), (std::vector<std::string>{"dead", "living"}));
  EXPECT_EQ(tail("dead", 100), "last words\n");
  say(living.out, std::string(kMiB, 'x') + "after\n");
  until([&] { return occupied("living.out") <= kBounds.worker_bytes + kSlop; });
  EXPECT_TRUE(tail("living", 100).ends_with("xafter\n"));
}

TEST_F(LogsTest, OpensTheFilesOfAHeldWorkerOnceMore) {
  say(open("w").out, "before\n");
  restart();
  const auto files = open("w");
  say(files.out, "after\n");
  EXPECT_EQ(tail("w", 100), "before\nafter\n");
  EXPECT_EQ(::fcntl(files.out.get(), F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
  EXPECT_EQ(logs_->kept("p"), std::vector<std::string>{"w"});
}

TEST_F(LogsTest, DropsAPoolThatIsWrittenTo) {
  const auto files = open("w");
  logs_->drop_pool("p");
  logs_->drop_pool("p");
  EXPECT_FALSE(fs::exists(path("")));
  say(files.out, "into the void");
  EXPECT_EQ(logs_->pools(), std::vector<std::string>{});
}

TEST_F(LogsTest, DropsAPoolOfAnEarlierRun) {
  open("w");
  restart();
  EXPECT_EQ(logs_->pools(), std::vector<std::string>{"p"});
  logs_->drop_pool("p");
  EXPECT_FALSE(fs::exists(path("")));
}

TEST_F(LogsTest, UsesPlainFilesWhereThereAreSome) {
  fs::create_directories(path(""));
  std::ofstream(path("old.out")) << "old\n";
  const auto files = open("w");
  say(files.out, std::string(kMiB, 'x') + "end\n");
  until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
  EXPECT_EQ(tail("w", 4), "end\n");
  EXPECT_EQ(tail("old", 4), "old\n");
  logs_->drop_pool("p");
  EXPECT_FALSE(fs::exists(path("")));
}

TEST_F(LogsTest, RemovesTheOldestOfPlainFilesToo) {
  const Bounds bounds{.worker_bytes = kMiB, .pool_bytes = kMiB};
  fs::create_directories(path(""));
  std::ofstream(path("1.out")) << std::string(600 * kKiB, 'x');
  say(open("2", bounds).out, std::string(600 * kKiB, 'x'));
  logs_->ended("p", "2");
  EXPECT_EQ(logs_->kept("p"), std::vector<std::string>{"2"});
  EXPECT_FALSE(fs::exists(path("1.out")));
}

TEST_F(LogsTest, RefusesNamesThatLeaveTheRoot) {
  for (const std::string name : {"", ".", "..", "../x", "a/b", ".hidden"}) {
    EXPECT_FALSE(logs_->open(name, "w", kBounds)) << name;
    EXPECT_FALSE(logs_->open("p", name, kBounds)) << name;
  }
}

TEST_F(LogsTest, FailsWithThePath) {
  Logs nowhere(loop_, "/proc/nowhere/logs");
  const auto writers = nowhere.open("p", "w", kBounds);
  ASSERT_FALSE(writers);
  EXPECT_EQ(writers.error(), "cannot make /proc/nowhere/logs: No such file or directory");
}

// ---- following --------------------------------------------------------------------------------

class Follow : public LogsTest {
 protected:
  Logs::Chunk read(std::uint64_t offset) const {
    return logs_->read("p", "w", Stream::kStdout, offset);
  }
};

TEST_F(Follow, ReadsOnFromWhereItWas) {
  const auto files = open("w");
  EXPECT_EQ(read(0).next, 0U);
  say(files.out, "one\n");
  const auto first = read(0);
  EXPECT_EQ(first.bytes, "one\n");
  EXPECT_EQ(read(first.next).bytes, "");
  say(files.out, "two\n");
  EXPECT_EQ(read(first.next).bytes, "two\n");
}

TEST_F(Follow, ReadsBoundedChunks) {
  const auto files = open("w");
  say(files.out, std::string(100 * kKiB, 'x'));
  const auto first = read(0);
  EXPECT_EQ(first.bytes.size(), 64 * kKiB);
  EXPECT_EQ(read(first.next).bytes.size(), 36 * kKiB);
}

TEST_F(Follow, SkipsWhatIsGone) {
  const auto files = open("w");
  say(files.out, std::string(2 * kMiB, 'x') + "end\n");
  until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
  std::string all;
  for (auto chunk = read(10); !chunk.bytes.empty(); chunk = read(chunk.next)) all += chunk.bytes;
  EXPECT_LE(all.size(), kBounds.worker_bytes + kSlop);
  EXPECT_EQ(all.find('\0'), std::string::npos);
  EXPECT_TRUE(all.ends_with("end\n"));
}

TEST_F(Follow, StartsAgainWhereAFileWasCutOff) {
  const auto files = open("w");
  say(files.out, "a long line\n");
  const auto first = read(0);
  ASSERT_EQ(::ftruncate(files.out.get(), 0), 0);
  say(files.out, "new\n");
  const auto second = read(first.next);
  EXPECT_EQ(second.bytes, "");
  say(files.out, "more\n");
  EXPECT_EQ(read(second.next).bytes, "more\n");
}

}  // namespace
}  // namespace mayfly::logs
