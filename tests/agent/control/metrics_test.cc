#include "agent/control/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class Metrics : public testing::Test {
 protected:
  [[nodiscard]] bool has(const std::string& line) const {
    for (const std::string& each : lines_of(metrics_text(operations_))) {
      if (each == line) return true;
    }
    return false;
  }

  boost::asio::io_context loop_;
  FakeOperations operations_{loop_};
};

TEST_F(Metrics, CountExitsByClass) {
  operations_.add_pool("encode", 1).counters.exits[core::ExitClass::kFail] = 3;
  EXPECT_TRUE(has(R"(mayfly_exits_total{pool="encode",class="fail"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_exits_total{pool="encode",class="done"} 0)"));
}

TEST_F(Metrics, TellSlotsByStateAndReason) {
  operations_.add_pool("encode", 3);
  operations_.add_running("encode", 0);
  operations_.reasons[1].reason = core::EmptyReason::kBackoff;
  operations_.reasons[2].reason = core::EmptyReason::kBackoff;
  EXPECT_TRUE(has(R"(mayfly_slots{pool="encode",state="running",reason=""} 1)"));
  EXPECT_TRUE(has(R"(mayfly_slots{pool="encode",state="empty",reason="backoff"} 2)"));
  EXPECT_TRUE(has(R"(mayfly_slots{pool="encode",state="empty",reason="paused"} 0)"));
}

TEST_F(Metrics, CountEventsForTheWebhook) {
  EXPECT_TRUE(has(R"(mayfly_webhook_events_total{result="sent"} 0)")) << "also without one";
  EXPECT_TRUE(has("mayfly_webhook_failing 0"));
  operations_.status.webhook = {.url = "https://a",
                                .fault = "it answers 500",
                                .waiting = 1,
                                .sent = 2,
                                .refused = 3,
                                .dropped = 4};
  EXPECT_TRUE(has(R"(mayfly_webhook_events_total{result="sent"} 2)"));
  EXPECT_TRUE(has(R"(mayfly_webhook_events_total{result="refused"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_webhook_events_total{result="dropped"} 4)"));
  EXPECT_TRUE(has("mayfly_webhook_events_waiting 1"));
  EXPECT_TRUE(has("mayfly_webhook_failing 1"));
}

TEST_F(Metrics, CountImagesAndPulls) {
  operations_.seen.images = {
      .pulled = 3, .pulled_bytes = 300, .failed = 2, .removed = 1, .kept = 2, .kept_bytes = 200};
  operations_.pulling.resize(2);
  operations_.pulling[0].bytes_done = 40;
  EXPECT_TRUE(has(R"(mayfly_image_pulls_total{result="pulled"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_image_pulls_total{result="failed"} 2)"));
  EXPECT_TRUE(has("mayfly_image_pulled_bytes_total 300"));
  EXPECT_TRUE(has("mayfly_images_removed_total 1"));
  EXPECT_TRUE(has("mayfly_images 2"));
  EXPECT_TRUE(has("mayfly_image_bytes 200"));
  EXPECT_TRUE(has("mayfly_image_pulls_inflight 2"));
  EXPECT_TRUE(has("mayfly_image_pull_bytes 40"));
}

TEST_F(Metrics, TellARefusedConfiguration) {
  EXPECT_TRUE(has("mayfly_config_refused 0"));
  operations_.status.config_fault = "mayfly.toml:1:1: nodes: is not a known key";
  EXPECT_TRUE(has("mayfly_config_refused 1"));
}

TEST_F(Metrics, TellWhatTheDaemonItselfTakes) {
  const std::string text = metrics_text(operations_);
  std::smatch parts;
  ASSERT_TRUE(
      std::regex_search(text, parts, std::regex(R"(\nmayfly_process_cpu_seconds_total (\S+)\n)")));
  EXPECT_GT(std::stod(parts[1]), 0);
  ASSERT_TRUE(std::regex_search(text, parts,
                                std::regex(R"(\nmayfly_process_resident_memory_bytes (\d+)\n)")));
  EXPECT_GT(std::stoll(parts[1]), 1'000'000);
}

TEST_F(Metrics, GiveHistogramsInSecondsWithCumulativeBuckets) {
  operations_.add_pool("encode", 1);
  agent::PoolEvidence& evidence = operations_.seen.pool("encode");
  evidence.gap.add(300us);
  evidence.gap.add(700us);
  evidence.gap.add(200ms);
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_bucket{pool="encode",le="0.000128"} 0)"));
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_bucket{pool="encode",le="0.001024"} 2)"));
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_bucket{pool="encode",le="1.048576"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_bucket{pool="encode",le="+Inf"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_count{pool="encode"} 3)"));
  EXPECT_TRUE(has(R"(mayfly_respawn_gap_seconds_sum{pool="encode"} 0.201)"));
}

TEST_F(Metrics, EscapeLabelValues) {
  MetricsText out;
  out.family("m", MetricType::kGauge, "help");
  out.sample({{"l", "a\\b\"c\nd"}}, std::uint64_t{1});
  EXPECT_EQ(lines_of(out.take()).back(), R"(m{l="a\\b\"c\nd"} 1)");
}

TEST_F(Metrics, KeepTheExpositionFormat) {
  operations_.add_pool("a", 2);
  operations_.add_pool("b", 2);
  operations_.seen.runtime_ops["create"].add(5ms);
  operations_.seen.leaks["mount"] = 2;
  const std::regex sample(R"(([a-z_]+)(\{([a-z]+="[^"]*",?)*\})? [0-9.e+-]+)");
  const std::regex head(R"(# (HELP|TYPE) ([a-z_]+) .+)");
  std::string family;
  std::set<std::string> families;
  for (const std::string& line : lines_of(metrics_text(operations_))) {
    std::smatch parts;
    if (std::regex_match(line, parts, head)) {
      const bool is_new = families.insert(parts[2]).second;
      EXPECT_EQ(is_new, parts[1] == "HELP") << line;
      family = parts[2];
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    EXPECT_EQ(parts[1].str().substr(0, family.size()), family) << line;
  }
  EXPECT_TRUE(families.contains("mayfly_runtime_op_seconds"));
}

TEST_F(Metrics, NeverNameAWorker) {
  operations_.add_pool("encode", 1);
  operations_.add_running("encode", 0);
  EXPECT_EQ(metrics_text(operations_).find("encode-1"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::control
