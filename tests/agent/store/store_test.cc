#include "agent/store/store.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "tests/agent/store/open_store.h"

namespace mayfly::store {
namespace {

/// Another program's hand on the file: the store's writes wait for as long as it lives.
class WriteLock {
 public:
  explicit WriteLock(const std::filesystem::path& directory) {
    EXPECT_EQ(sqlite3_open((directory / "state.db").c_str(), &handle_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~WriteLock() { sqlite3_close(handle_); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  sqlite3* handle_ = nullptr;
};

class StoreTest : public testing::Test {
 protected:
  [[nodiscard]] Store::Options options() const { return in_directory(directory_.path() / "state"); }

  TemporaryDirectory directory_;
};

TEST_F(StoreTest, GivesBackARecordAsItWas) {
  Exit exit = exit_of("encode-1");
  exit.revision = 7;
  exit.slot = 3;
  exit.exit_class = "fail";
  exit.code = std::nullopt;
  exit.signal = 9;
  exit.oom = true;
  exit.reason = "said 'no'; DROP TABLE exits";
  exit.image = "sha256:00ff";
  exit.create_us = 1;
  exit.hold_us = 2;
  exit.run_us = 3;
  exit.gap_us = 4;
  exit.gap_decide_us = 5;
  exit.gap_exec_us = 6;
  exit.cpu_us = 7;
  exit.memory_peak_bytes = 1LL << 40;
  exit.stderr_tail = std::string{"a\0b\xff\n", 5};
  OpenStore opened{options()};
  ASSERT_TRUE(opened.store) << opened.error;
  EXPECT_TRUE(opened.record(exit));
  const std::vector<Exit> rows = opened.exits();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], exit);
}

TEST_F(StoreTest, KeepsUnknownValuesUnknown) {
  const Exit exit = exit_of("encode-1");
  OpenStore opened{options()};
  ASSERT_TRUE(opened.record(exit));
  EXPECT_EQ(opened.exits().at(0), exit);
  EXPECT_EQ(opened.exits().at(0).slot, std::nullopt);
  EXPECT_EQ(opened.exits().at(0).gap_us, std::nullopt);
}

TEST_F(StoreTest, RecordsAWorkerOnce) {
  OpenStore opened{options()};
  EXPECT_TRUE(opened.record(exit_of("encode-1")));
  Exit again = exit_of("encode-1");
  again.code = 1;
  EXPECT_TRUE(opened.record(again));
  ASSERT_EQ(opened.exits().size(), 1U);
  EXPECT_EQ(opened.exits()[0].code, 0);
}

TEST_F(StoreTest, AnswersByPoolAndWorkerTheNewestFirst) {
  OpenStore opened{options()};
  for (const char* worker : {"a-1", "b-1", "a-2", "b-2", "a-3"}) {
    ASSERT_TRUE(opened.record(exit_of(worker, std::string(worker, 1))));
  }
  const auto names = [&opened](ExitQuery query) {
    std::string text;
    for (const Exit& exit : opened.exits(std::move(query))) text += exit.worker + " ";
    return text;
  };
  EXPECT_EQ(names({"", "", 100}), "a-3 b-2 a-2 b-1 a-1 ");
  EXPECT_EQ(names({"a", "", 100}), "a-3 a-2 a-1 ");
  EXPECT_EQ(names({"a", "", 2}), "a-3 a-2 ");
  EXPECT_EQ(names({"", "b-1", 100}), "b-1 ");
  EXPECT_EQ(names({"a", "b-1", 100}), "");
  EXPECT_EQ(names({"", "", 0}), "");
}

TEST_F(StoreTest, SeesInAQueryWhatWasRecordedBeforeIt) {
  OpenStore opened{options()};
  std::vector<Exit> rows;
  for (int i = 0; i < 100; ++i) {
    opened.store->record(exit_of("w-" + std::to_string(i)), [](bool) {});
  }
  opened.store->exits({"", "", 1000}, [&rows](std::vector<Exit> found) { rows = found; });
  opened.run();
  EXPECT_EQ(rows.size(), 100U);
}

TEST_F(StoreTest, CutsTextsToTheirCaps) {
  Exit exit = exit_of("encode-1");
  exit.reason = std::string(5000, 'r');
  exit.stderr_tail = "lost" + std::string(4092, 'x') + "last";
  OpenStore opened{options()};
  ASSERT_TRUE(opened.record(exit));
  EXPECT_EQ(opened.exits().at(0).reason.size(), 1024U);
  EXPECT_EQ(opened.exits().at(0).stderr_tail, std::string(4092, 'x') + "last");
}

TEST_F(StoreTest, AnswersOnTheLoopAndNeverWithinTheCall) {
  OpenStore opened{options()};
  bool answered = false;
  const auto loop_thread = std::this_thread::get_id();
  opened.store->record(exit_of("a"), [&](bool) {
    answered = true;
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
  });
  EXPECT_FALSE(answered);
  opened.run();
  EXPECT_TRUE(answered);
}

TEST_F(StoreTest, KeepsWhatItWasGivenOverARestart) {
  {
    OpenStore opened{options()};
    opened.store->put_desired({"a", "{\"name\":\"a\"}", false},
                              [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_desired({"b", "", true}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_desired({"a", "{}", true}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_desired({"c", "", true}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->drop_desired("c", [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_revision({"a", 1, "00", "{}", "", 5}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_revision({"a", 2, "01", "{ }", "", 6}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_revision({"a", 2, "01", "{ }", "sha256:2", 6}, [](bool) {});
    opened.store->put_revision({"b", 1, "02", "", "", 7}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->drop_revisions("b", [](bool good) { EXPECT_TRUE(good); });
    opened.run();
  }
  const OpenStore opened{options()};
  ASSERT_TRUE(opened.store) << opened.error;
  const Loaded& loaded = opened.store->loaded();
  EXPECT_EQ(loaded.desired, (std::vector<Desired>{{"a", "{}", true}, {"b", "", true}}));
  EXPECT_EQ(loaded.revisions, (std::vector<Revision>{{"a", 1, "00", "{}", "", 5},
                                                     {"a", 2, "01", "{ }", "sha256:2", 6}}));
}

TEST_F(StoreTest, RemembersTheImagesThatWereBroughtIn) {
  const Image used{"a:1", "sha256:1", 7, 5, std::nullopt};
  Image unused{"a:1", "sha256:2", 8, 6, 9};
  {
    OpenStore opened{options()};
    for (const Image& image : {used, unused, Image{"b:1", "sha256:1", 7, 5, 1}}) {
      opened.store->put_image(image, [](bool good) { EXPECT_TRUE(good); });
    }
    unused.unused_ms = 10;
    opened.store->put_image(unused, [](bool good) { EXPECT_TRUE(good); });
    opened.store->drop_image({"b:1", "sha256:1", 0, 0, {}}, [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_image({std::string(600, 'x'), "", 0, 0, {}},
                            [](bool good) { EXPECT_FALSE(good); });
    opened.run();
  }
  const OpenStore opened{options()};
  ASSERT_TRUE(opened.store) << opened.error;
  EXPECT_EQ(opened.store->loaded().images, (std::vector<Image>{used, unused}));
}

TEST_F(StoreTest, KeepsTheLatestImagesUpToABound) {
  {
    OpenStore opened{options()};
    for (std::uint32_t i = 0; i < kImagesKept + 5; ++i) {
      opened.store->put_image({"a:" + std::to_string(i), "d", 0, i, {}}, [](bool) {});
    }
    opened.run();
  }
  const OpenStore opened{options()};
  const auto& images = opened.store->loaded().images;
  ASSERT_EQ(images.size(), kImagesKept);
  for (const Image& image : images) EXPECT_GE(image.brought_ms, 5);
}

TEST_F(StoreTest, KeepsAHundredRevisionsOfAPool) {
  {
    OpenStore opened{options()};
    opened.store->put_revision({"other", 1, "", "", "", 0}, [](bool) {});
    for (std::uint32_t number = 1; number <= 150; ++number) {
      opened.store->put_revision({"a", number, "", "", "", 0}, [](bool) {});
    }
    opened.run();
  }
  const OpenStore opened{options()};
  const auto& revisions = opened.store->loaded().revisions;
  ASSERT_EQ(revisions.size(), 101U);
  EXPECT_EQ(revisions.front().number, 51U);
  EXPECT_EQ(revisions.back().pool, "other");
}

TEST_F(StoreTest, WritesOutWhatIsQueuedAndAnswersNoMoreWhenItEnds) {
  bool answered = false;
  {
    OpenStore opened{options()};
    for (int i = 0; i < 1000; ++i) {
      opened.store->record(exit_of("w-" + std::to_string(i)), [&](bool) { answered = true; });
    }
    opened.store.reset();
    opened.run();
  }
  EXPECT_FALSE(answered);
  OpenStore opened{options()};
  EXPECT_EQ(opened.exits().size(), 1000U);
}

TEST_F(StoreTest, MayBeEndedByAnAnswer) {
  OpenStore opened{options()};
  int answers = 0;
  for (int i = 0; i < 10; ++i) {
    opened.store->record(exit_of("w-" + std::to_string(i)), [&](bool) {
      ++answers;
      opened.store.reset();
    });
  }
  opened.run();
  EXPECT_EQ(answers, 1);
}

TEST_F(StoreTest, RefusesWhatDoesNotFitIntoTheQueue) {
  Store::Options small = options();
  small.queue_max = 10;
  OpenStore opened{small};
  int written = 0;
  int refused = 0;
  {
    const WriteLock lock{small.directory};
    for (int i = 0; i < 1000; ++i) {
      opened.store->record(exit_of("w-" + std::to_string(i)),
                           [&](bool good) { ++(good ? written : refused); });
    }
  }
  opened.run();
  EXPECT_EQ(written + refused, 1000);
  EXPECT_GE(written, 10);
  EXPECT_LE(written, 20);  // ten may have been taken by the thread, ten queued behind them
  EXPECT_EQ(opened.exits().size(), static_cast<std::size_t>(written));
}

TEST_F(StoreTest, LetsOneBadWriteNotSpoilTheOthersOfItsBatch) {
  OpenStore opened{options()};
  std::string answers;
  const auto note = [&answers](bool good) { answers += good ? "y" : "n"; };
  std::size_t rows = 0;
  {
    const WriteLock lock{options().directory};
    opened.store->record(exit_of("a"), note);
    opened.store->record(exit_of("b"), note);
    opened.store->put_desired({"big", std::string((1 << 20) + 1, 'x'), false}, note);
    opened.store->record(exit_of("c"), note);
    opened.store->exits({"", "", 10}, [&](std::vector<Exit> found) { rows = found.size(); });
  }
  opened.run();
  EXPECT_EQ(answers, "yyny");
  EXPECT_EQ(rows, 3U);
}

TEST_F(StoreTest, KeepsTheNewestExitsUpToTheirNumber) {
  Store::Options few = options();
  few.exits_max = 100;
  OpenStore opened{few};
  for (int i = 0; i < 3000; ++i) {
    opened.store->record(exit_of("w-" + std::to_string(i)), [](bool good) { EXPECT_TRUE(good); });
  }
  opened.run();
  const std::vector<Exit> rows = opened.exits();
  EXPECT_GE(rows.size(), 100U);
  EXPECT_LE(rows.size(), 100U + 257U);  // trimmed now and then, not at each
  EXPECT_EQ(rows.front().worker, "w-2999");
}

TEST_F(StoreTest, LetsExitsGoThatAreTooOld) {
  OpenStore opened{options()};
  Exit old = exit_of("old");
  old.ended_ms = 1;
  ASSERT_TRUE(opened.record(exit_of("first")));
  ASSERT_TRUE(opened.record(old));
  ASSERT_EQ(opened.exits().size(), 2U);
  for (int i = 0; i < 300; ++i) {
    opened.store->record(exit_of("w-" + std::to_string(i)), [](bool) {});
  }
  opened.run();
  EXPECT_EQ(opened.exits().size(), 301U);
  EXPECT_TRUE(opened.exits({"", "old", 1}).empty());
  EXPECT_EQ(opened.exits({"", "first", 1}).size(), 1U);
}

TEST_F(StoreTest, ReachesALoweredBoundInTime) {
  {
    OpenStore opened{options()};
    for (int i = 0; i < 3000; ++i) {
      opened.store->record(exit_of("w-" + std::to_string(i)), [](bool) {});
    }
    opened.run();
  }
  Store::Options few = options();
  few.exits_max = 10;
  OpenStore opened{few};
  for (int i = 0; i < 1000; ++i) {
    opened.store->record(exit_of("x-" + std::to_string(i)), [](bool) {});
  }
  opened.run();
  EXPECT_LE(opened.exits().size(), 10U + 257U);
}

TEST_F(StoreTest, RemembersTheLastOrderOfTheNode) {
  const NodeOrder order{"drained", 1'700'000'000'000, 90, "{\"a\":1}", "id", 2, 30};
  {
    OpenStore opened{options()};
    EXPECT_EQ(opened.store->loaded().node, NodeOrder{});
    opened.store->put_node({"cordoned", 5, std::nullopt, "{}", "", 0, 0},
                           [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_node(order, [](bool good) { EXPECT_TRUE(good); });
    NodeOrder big = order;
    big.kept = std::string((1 << 20) + 1, 'x');
    opened.store->put_node(big, [](bool good) { EXPECT_FALSE(good); });
    opened.run();
  }
  const OpenStore opened{options()};
  ASSERT_TRUE(opened.store) << opened.error;
  EXPECT_EQ(opened.store->loaded().node, order);
}

TEST_F(StoreTest, RemembersWhatTheCoordinatorSaidLast) {
  {
    OpenStore opened{options()};
    for (const FleetDocument& row :
         {FleetDocument{"a", "{}", 1, 5}, FleetDocument{"", "{\"id\":7}", 1, 0},
          FleetDocument{"b", "{}", 1, 6}, FleetDocument{"a", "{\"x\":1}", 2, 9}}) {
      opened.store->put_fleet(row, [](bool good) { EXPECT_TRUE(good); });
    }
    opened.store->drop_fleet("b", [](bool good) { EXPECT_TRUE(good); });
    opened.store->put_fleet({"big", std::string((1 << 20) + 1, 'x'), 0, 1},
                            [](bool good) { EXPECT_FALSE(good); });
    opened.run();
  }
  const OpenStore opened{options()};
  ASSERT_TRUE(opened.store) << opened.error;
  EXPECT_EQ(opened.store->loaded().fleet,
            (std::vector<FleetDocument>{{"", "{\"id\":7}", 1, 0}, {"a", "{\"x\":1}", 2, 9}}));
}

}  // namespace
}  // namespace mayfly::store
