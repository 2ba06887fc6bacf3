#include "runtime/containerd/images/layers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mayfly::containerd {
namespace {

namespace fs = std::filesystem;

wire::Mount mount_of(const std::string& type, const std::vector<std::string>& options) {
  wire::Mount mount;
  mount.set_type(type);
  mount.set_source("/source");
  for (const auto& option : options) mount.add_options(option);
  return mount;
}

TEST(Directories, AreThoseOfABindOrAnOverlay) {
  using Names = std::vector<std::string>;
  const auto of = [](const std::vector<wire::Mount>& given) {
    return directories_of({given.begin(), given.end()});
  };
  EXPECT_EQ(of({mount_of("bind", {"ro", "rbind"})}), Names{"/source"});
  EXPECT_EQ(of({mount_of("overlay", {"index=off", "lowerdir=/b:/c"})}), (Names{"/b", "/c"}));
  EXPECT_EQ(of({mount_of("overlay", {"lowerdir=/b", "workdir=/w", "upperdir=/a"})}),
            (Names{"/a", "/b"}));
  EXPECT_EQ(of({mount_of("ext4", {"ro"})}), Names{});
  EXPECT_EQ(of({mount_of("bind", {}), mount_of("bind", {})}), Names{});
  EXPECT_EQ(of({}), Names{});
}

class LayersTest : public ::testing::Test {
 protected:
  LayersTest() {
    std::string pattern = fs::temp_directory_path() / "mayfly-layers-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* layer : {"/top", "/middle", "/bottom"}) fs::create_directory(root_ + layer);
  }
  ~LayersTest() override { fs::remove_all(root_); }

  std::string place(const std::string& path) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    return root_ + path;
  }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(place(path)) << text;
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_symlink(target, place(path));
  }
  void white_out(const std::string& path) {
    ASSERT_EQ(::mknod(place(path).c_str(), S_IFCHR, makedev(0, 0)), 0);
  }
  [[nodiscard]] std::string read(const std::string& path) const {
    const auto file = Layers({root_ + "/top", root_ + "/middle", root_ + "/bottom"}).open(path);
    if (!file) return "none";
    std::array<char, 100> text{};
    const auto size = ::read(file.get(), text.data(), text.size());
    return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  std::string root_;
};

TEST_F(LayersTest, ShowTheUppermostFile) {
  write("/bottom/etc/passwd", "old");
  write("/middle/etc/passwd", "new");
  write("/bottom/etc/group", "group");
  EXPECT_EQ(read("etc/passwd"), "new");
  EXPECT_EQ(read("etc/group"), "group");
  EXPECT_EQ(read("etc/shadow"), "none");
  EXPECT_EQ(read("etc"), "none");
}

TEST_F(LayersTest, ShowNothingOfWhatWasRemoved) {
  write("/bottom/etc/passwd", "old");
  write("/bottom/opt/passwd", "old");
  white_out("/middle/etc/passwd");
  white_out("/middle/opt");
  EXPECT_EQ(read("etc/passwd"), "none");
  EXPECT_EQ(read("opt/passwd"), "none");
}

TEST_F(LayersTest, ShowNothingBelowWhatTookADirectorysPlace) {
  write("/bottom/etc/passwd", "old");
  write("/middle/etc", "a file");
  EXPECT_EQ(read("etc/passwd"), "none");
  write("/top/etc/group", "new");
  EXPECT_EQ(read("etc/group"), "new");
  EXPECT_EQ(read("etc/passwd"), "none");
}

TEST_F(LayersTest, FollowLinksIntoOtherLayers) {
  link("/top/etc/passwd", "/usr/share/passwd");
  write("/bottom/usr/share/passwd", "there");
  link("/bottom/etc/group", "../opt/./group");
  write("/middle/opt/group", "group");
  link("/top/var", "opt");
  EXPECT_EQ(read("etc/passwd"), "there");
  EXPECT_EQ(read("etc/group"), "group");
  EXPECT_EQ(read("var/group"), "group");
}

TEST_F(LayersTest, FollowNoLinkOutOfTheImage) {
  write("/outside", "secret");
  link("/top/etc/passwd", "../../../../outside");
  link("/top/etc/group", root_ + "/outside");
  link("/top/etc/self", "self");
  EXPECT_EQ(read("etc/passwd"), "none");
  EXPECT_EQ(read("etc/group"), "none");
  EXPECT_EQ(read("etc/self"), "none");
}

TEST_F(LayersTest, OpenPlainFilesAlone) {
  ASSERT_EQ(::mkfifo(place("/top/etc/passwd").c_str(), 0600), 0);
  EXPECT_EQ(read("etc/passwd"), "none");
}

TEST_F(LayersTest, AreEmptyWhereOneIsNotThere) {
  write("/top/etc/passwd", "here");
  EXPECT_FALSE(Layers({root_ + "/top", root_ + "/nowhere"}).open("etc/passwd"));
}

}  // namespace
}  // namespace mayfly::containerd
