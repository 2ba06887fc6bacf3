#include "runtime/files/read.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace mayfly::files {
namespace {

class SmallFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string written(const std::string& bytes) {
    auto path = directory_ + "/file";
    std::ofstream(path, std::ios::binary) << bytes;
    chmod(path.c_str(), 0640);
    return path;
  }

  std::string made_directory_ = ::testing::TempDir() + "small-file-XXXXXX";
  std::string directory_ = mkdtemp(made_directory_.data());
};

TEST_F(SmallFile, IsReadWholeUpToItsBound) {
  const std::string bytes("a\0b\n", 4);
  EXPECT_EQ(read_bounded(written(bytes), 4), bytes);
  EXPECT_EQ(read_bounded(written(""), 4), "");
  const auto longer = read_bounded(written("12345"), 4);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error(), directory_ + "/file: is too long");
}

TEST_F(SmallFile, IsNamedWhereItCannotBeRead) {
  EXPECT_EQ(read_bounded(directory_ + "/none", 4).error(),
            directory_ + "/none: No such file or directory");
  EXPECT_EQ(read_bounded(directory_, 4).error(), directory_ + ": is not a regular file");
}

TEST_F(SmallFile, IsNoFifoThatNobodyWritesTo) {
  const auto fifo = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(read_bounded(fifo, 4).error(), fifo + ": is not a regular file");
}

TEST_F(SmallFile, HoldsASecretInOneLine) {
  EXPECT_EQ(read_secret(written("word\n")), "word");
  EXPECT_EQ(read_secret(written("word\r\n")), "word");
  EXPECT_EQ(read_secret(written(" wo rd ")), " wo rd ");
  EXPECT_EQ(read_secret(written("\n")).error(), directory_ + "/file: is empty");
  EXPECT_FALSE(read_secret(written(std::string(4097, 'x'))));
}

TEST_F(SmallFile, HoldsNoSecretThatIsOpenToAll) {
  const auto path = written("word");
  chmod(path.c_str(), 0644);
  EXPECT_EQ(read_secret(path).error(), path + ": is open to all users: chmod o= " + path);
  EXPECT_TRUE(read_bounded(path, 4));
}

}  // namespace
}  // namespace mayfly::files
