#include "agent/store/schema.h"

#include <array>
#include <fstream>

#include "tests/agent/store/open_store.h"

namespace mayfly::store {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 1> kFirst{"CREATE TABLE a (x INTEGER NOT NULL) STRICT"};
constexpr std::array<const char*, 3> kThree{
    kFirst[0], "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5",
    "CREATE TABLE b (z INTEGER NOT NULL) STRICT; INSERT INTO b SELECT x + y FROM a"};
constexpr std::array<const char*, 2> kBroken{kFirst[0],
                                             "CREATE TABLE c (z) ; INSERT INTO nowhere VALUES (1)"};

TEST(Schema, MigratesForwardWithItsRows) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "state.db";
  {
    auto database = open_database(file, kFirst);
    ASSERT_TRUE(database) << database.error();
    ASSERT_TRUE(database->run("INSERT INTO a VALUES (37)"));
  }
  auto database = open_database(file, kThree);
  ASSERT_TRUE(database) << database.error();
  EXPECT_EQ(database->number("SELECT z FROM b"), 42);
  EXPECT_EQ(database->number("PRAGMA user_version"), 3);
}

TEST(Schema, LeavesTheFileAloneWhenAMigrationFails) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "state.db";
  ASSERT_TRUE(open_database(file, kFirst));
  const auto broken = open_database(file, kBroken);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().find("no such table: nowhere"), std::string::npos) << broken.error();
  auto database = open_database(file, kFirst);
  ASSERT_TRUE(database) << database.error();
  EXPECT_EQ(database->number("SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
}

TEST(Schema, RefusesAFileOfANewerVersion) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "state.db";
  ASSERT_TRUE(open_database(file, kThree));
  const auto older = open_database(file, kFirst);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error(), file.string() +
                               ": was written by a newer mayflyd (version 3, this one knows up to "
                               "1): run that one");
  EXPECT_TRUE(open_database(file, kThree));
}

TEST(Schema, RefusesADatabaseOfSomethingElse) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "state.db";
  {
    auto other = Database::open(file);
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->run("CREATE TABLE theirs (x)"));
  }
  const auto database = open_database(file);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error(), file.string() + ": was not made by mayflyd");
}

TEST(Schema, IsStrictAndSafeAgainstTheDeathOfTheProcess) {
  const TemporaryDirectory directory;
  auto database = open_database(directory.path() / "state.db");
  ASSERT_TRUE(database) << database.error();
  EXPECT_EQ(database->number("PRAGMA synchronous"), 1);
  EXPECT_EQ(database->number("PRAGMA cache_size"), -256) << "KiB";
  EXPECT_EQ(database->number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
  EXPECT_EQ(database->number("SELECT count(*) FROM pragma_table_list WHERE strict = 0 AND "
                             "name NOT LIKE 'sqlite_%'"),
            0);
}

/// The file of a store with a few rows, then spoilt by `spoil`; the error of opening it.
template <class Spoil>
std::string error_after(const Spoil& spoil) {
  const TemporaryDirectory directory;
  {
    OpenStore opened{in_directory(directory.path())};
    for (std::uint32_t i = 0; i < 100; ++i) {
      opened.store->put_revision({"p" + std::to_string(i), 1, "", std::string(500, 'x'), "", 0},
                                 [](bool) {});
    }
    opened.run();
  }
  spoil(directory.path() / "state.db");
  return OpenStore{in_directory(directory.path())}.error;
}

TEST(Store, SaysWhatToDoWithADamagedFile) {
  const std::string garbage =
      error_after([](const fs::path& file) { std::ofstream{file} << std::string(4096, 'g'); });
  EXPECT_NE(garbage.find("state.db is damaged (file is not a database): restore it, or move it"),
            std::string::npos)
      << garbage;
  const std::string torn =
      error_after([](const fs::path& file) { fs::resize_file(file, 3 * 4096); });
  EXPECT_NE(torn.find("state.db is damaged"), std::string::npos) << torn;
  const std::string overwritten = error_after([](const fs::path& file) {
    std::fstream out{file, std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(4096);
    out << std::string(static_cast<std::size_t>(fs::file_size(file)) - 4096, '\xee');
  });
  EXPECT_NE(overwritten.find("state.db is damaged"), std::string::npos) << overwritten;
}

TEST(Store, StartsAfreshOnAnEmptyFile) {
  EXPECT_EQ(error_after([](const fs::path& file) { fs::resize_file(file, 0); }), "");
}

}  // namespace
}  // namespace mayfly::store
