#include "agent/webhook/secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mayfly::webhook {
namespace {

namespace fs = std::filesystem;

class Secret : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "mayfly-secret-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ + "/secret";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& text, mode_t mode) const {
    std::ofstream{file_, std::ios::binary} << text;
    chmod(file_.c_str(), mode);
  }
  [[nodiscard]] std::string fault() const {
    const auto secret = read_secret(file_);
    return secret ? "" : secret.error();
  }

  std::string folder_;
  std::string file_;
};

TEST_F(Secret, IsWhatStandsInTheFileWithoutTheNewline) {
  write("open sesame\r\n", 0640);
  EXPECT_EQ(read_secret(file_).value(), "open sesame");
}

TEST_F(Secret, IsNotTakenFromAFileThatAllMayRead) {
  write("open sesame", 0644);
  EXPECT_NE(fault().find("may be read by all"), std::string::npos) << fault();
  EXPECT_EQ(fault().find("sesame"), std::string::npos);
}

TEST_F(Secret, IsNotTakenFromWhatIsNoGoodFile) {
  EXPECT_NE(fault().find("No such file"), std::string::npos) << fault();
  write("\n", 0600);
  EXPECT_NE(fault().find("is empty"), std::string::npos);
  write(std::string(5000, 'x'), 0600);
  EXPECT_NE(fault().find("is too long"), std::string::npos);
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_NE(fault().find("is not a regular file"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::webhook
