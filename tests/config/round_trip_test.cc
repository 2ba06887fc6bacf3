// Any pool that the decoder would accept, written as canonical JSON, reads back as the same pool.
#include <gtest/gtest.h>

#include <random>

#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

/// Makes pools with values from the edges of their ranges and from within.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Pool pool() {
    Pool pool;
    pool.name = "p" + std::to_string(below(1000));
    pool.worker = worker();
    pool.pull = flip() ? Pull::kMissing : flip() ? Pull::kAlways : Pull::kNever;
    pool.replicas = below(1001);
    if (flip()) pool.standby = below(65);
    pool.spare_max_age = milliseconds{1000 + below(2'592'000'000 - 1000)};
    pool.lifetime.stop_grace = milliseconds{below(86'400'001)};
    pool.backoff.initial = milliseconds{1 + below(3'600'000)};
    pool.backoff.factor = 1 + real() * 99;
    pool.backoff.max = pool.backoff.initial + milliseconds{below(3'600'000)};
    pool.backoff.reset_after = milliseconds{below(86'400'001)};
    pool.logs.worker_bytes = 4096 + below(60'000'000);
    pool.logs.pool_bytes = pool.logs.worker_bytes + 65'536 + below(2'000'000'000);
    return pool;
  }

 private:
  std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>{0, bound - 1}(random_);
  }
  bool flip() { return below(2) == 0; }
  double real() { return std::uniform_real_distribution<double>{0, 1}(random_); }

  std::string text() {
    static const std::vector<std::string> kParts{"a",  "\"", "\\", "\n", "é", "\x7f", "😀",
                                                 "{}", "/",  "'",  "\t", " ", "\x01"};
    std::string text;
    for (std::uint32_t i = below(8); i > 0; --i) {
      text += kParts[below(static_cast<std::uint32_t>(kParts.size()))];
    }
    return text;
  }

  Template worker() {
    Template worker;
    worker.image = "i" + std::to_string(below(9)) + ":1";
    for (std::uint32_t i = below(4); i > 0; --i) worker.command.push_back("c" + text());
    for (std::uint32_t i = below(4); i > 0; --i) worker.env["E" + std::to_string(i)] = text();
    if (flip()) worker.user = std::to_string(below(70'000)) + ":app";
    if (flip()) worker.working_directory = "/w" + std::to_string(below(9));
    for (std::uint32_t i = below(4); i > 0; --i) {
      worker.mounts.push_back({"/s" + text() + "x", "/t" + std::to_string(i), flip()});
    }
    for (Mount& mount : worker.mounts) std::erase(mount.source, '/'), mount.source.insert(0, "/");
    if (flip()) worker.resources.cpu = 0.01 + real() * 1000;
    if (flip()) worker.resources.memory_bytes = (4ULL << 20U) + below(UINT32_MAX);
    worker.resources.pids = 1 + below(4'194'304);
    worker.network = flip() ? "host" : flip() ? "none" : "net-" + std::to_string(below(9));
    worker.security = {flip(), flip(), flip(), {}};
    if (flip()) worker.security.capabilities = {"CAP_CHOWN", "CAP_BPF"};
    worker.hold = flip() ? Hold::kApp : flip() ? Hold::kGate : Hold::kExec;
    return worker;
  }

  std::mt19937_64 random_;
};

TEST(RoundTrip, ThroughCanonicalJsonGivesTheSamePool) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Pool pool = Generator{seed}.pool();
    const std::string json = to_json(pool);
    const auto back = parse_pool_json(json);
    ASSERT_TRUE(back) << json << "\n" << text_of(back.error());
    ASSERT_EQ(*back, pool) << json;
    ASSERT_EQ(to_json(*back), json);
    ASSERT_EQ(to_json(back->worker), to_json(pool.worker));
  }
}

TEST(RoundTrip, TellsDifferentPoolsApart) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Pool one = Generator{seed}.pool();
    const Pool two = Generator{seed + 1}.pool();
    EXPECT_EQ(to_json(one) == to_json(two), one == two);
    EXPECT_EQ(to_json(one.worker) == to_json(two.worker), one.worker == two.worker);
  }
}

TEST(CanonicalJson, HoldsEveryKeyInOrder) {
  Pool pool;
  pool.name = "a";
  pool.worker.image = "i";
  EXPECT_EQ(
      to_json(pool),
      R"({"backoff":{"factor":2.0,"initial":"100ms","max":"30s","reset_after":"10s"},"command":[],)"
      R"("env":{},"hold":"exec","image":"i","lifetime":{"stop_grace":"30s"},)"
      R"("logs":{"pool":"16MiB","worker":"256KiB"},"mounts":[],"name":"a","network":"none",)"
      R"("pull":"missing","replicas":1,"resources":{"cpu":null,"memory":null,"pids":256},)"
      R"("security":{"capabilities":[],"no_new_privileges":true,"read_only_rootfs":false,)"
      R"("seccomp":true},"spare_max_age":"1h","standby":"auto","user":"","working_directory":""})");
}

TEST(CanonicalJson, DoesNotThrowOverTextThatIsNotUtf8) {
  Pool pool;
  pool.worker.env["A"] = "\xff";
  EXPECT_TRUE(holds(to_json(pool), "\\ufffd") || holds(to_json(pool), "\xef\xbf\xbd"));
}

}  // namespace
}  // namespace mayfly::config
