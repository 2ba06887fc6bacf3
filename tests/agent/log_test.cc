#include "agent/log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

namespace mayfly::agent {
namespace {

using Entry = std::vector<std::string>;

TEST(JournalEntry, HasNativeFields) {
  EXPECT_EQ(
      log::journal_entry(log::Level::kWarning, {"start-failed", "0123"},
                         {{"pool", "encode"}, {"worker", "encode-1-2"}, {"revision", "3"}}),
      (Entry{"SYSLOG_IDENTIFIER=mayflyd", "PRIORITY=4", "MESSAGE=start-failed", "MESSAGE_ID=0123",
             "MAYFLY_POOL=encode", "MAYFLY_WORKER=encode-1-2", "MAYFLY_REVISION=3"}));
}

TEST(JournalEntry, LeavesOutWhatDoesNotApply) {
  EXPECT_EQ(
      log::journal_entry(log::Level::kInfo, "ready", {{"worker", ""}, {"run_dir", "/run"}}),
      (Entry{"SYSLOG_IDENTIFIER=mayflyd", "PRIORITY=6", "MESSAGE=ready", "MAYFLY_RUN_DIR=/run"}));
}

TEST(JournalEntry, KeepsALineBreakInsideOfItsField) {
  const Entry entry =
      log::journal_entry(log::Level::kError, "failed", {{"error", "a\nMESSAGE_ID=b"}});
  EXPECT_EQ(entry.back(), "MAYFLY_ERROR=a\nMESSAGE_ID=b");
  EXPECT_EQ(entry.size(), 4U);
}

// ---- the ids of messages --------------------------------------------------------------------

const std::filesystem::path kRoot = MAYFLY_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(kRoot / path);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Of the header: name → id.
std::map<std::string, std::string> ids() {
  std::map<std::string, std::string> found;
  const std::string text = read("agent/message_ids.h");
  static const std::regex kLine(R"(constexpr Id (k\w+) = "([^"]*)\";)");
  for (std::sregex_iterator line(text.begin(), text.end(), kLine), end; line != end; ++line) {
    found[(*line)[1]] = (*line)[2];
  }
  return found;
}

TEST(MessageIds, Are128RandomBitsEachOnce) {
  std::set<std::string> seen;
  for (const auto& [name, id] : ids()) {
    EXPECT_TRUE(std::regex_match(id, std::regex("[0-9a-f]{32}"))) << name;
    EXPECT_TRUE(seen.insert(id).second) << name;
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST(MessageIds, AreAllInTheTableForPeopleAndNoOthers) {
  std::multiset<std::string> listed;
  const std::string text = read("docs/operations.md");
  static const std::regex kRow(R"(\n\| `([0-9a-f]{32})` \| [^|]+ \| [^|]* \|)");
  for (std::sregex_iterator row(text.begin(), text.end(), kRow), end; row != end; ++row) {
    listed.insert((*row)[1]);
  }
  std::multiset<std::string> known;
  for (const auto& [name, id] : ids()) known.insert(id);
  EXPECT_EQ(listed, known);
}

TEST(MessageIds, AreAllSent) {
  std::string sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / "agent")) {
    if (entry.path().extension() == ".cc") sources += read(entry.path());
  }
  for (const auto& [name, id] : ids()) {
    EXPECT_NE(sources.find("ids::" + name + "}"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace mayfly::agent
