// Images and pulls, as routes give them and views show them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/router.h"
#include "agent/control/views.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = 1ULL << 20;

Pull half_way(const std::string& image) {
  Pull pull;
  pull.image = image;
  pull.bytes_done = 10 * kMiB;
  pull.bytes_total = 50 * kMiB;
  pull.layers_done = 3;
  pull.layers_total = 8;
  pull.took_ms = 2'000;
  return pull;
}

class ImageRoutes : public testing::Test {
 protected:
  Response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    const auto match = find_route(method, target);
    if (!match) return match.error();
    Response given;
    Request request;
    request.body = body;
    request.unix_ms = 1'700'000'000'000;
    answer(*match, request, operations_, [&](Response response) { given = std::move(response); });
    return given;
  }
  json body_of(const std::string& method, const std::string& target, const std::string& body = "") {
    const Response response = ask(method, target, body);
    EXPECT_EQ(response.status, 200U) << response.body;
    return json::parse(response.body);
  }
  /// Of one pool, whose second revision is on its way.
  void pulling() {
    core::Pool& pool = operations_.add_pool("encode", 1);
    pool.settings.revision = core::Revision{2};
    operations_.pulling = {half_way("encode:2"), half_way("other:1")};
    operations_.pulling[0].wanted_by = {{"encode", 2}};
  }

  boost::asio::io_context loop_;
  FakeOperations operations_{loop_};
};

