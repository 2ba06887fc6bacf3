#include "config/node_order.h"

#include <gtest/gtest.h>

#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

using namespace std::chrono_literals;
using Scheduling = NodeOrder::Scheduling;

std::string order_faults(const std::string& text) {
  const auto order = parse_node_order_json(text);
  return order ? "" : text_of(order.error());
}

std::string drain_faults(const std::string& text) {
  const auto order = parse_drain_json(text);
  return order ? "" : text_of(order.error());
}

TEST(NodeOrder, SaysHowTheNodeIsToBe) {
  const auto order = parse_node_order_json(R"({"scheduling":"cordoned","id":"a-1"})");
  ASSERT_TRUE(order) << text_of(order.error());
  EXPECT_EQ(*order, (NodeOrder{Scheduling::kCordoned, std::nullopt, "a-1"}));
  EXPECT_EQ(parse_node_order_json(R"({"scheduling":"open","id":"b"})")->scheduling,
            Scheduling::kOpen);
}

TEST(NodeOrder, DrainsWithADeadlineOrAtOnceOrForAsLongAsItTakes) {
  EXPECT_EQ(parse_node_order_json(R"({"scheduling":"drained","deadline_s":90,"id":"b"})")->deadline,
            90s);
  EXPECT_EQ(parse_node_order_json(R"({"scheduling":"drained","force":true,"id":"b"})")->deadline,
            0s);
  EXPECT_FALSE(parse_node_order_json(R"({"scheduling":"drained","id":"b"})")->deadline);
  EXPECT_EQ(*parse_drain_json("{}"), (NodeOrder{Scheduling::kDrained, std::nullopt, ""}));
  EXPECT_EQ(parse_drain_json(R"({"deadline_s":0})")->deadline, 0s);
  EXPECT_EQ(parse_drain_json(R"({"force":true})")->deadline, 0s);
  EXPECT_FALSE(parse_drain_json(R"({"force":false})")->deadline);
}

struct Case {
  const char* text;
  const char* fault;
};

TEST(NodeOrder, IsRefusedWithAReason) {
  for (const auto& [text, fault] : std::vector<Case>{
           {"", "is not valid JSON"},
           {"7", "must be a JSON object"},
           {"{}", "/scheduling"},
           {R"({"scheduling":"drained"})", "/id"},
           {R"({"scheduling":"closed","id":"a"})", "/scheduling"},
           {R"({"scheduling":3,"id":"a"})", "/scheduling"},
           {R"({"scheduling":"open","id":""})", "/id"},
           {R"({"scheduling":"open","id":"a b"})", "/id"},
           {R"({"scheduling":"open","id":"a\u0000"})", "/id"},
           {R"({"scheduling":"open","id":"a","mode":1})", "/mode"},
           {R"({"scheduling":"open","deadline_s":1,"id":"a"})", "must be \"drained\""},
           {R"({"scheduling":"drained","deadline_s":-1,"id":"a"})", "/deadline_s"},
           {R"({"scheduling":"drained","deadline_s":1e9,"id":"a"})", "/deadline_s"},
           {R"({"scheduling":"drained","deadline_s":"1h","id":"a"})", "/deadline_s"},
           {R"({"scheduling":"drained","deadline_s":1,"force":true,"id":"a"})", "/force"},
       }) {
    EXPECT_NE(order_faults(text).find(fault), std::string::npos)
        << text << ": " << order_faults(text);
  }
  EXPECT_NE(order_faults(R"({"scheduling":"open","id":")" + std::string(65, 'x') + "\"}"), "");
  EXPECT_EQ(order_faults(R"({"scheduling":"open","id":")" + std::string(64, 'x') + "\"}"), "");
}

TEST(NodeOrder, OfADrainTakesNothingElse) {
  for (const auto& [text, fault] : std::vector<Case>{
           {"[]", "must be a JSON object"},
           {R"({"id":"a"})", "/id"},
           {R"({"deadline":"1h"})", "/deadline"},
           {R"({"deadline_s":4294967296})", "/deadline_s"},
           {R"({"force":1})", "/force"},
       }) {
    EXPECT_NE(drain_faults(text).find(fault), std::string::npos)
        << text << ": " << drain_faults(text);
  }
}

}  // namespace
}  // namespace mayfly::config
