#include "runtime/docker/events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/docker/json.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;

constexpr auto kBackoffMin = 1s;
constexpr auto kBackoffMax = 60s;
constexpr std::size_t kLineMax = 64 << 10;

}  // namespace

std::optional<Event> read_event(std::string_view line) {
  const auto document = parse(line);
  const auto& actor = member(document, "Actor");
  Event event{text(document, "Action"), text(actor, "ID"),
              text(member(actor, "Attributes"), "name")};
  if (event.action.empty() || event.name.empty()) return std::nullopt;
  return event;
}

void Lines::take(std::string_view bytes, const Each& each) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    is_too_long_ = is_too_long_ || rest_.size() + piece.size() > bytes_max_;
    if (is_too_long_) {
      rest_.clear();
    } else {
      rest_.append(piece);
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const auto line = std::exchange(rest_, {});
    if (!std::exchange(is_too_long_, false) && !line.empty()) each(line);
  }
}

void Lines::clear() {
  rest_.clear();
  is_too_long_ = false;
}

std::string owned_filter(const runtime::Ownership& owned) {
  return Json{{"label", {owned.label + "=" + owned.value}}}.dump();
}

Events::Events(boost::asio::io_context& loop, Engine& engine, const runtime::Ownership& owned,
               OnEvent on_event)
    : engine_(engine),
      on_event_(std::move(on_event)),
      lines_(kLineMax),
      again_(loop),
      backoff_(kBackoffMin),
      alive_(std::make_shared<char>()) {
  auto filter = Json{{"type", {"container"}},
                     {"label", {owned.label + "=" + owned.value}},
                     // Docker's words, and Podman's.
                     {"event", {"die", "oom", "destroy", "died", "remove"}}};
  path_ = "/events?filters=" + http::percent_encoded(filter.dump());
}

void Events::subscribe() {
  if (stream_) engine_.cancel(*stream_);
  again_.cancel();
  lines_.clear();
  Call call;
  call.path = path_;
  auto piece = [this](std::string_view bytes) { take(bytes); };
  stream_ =
      engine_.stream(call, {{}, std::move(piece)}, [this](const http::Reply& how) { ended(how); });
}

void Events::take(std::string_view bytes) {
  backoff_ = kBackoffMin;
  std::vector<Event> events;
  lines_.take(bytes, [&](std::string_view line) {
    if (auto event = read_event(line)) events.push_back(std::move(*event));
  });
  const auto alive = std::weak_ptr(alive_);  // who is told may do anything
  for (const auto& event : events) {
    if (!alive.expired()) on_event_(event);
  }
}

/// With the daemon, most often. Where only the stream has ended, there will be another.
void Events::ended(const http::Reply& how) {
  stream_.reset();
  again_.expires_after(backoff_);
  backoff_ = std::min<std::chrono::milliseconds>(backoff_ * 2, kBackoffMax);
  again_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired()) subscribe();
  });
  if (!how || how->status == 200)
    engine_.doubt(how ? "it ended the stream of events" : how.error().what);
}

}  // namespace mayfly::docker