TEST_F(ImageRoutes, ShowAPullWithItsSpeedAndWhatIsLeft) {
  pulling();
  const json status = body_of("GET", "/v1/status");
  ASSERT_EQ(status["pulls"].size(), 2U);
  const json& pull = status["pools"][0]["pull"];
  EXPECT_EQ(pull["image"], "encode:2");
  EXPECT_EQ(pull["bytes_per_s"], 5 * kMiB);
  EXPECT_EQ(pull["left_ms"], 8'000);
  EXPECT_EQ(pull["wanted_by"][0]["revision"], 2);
  EXPECT_TRUE(body_of("GET", "/v1/why/encode")["pull"].is_object()) << "also while the old runs";
}

TEST_F(ImageRoutes, DoNotGuessWhatIsNotKnown) {
  pulling();
  operations_.pulling[0].bytes_total = 0;
  EXPECT_TRUE(body_of("GET", "/v1/status")["pools"][0]["pull"]["left_ms"].is_null());
  operations_.pulling[0] = half_way("encode:2");
  operations_.pulling[0].took_ms = 0;
  EXPECT_TRUE(body_of("GET", "/v1/status")["pulls"][0]["left_ms"].is_null());
  EXPECT_TRUE(body_of("GET", "/v1/status")["pools"][0]["pull"].is_null()) << "nobody waits for it";
}

TEST_F(ImageRoutes, GiveThePullOfAnEmptySlotThatWaitsForIt) {
  pulling();
  operations_.reasons[0] = {core::EmptyReason::kPulling, "", core::kNever};
  EXPECT_EQ(body_of("GET", "/v1/why/encode/0")["pull"]["image"], "encode:2");
  EXPECT_EQ(body_of("GET", "/v1/status")["empty_slots"][0]["reason"], "pulling");
  EXPECT_EQ(body_of("GET", "/v1/status")["empty_slots"][0]["pull"]["image"], "encode:2");
  operations_.reasons[0].reason = core::EmptyReason::kBackoff;
  EXPECT_TRUE(body_of("GET", "/v1/why/encode/0")["pull"].is_null());
}

TEST_F(ImageRoutes, FollowAPullToItsEnd) {
  operations_.silent = true;
  Response response = ask("POST", "/v1/images/pull", R"({"name": "encode:2"})");
  ASSERT_TRUE(response.feed);
  EXPECT_EQ(operations_.calls, std::vector<std::string>{"pull encode:2"});
  EXPECT_EQ(response.feed().bytes, "") << "the registry is being asked";
  operations_.pulling = {half_way("encode:2")};
  EXPECT_EQ(json::parse(response.feed().bytes)["pull"]["layers_done"], 3);
  operations_.pulling[0].took_ms += 100;
  EXPECT_EQ(response.feed().bytes, "") << "nothing has come";
  operations_.pulling[0].bytes_done += 1;
  EXPECT_NE(response.feed().bytes, "");
  operations_.answer_held();
  const FeedStep last = response.feed();
  EXPECT_TRUE(last.ended);
  EXPECT_EQ(json::parse(last.bytes)["image"]["digest"], "sha256:abc");
}

TEST_F(ImageRoutes, EndAPullThatFailedWithItsError) {
  operations_.refusal = Error{Refusal::kNotFound, "no such tag"};
  Response response = ask("POST", "/v1/images/pull", R"({"name": "encode:2"})");
  ASSERT_TRUE(response.feed);
  const FeedStep last = response.feed();
  EXPECT_TRUE(last.ended);
  EXPECT_EQ(json::parse(last.bytes)["error"]["code"], "not_found");
}

TEST_F(ImageRoutes, LetAPullGoOnWhenItsReaderIsGone) {
  operations_.silent = true;
  (void)ask("POST", "/v1/images/pull", R"({"name": "encode:2"})");
  operations_.answer_held();
}

TEST_F(ImageRoutes, RefuseAPullOfNothing) {
  for (const char* body : {"", "{}", R"({"name": ""})", R"({"name": 1})", R"({"nam": "a"})"}) {
    EXPECT_EQ(ask("POST", "/v1/images/pull", body).status, 422U) << body;
  }
  EXPECT_EQ(
      ask("POST", "/v1/images/pull", R"({"name": ")" + std::string(600, 'a') + R"("})").status,
      422U);
  EXPECT_EQ(ask("POST", "/v1/images/pull", "{").status, 400U);
  EXPECT_TRUE(operations_.calls.empty());
}

TEST_F(ImageRoutes, RemoveAndCollect) {
  EXPECT_EQ(body_of("DELETE", "/v1/images?name=encode%3A1")["images"][0]["name"], "encode:1");
  EXPECT_EQ(ask("DELETE", "/v1/images").status, 400U);
  operations_.collected = {{"old:1", "sha256:old", 7, "no pool has needed it for 9d", ""}};
  EXPECT_EQ(body_of("POST", "/v1/images/gc?dry_run=true")["images"][0]["why"],
            "no pool has needed it for 9d");
  (void)body_of("POST", "/v1/images/gc");
  EXPECT_EQ(ask("POST", "/v1/images/gc?dry_run=yes").status, 400U);
  EXPECT_EQ(operations_.calls, (std::vector<std::string>{"rm encode:1", "gc dry-run", "gc"}));
  operations_.refusal = Error{Refusal::kRefused, "image a is needed by encode (revision 4)"};
  EXPECT_EQ(ask("DELETE", "/v1/images?name=a").status, 409U);
}

TEST_F(ImageRoutes, ListImagesWithTheirUsers) {
  ImageRow row = image_row("encode:1");
  row.ours = true;
  row.used_by = {{"encode", 4, "current"}};
  operations_.image_rows = {row, image_row("old:1")};
  operations_.image_rows[1].unused_unix_ms = 1'700'000'000'000;
  const json images = body_of("GET", "/v1/images")["images"];
  EXPECT_EQ(images[0]["used_by"][0]["pool"], "encode");
  EXPECT_EQ(images[0]["ours"], true);
  EXPECT_TRUE(images[0]["unused_since"].is_null());
  EXPECT_EQ(images[1]["unused_since"], "2023-11-14T22:13:20.000Z");
}

TEST_F(ImageRoutes, GiveWhatTheDoctorFound) {
  operations_.checks = {{"clock", doctor::Status::kWarning, "it drifts", "wind it"}};
  const json checks = body_of("GET", "/v1/doctor")["checks"];
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0]["status"], "warning");
  EXPECT_EQ(checks[0]["fix"], "wind it");
}

TEST_F(ImageRoutes, ShowWhatTheRuntimeIsSetToDoFirst) {
  operations_.status.warnings = {"no group"};
  operations_.status.runtime_warnings = {"live-restore is off; turn it on"};
  const json warnings = body_of("GET", "/v1/status")["warnings"];
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0], "live-restore is off; turn it on");
}

}  // namespace
}  // namespace mayfly::control
