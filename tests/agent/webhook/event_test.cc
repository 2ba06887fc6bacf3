#include "agent/webhook/event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace mayfly::webhook {
namespace {

using Json = nlohmann::json;
using Kind = config::WebhookEvent;

const Origin kOrigin{"host-1", "3fa9c2d1-7-1", 1'795'000'000'042};

TEST(WebhookEvent, IsACloudEventInStructuredMode) {
  const Event event{Kind::kPoolDegraded, "encode", {{"reason", "backoff"}}, {{"empty", 3}}};
  EXPECT_EQ(to_json(event, kOrigin),
            R"({"specversion":"1.0","id":"3fa9c2d1-7-1","source":"/mayfly/nodes/host-1",)"
            R"("type":"io.mayfly.pool.degraded","time":"2026-11-18T11:06:40.042Z",)"
            R"("datacontenttype":"application/json","subject":"encode",)"
            R"("data":{"node":"host-1","pool":"encode","reason":"backoff","empty":3}})");
}

TEST(WebhookEvent, HasNoSubjectWhereItIsAboutTheNode) {
  const Json body = Json::parse(to_json({Kind::kRuntimeLost, "", {}, {}}, kOrigin));
  EXPECT_FALSE(body.contains("subject"));
  EXPECT_EQ(body["type"], "io.mayfly.runtime.lost");
}

TEST(WebhookEvent, HasATypeOfItsOwnForEachKind) {
  std::set<std::string> types;
  for (std::size_t i = 0; i < config::kWebhookEvents.size(); ++i) {
    types.insert(type_of(static_cast<Kind>(i)));
  }
  EXPECT_EQ(types.size(), config::kWebhookEvents.size());
  EXPECT_EQ(type_of(Kind::kCoordinatorFound), "io.mayfly.coordinator.found");
}

TEST(WebhookEvent, IsBoundedAndGoodJsonWhateverIsInIt) {
  const Event event{
      Kind::kPoolDegraded,
      "p",
      {{"detail", std::string(100'000, '\x01')}, {"reason", std::string(9999, '\xff')}},
      {}};
  const std::string text = to_json(event, kOrigin);
  EXPECT_LT(text.size(), 4096U);
  EXPECT_TRUE(Json::accept(text));
}

TEST(WebhookEvent, IsSignedOverTimeAndBody) {
  // printf '1795000000.{}' | openssl dgst -sha256 -hmac secret
  EXPECT_EQ(signature("secret", 1'795'000'000, "{}"),
            "t=1795000000,v1=6b4c7e66d3b69c810f27c4aa67ee370757d4dfdabf1fbb338ea7cf6aba9e0494");
  EXPECT_NE(signature("secret", 1'795'000'001, "{}").substr(13),
            signature("secret", 1'795'000'000, "{}").substr(13));
}

}  // namespace
}  // namespace mayfly::webhook
