// Requests through the routes, as a caller may send them: a line "METHOD TARGET", a line with the
// content type, then the body. Whatever comes in: one answer, which is well formed.
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "agent/control/router.h"
#include "tests/agent/control/fake_operations.h"

namespace {

using namespace mayfly::control;

constexpr int kFeedSteps = 4;

struct World {
  World() {
    operations.add_pool("encode", 2);
    operations.add_running("encode", 0);
    operations.add_spare("encode");
    operations.add_event("encode", "released");
  }
  boost::asio::io_context loop;
  FakeOperations operations{loop};
};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Response& response) {
  require(response.status >= 200 && response.status < 600);
  if (response.feed) {
    for (int step = 0; step < kFeedSteps && !response.feed().ended; ++step) {
    }
    return;
  }
  if (response.content_type == "application/json") require(nlohmann::json::accept(response.body));
  if (response.status == 405) require(!response.allow.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view target = take_line(text);
  const std::size_t space = target.find(' ');
  const std::string_view method = target.substr(0, space);
  target.remove_prefix(space == std::string_view::npos ? target.size() : space + 1);
  Request request;
  request.content_type = std::string(take_line(text));
  request.body = std::string(text);
  request.unix_ms = 1'700'000'000'000;

  const auto match = find_route(method, target);
  if (!match) {
    check(match.error());
    return 0;
  }
  int answers = 0;
  answer(*match, request, world.operations, [&answers](const Response& response) {
    ++answers;
    check(response);
  });
  require(answers == 1);
  world.operations.calls.clear();
  return 0;
}
