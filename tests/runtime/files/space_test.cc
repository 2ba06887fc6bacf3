#include "runtime/files/space.h"

#include <gtest/gtest.h>

namespace mayfly::files {
namespace {

/// In blocks of 4 KiB: of 1000, 600 are free, of which root keeps `kept` for itself.
struct statvfs disk(fsblkcnt_t kept) {
  struct statvfs told {};
  told.f_bsize = 65'536;  // is no unit of the others
  told.f_frsize = 4096;
  told.f_blocks = 1000;
  told.f_bfree = 600;
  told.f_bavail = 600 - kept;
  return told;
}

TEST(Space, IsThatOfTheDisk) {
  const Space space = to_space(disk(0));
  EXPECT_EQ(space.free_bytes, 600U * 4096);
  EXPECT_EQ(space.total_bytes, 1000U * 4096);
  EXPECT_EQ(free_percent(space), 60U);
}

TEST(Space, IsWithoutWhatTheFileSystemKeepsBack) {
  const Space space = to_space(disk(400));
  EXPECT_EQ(space.free_bytes, 200U * 4096);
  EXPECT_EQ(space.total_bytes, 600U * 4096);
  EXPECT_EQ(free_percent(space), 33U);
}

TEST(Space, IsNoneOnADiskOfNoSize) {
  EXPECT_EQ(free_percent({}), 0U);
}

TEST(Space, IsToldOfPathsThatAreThere) {
  const auto space = space_of("/tmp");
  ASSERT_TRUE(space);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_FALSE(space_of("/no/such/place"));
  EXPECT_FALSE(space_of(""));
}

}  // namespace
}  // namespace mayfly::files
