#include "runtime/containerd/images/spelling.h"

#include <gtest/gtest.h>

namespace mayfly::containerd {
namespace {

TEST(Spellings, CompleteANameAsDockerDoes) {
  using Names = std::vector<std::string>;
  const auto digest = "sha256:" + std::string(64, '1');
  EXPECT_EQ(spellings("busybox"), (Names{"busybox", "docker.io/library/busybox:latest"}));
  EXPECT_EQ(spellings("busybox:1.36"), (Names{"busybox:1.36", "docker.io/library/busybox:1.36"}));
  EXPECT_EQ(spellings("me/tool"), (Names{"me/tool", "docker.io/me/tool:latest"}));
  EXPECT_EQ(spellings("registry.example/encode:1.8"), Names{"registry.example/encode:1.8"});
  EXPECT_EQ(spellings("registry.example/encode"),
            (Names{"registry.example/encode", "registry.example/encode:latest"}));
  EXPECT_EQ(spellings("localhost/x:1"), Names{"localhost/x:1"});
  EXPECT_EQ(spellings("localhost:5000/x:1"), Names{"localhost:5000/x:1"});
  EXPECT_EQ(spellings("a.example/b@" + digest), Names{"a.example/b@" + digest});
  EXPECT_EQ(spellings(digest), Names{digest});
}

TEST(Spellings, LeaveWhatIsNoReferenceAsItIs) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(spellings("Upper/Case"), Names{"Upper/Case"});
  EXPECT_EQ(spellings(""), Names{""});
}

}  // namespace
}  // namespace mayfly::containerd
