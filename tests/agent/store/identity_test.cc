#include "agent/store/identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <regex>

#include "tests/agent/store/open_store.h"

namespace mayfly::store {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(Identity, IsDrawnOnceAndCountsRuns) {
  const TemporaryDirectory directory;
  const auto first = begin_run(directory.path());
  ASSERT_TRUE(first) << first.error();
  EXPECT_TRUE(std::regex_match(first->instance, std::regex{"[0-9a-f]{8}"})) << first->instance;
  EXPECT_EQ(first->run, 1U);
  const auto second = begin_run(directory.path());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->instance, first->instance);
  EXPECT_EQ(second->run, 2U);
  const TemporaryDirectory elsewhere;
  EXPECT_NE(begin_run(elsewhere.path())->instance, first->instance);
}

TEST(Identity, IsTakenAsItStands) {
  const TemporaryDirectory directory;
  std::ofstream{directory.path() / "identity"} << "0123abcd 41\n";
  const auto identity = begin_run(directory.path());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->instance, "0123abcd");
  EXPECT_EQ(identity->run, 42U);
  EXPECT_EQ(text_of(directory.path() / "identity"), "0123abcd 42\n");
}

TEST(Identity, IsNotGuessedFromADamagedFile) {
  for (const char* text : {"", "\n", "0123abcd\n", "0123abcd 1", "0123ABCD 1\n", "0123abc 1\n",
                           "0123abcd -1\n", "0123abcd 1x\n", "0123abcd 4294967295\n",
                           "0123abcd 4294967296\n", "0123abcd  1\n", "0123abcd 1\nmore\n"}) {
    const TemporaryDirectory directory;
    std::ofstream{directory.path() / "identity"} << text;
    const auto identity = begin_run(directory.path());
    ASSERT_FALSE(identity) << text;
    EXPECT_NE(identity.error().find("identity is damaged"), std::string::npos);
    EXPECT_EQ(text_of(directory.path() / "identity"), text);
  }
}

TEST(Store, IsMadeForItsOwnerAlone) {
  const TemporaryDirectory directory;
  const OpenStore opened{in_directory(directory.path() / "a/b/state")};
  ASSERT_TRUE(opened.store) << opened.error;
  struct stat status {};
  ASSERT_EQ(stat((directory.path() / "a/b/state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(Store, TellsItsInstanceAndRun) {
  const TemporaryDirectory directory;
  std::string instance;
  {
    const OpenStore opened{in_directory(directory.path())};
    ASSERT_TRUE(opened.store) << opened.error;
    instance = opened.store->loaded().instance;
    EXPECT_EQ(opened.store->loaded().run, 1U);
  }
  const OpenStore opened{in_directory(directory.path())};
  EXPECT_EQ(opened.store->loaded().instance, instance);
  EXPECT_EQ(opened.store->loaded().run, 2U);
}

TEST(Store, KeepsItsIdentityWhenTheDatabaseIsLost) {
  const TemporaryDirectory directory;
  std::string instance;
  {
    const OpenStore opened{in_directory(directory.path())};
    instance = opened.store->loaded().instance;
  }
  fs::remove(directory.path() / "state.db");
  const OpenStore opened{in_directory(directory.path())};
  ASSERT_TRUE(opened.store) << opened.error;
  EXPECT_EQ(opened.store->loaded().instance, instance);
  EXPECT_EQ(opened.store->loaded().run, 2U);
}

TEST(Store, RefusesASecondOpenAndNamesTheHolder) {
  const TemporaryDirectory directory;
  {
    const OpenStore opened{in_directory(directory.path())};
    const OpenStore second{in_directory(directory.path())};
    EXPECT_FALSE(second.store);
    EXPECT_EQ(second.error, directory.path().string() + " is held by another mayflyd (pid " +
                                std::to_string(getpid()) + "); give this one its own --state-dir");
  }
  const OpenStore after{in_directory(directory.path())};
  EXPECT_TRUE(after.store) << after.error;
  EXPECT_EQ(after.store->loaded().run, 2U);  // the refused one did not count
}

TEST(Store, DoesNotHandItsLockToChildren) {
  const TemporaryDirectory directory;
  std::array<int, 2> hold{};      // the child lives until we close our end
  std::array<int, 2> executed{};  // the child's end closes when it executes another program
  ASSERT_EQ(pipe(hold.data()), 0);
  ASSERT_EQ(pipe2(executed.data(), O_CLOEXEC), 0);
  pid_t child = -1;
  {
    const OpenStore opened{in_directory(directory.path())};
    child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      dup2(hold[0], STDIN_FILENO);
      close(hold[0]);
      close(hold[1]);
      execl("/bin/cat", "cat", nullptr);
      _exit(127);
    }
    close(hold[0]);
    close(executed[1]);
    char byte = 0;
    EXPECT_EQ(read(executed[0], &byte, 1), 0);
    close(executed[0]);
  }
  const OpenStore after{in_directory(directory.path())};
  EXPECT_TRUE(after.store) << after.error;
  close(hold[1]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
}

TEST(Store, SaysWhyItCannotUseADirectory) {
  const TemporaryDirectory directory;
  std::ofstream{directory.path() / "file"} << "";
  const OpenStore opened{in_directory(directory.path() / "file/state")};
  EXPECT_EQ(opened.error,
            (directory.path() / "file/state").string() + ": cannot create: Not a directory");
}

}  // namespace
}  // namespace mayfly::store
