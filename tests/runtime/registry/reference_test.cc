#include "runtime/registry/reference.h"

#include <gtest/gtest.h>

#include <vector>

namespace mayfly::registry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

struct Row {
  std::string name;
  std::string host;
  std::string path;
  std::string tag;
  std::string digest;
};

TEST(Reference, IsCompletedAsDockerDoes) {
  const std::vector<Row> rows{
      {"busybox", "docker.io", "library/busybox", "latest", ""},
      {"busybox:1.36", "docker.io", "library/busybox", "1.36", ""},
      {"docker.io/busybox", "docker.io", "library/busybox", "latest", ""},
      {"index.docker.io/busybox", "docker.io", "library/busybox", "latest", ""},
      {"me/tool", "docker.io", "me/tool", "latest", ""},
      {"a.example/x", "a.example", "x", "latest", ""},
      {"a.example/x:1", "a.example", "x", "1", ""},
      {"a.example:5000/x/y_z/a--b:V1.0_x", "a.example:5000", "x/y_z/a--b", "V1.0_x", ""},
      {"localhost/x", "localhost", "x", "latest", ""},
      {"localhost:5000/x", "localhost:5000", "x", "latest", ""},
      {"host:5000/x", "host:5000", "x", "latest", ""},
      {"127.0.0.1:5000/x:1", "127.0.0.1:5000", "x", "1", ""},
      {"[::1]:5000/x", "[::1]:5000", "x", "latest", ""},
      {"A.Example/x", "A.Example", "x", "latest", ""},
      {"host/x", "docker.io", "host/x", "latest", ""},
      {"a.example/x@" + kDigest, "a.example", "x", "", kDigest},
      {"a.example/x:1@" + kDigest, "a.example", "x", "1", kDigest},
      {"busybox@" + kDigest, "docker.io", "library/busybox", "", kDigest},
      {"a.example/x__y/z.w:" + std::string(128, 't'), "a.example", "x__y/z.w",
       std::string(128, 't'), ""},
  };
  for (const auto& row : rows) {
    const auto reference = parse_reference(row.name);
    ASSERT_TRUE(reference) << reference.error();
    EXPECT_EQ(reference->host, row.host) << row.name;
    EXPECT_EQ(reference->path, row.path) << row.name;
    EXPECT_EQ(reference->tag, row.tag) << row.name;
    EXPECT_EQ(reference->digest, row.digest) << row.name;
  }
}

TEST(Reference, RefusesWhatIsNone) {
  const std::vector<std::string> rows{
      "",
      " ",
      "/",
      ":",
      "@",
      "/x",
      "x/",
      "x//y",
      "Upper",
      "a.example/Upper",
      "x:",
      "x:-1",
      "x:.1",
      "x:a b",
      "x:" + std::string(129, 't'),
      "x@",
      "x@sha256:abc",
      "x@sha512:" + std::string(64, 'a'),
      "x@" + kDigest + "@" + kDigest,
      kDigest,
      std::string(64, 'a'),
      "-a.example/x",
      "a..example/x",
      "a.example:/x",
      "a.example:x/x",
      "a.example:500000/x",
      "[::1/x.y",
      "[]:5/x",
      "[::1]x:5/x",
      "a.example/x___y",
      "a.example/x._y",
      "a.example/_x",
      "a.example/x-",
      "a.example/../x",
      "a.example/x?y",
      "a.example/x#y",
      "a.example/x%2fy",
      "user@a.example/x",
      "http://a.example/x",
      "a.example/x\ny",
      std::string("a.example/x\0y", 13),
      "a.example/\xc3\xa4",
      "a.example/" + std::string(300, 'x'),
  };
  for (const auto& row : rows) EXPECT_FALSE(parse_reference(row)) << row;
}

TEST(Reference, SaysWhatIsWrongInOneLine) {
  const auto bad = parse_reference("a.example/x\ny\x1b[31m" + std::string(5000, 'x'));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().find_first_of("\n\x1b"), std::string::npos);
  EXPECT_LT(bad.error().size(), 500U);
}

TEST(Reference, IsWrittenAsItIsRead) {
  for (const auto& name : {"a.example/x:1", "docker.io/library/busybox:latest"}) {
    EXPECT_EQ(parse_reference(name)->text(), name);
  }
  EXPECT_EQ(parse_reference("a.example/x:1@" + kDigest)->version(), kDigest);
  EXPECT_EQ(parse_reference("a.example/x:1")->version(), "1");
}

}  // namespace
}  // namespace mayfly::registry
