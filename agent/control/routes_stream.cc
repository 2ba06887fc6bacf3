// Handlers whose answers may go on: events and logs. Each is a feed that is pulled as its reader
// takes it; what it has not read yet stays where it is (the ring of events, the worker's log file).
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/control/reply.h"
#include "agent/control/router.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

constexpr std::size_t kEventsPerStep = 256;
constexpr std::uint64_t kTailMax = 16ULL * 1024 * 1024;

struct Follow {
  bool on = false;
  std::optional<std::uint64_t> tail;
};

tl::expected<Follow, Response> parse_follow(const Call& call) {
  Follow out;
  const std::string follow = call.query("follow");
  if (!follow.empty() && follow != "true" && follow != "false") {
    return tl::unexpected(error_response(400, "bad_request", "follow must be true or false"));
  }
  out.on = follow == "true";
  if (const std::string tail = call.query("tail"); !tail.empty()) {
    out.tail = parse_number(tail);
    if (!out.tail || *out.tail > kTailMax) {
      return tl::unexpected(error_response(400, "bad_request", "tail must be a number"));
    }
  }
  return out;
}

Response feed_response(std::string_view content_type, Feed feed) {
  Response response;
  response.content_type = content_type;
  response.feed = std::move(feed);
  return response;
}

// ---- events ---------------------------------------------------------------------------------

std::string too_slow_line() {
  return error_response(0, "too_slow",
                        "events came faster than they were read and some are gone; follow again")
      .body;
}

/// Events with number > `after`. A hole in the numbers: the ring has run ahead of the reader.
struct EventFeed {
  Operations& operations;
  std::uint64_t after = 0;
  bool follow = false;
  bool first = true;

  FeedStep operator()() {
    FeedStep step;
    const auto events = operations.evidence().since(after, kEventsPerStep);
    if (!first && !events.empty() && events.front().number != after + 1) {
      return {too_slow_line(), true};
    }
    for (const auto& event : events) {
      step.bytes += render(event_view(operations, event)) + "\n";
      after = event.number;
    }
    first = false;
    step.ended = !follow && events.size() < kEventsPerStep;
    return step;
  }
};

// ---- logs -----------------------------------------------------------------------------------

tl::expected<logs::Stream, Response> parse_stream(const Call& call) {
  const std::string stream = call.query("stream");
  if (stream.empty() || stream == "stdout") return logs::Stream::kStdout;
  if (stream == "stderr") return logs::Stream::kStderr;
  return tl::unexpected(error_response(400, "bad_request", "stream must be stdout or stderr"));
}

struct LogQuery {
  logs::Stream stream = logs::Stream::kStdout;
  Follow follow;
};

tl::expected<LogQuery, Response> parse_log_query(const Call& call) {
  const auto stream = parse_stream(call);
  if (!stream) return tl::unexpected(stream.error());
  const auto follow = parse_follow(call);
  if (!follow) return tl::unexpected(follow.error());
  return LogQuery{*stream, *follow};
}

/// The last `lines` lines; all of it without a number.
std::string last_lines(std::string text, std::optional<std::uint64_t> lines) {
  if (!lines) return text;
  std::size_t from = text.size();
  if (from > 0 && text[from - 1] == '\n') --from;
  for (std::uint64_t i = 0; i < *lines; ++i) {
    if (from == 0) return text;
    const std::size_t end = text.rfind('\n', from - 1);
    if (end == std::string::npos) return text;
    from = end;
  }
  return text.substr(std::min(from + 1, text.size()));
}

/// One worker's stream, for one step of a feed.
struct Source {
  const logs::Logs& logs;
  const std::string& pool;
  const std::string& worker;
  logs::Stream stream;

  /// What follows `offset`, which is moved past it.
  [[nodiscard]] std::string read(std::uint64_t& offset) const {
    logs::Logs::Chunk chunk = logs.read(pool, worker, stream, offset);
    offset = chunk.next;
    return std::move(chunk.bytes);
  }
  /// All that is kept of it.
  [[nodiscard]] std::string read_all(std::uint64_t& offset) const {
    std::string text;
    while (text.size() < kTailMax) {
      const std::string bytes = read(offset);
      if (bytes.empty()) break;
      text += bytes;
    }
    return text;
  }
};

bool lives(const Operations& operations, const std::string& worker) {
  const auto id = operations.worker_id(worker);
  const auto& workers = operations.model().workers;
  const auto found = id ? workers.find(*id) : workers.end();
  return found != workers.end() && !found->second.exited;
}

/// One worker's stream as it is. With `follow` it ends when the worker has.
struct WorkerLogFeed {
  Operations& operations;
  std::string pool;
  std::string worker;
  LogQuery query;
  std::uint64_t offset = 0;
  bool begun = false;

  FeedStep operator()() {
    // Asked before reading: what it wrote before it ended is still read.
    const bool more_may_come = query.follow.on && lives(operations, worker);
    const Source source{operations.logs(), pool, worker, query.stream};
    FeedStep step;
    if (!std::exchange(begun, true) && query.follow.tail) {
      step.bytes = last_lines(source.read_all(offset), query.follow.tail);
      return step;
    }
    step.bytes = source.read(offset);
    step.ended = step.bytes.empty() && !more_may_come;
    return step;
  }
};

/// Whole lines of all workers of a pool that have logs, as {"worker": …, "line": …}. Workers take
/// turns, so that one that floods does not silence the others, and a step stays small.
struct PoolLogFeed {
  struct Part {
    std::uint64_t offset = 0;
    std::string rest;  ///< a line not yet ended
    bool begun = false;
  };
  static constexpr std::size_t kLineMax = 64UL * 1024;
  static constexpr std::size_t kStepBytes = 256UL * 1024;

  Operations& operations;
  std::string pool;
  LogQuery query;
  std::map<std::string, Part> parts;
  std::size_t turn = 0;

  FeedStep operator()() {
    const std::vector<std::string> kept = operations.logs().kept(pool);
    std::erase_if(parts, [&kept](const auto& part) {
      return std::find(kept.begin(), kept.end(), part.first) == kept.end();
    });
    FeedStep step;
    bool news = false;
    for (std::size_t i = 0; i < kept.size() && step.bytes.size() < kStepBytes; ++i) {
      const std::string& worker = kept[turn++ % kept.size()];
      news = advance(worker, parts[worker], step.bytes) || news;
    }
    step.ended = query.follow.on ? !operations.model().pools.contains(pool) : !news;
    if (step.ended) {
      for (auto& [worker, part] : parts) end_line(step.bytes, worker, part);
    }
    return step;
  }

  /// False: nothing new.
  bool advance(const std::string& worker, Part& part, std::string& out) const {
    const bool at_tail = !part.begun && query.follow.tail;
    part.begun = true;
    const Source source{operations.logs(), pool, worker, query.stream};
    const std::string bytes = at_tail ? last_lines(source.read_all(part.offset), query.follow.tail)
                                      : source.read(part.offset);
    part.rest += bytes;
    add_lines(out, worker, part);
    if (bytes.empty() && !lives(operations, worker)) end_line(out, worker, part);
    return !bytes.empty();
  }

  /// Moves whole lines from `part.rest` to `out`; a line that is too long is cut into several.
  static void add_lines(std::string& out, const std::string& worker, Part& part) {
    std::size_t from = 0;
    while (true) {
      const std::size_t newline = part.rest.find('\n', from);
      const std::size_t end = std::min(newline, from + kLineMax);
      if (end >= part.rest.size()) break;
      const std::string line = part.rest.substr(from, end - from);
      out += render(Json{{"worker", worker}, {"line", line}}) + "\n";
      from = end + (end == newline ? 1 : 0);
    }
    part.rest.erase(0, from);
  }

  static void end_line(std::string& out, const std::string& worker, Part& part) {
    if (part.rest.empty()) return;
    part.rest += '\n';
    add_lines(out, worker, part);
  }
};

/// The pool whose logs may hold this worker's: also of one that has ended.
std::optional<std::string> pool_of(const Operations& operations, const std::string& worker) {
  const auto id = operations.worker_id(worker);
  if (id) {
    const auto found = operations.model().workers.find(*id);
    if (found != operations.model().workers.end()) return found->second.pool;
  }
  for (const auto& [name, pool] : operations.model().pools) {
    const auto kept = operations.logs().kept(name);
    if (std::find(kept.begin(), kept.end(), worker) != kept.end()) return name;
  }
  return std::nullopt;
}

}  // namespace

void get_events(const Call& call) {
  const auto follow = parse_follow(call);
  if (!follow) return call.respond(follow.error());
  std::uint64_t after = 0;
  if (const std::string text = call.query("after"); !text.empty()) {
    const auto number = parse_number(text);
    if (!number) return call.respond(error_response(400, "bad_request", "after must be a number"));
    after = *number;
  }
  if (follow->tail) {
    const std::uint64_t last = call.operations.evidence().last_number();
    after = std::max(after, last > *follow->tail ? last - *follow->tail : 0);
  }
  call.respond(
      feed_response("application/x-ndjson", EventFeed{call.operations, after, follow->on}));
}

void get_worker_logs(const Call& call) {
  const auto query = parse_log_query(call);
  if (!query) return call.respond(query.error());
  const std::string& worker = call.captured();
  const auto pool = pool_of(call.operations, worker);
  if (!pool) {
    return call.respond(
        error_response(404, "not_found", "no logs are kept of a worker \"" + worker + "\""));
  }
  call.respond(feed_response("application/octet-stream",
                             WorkerLogFeed{call.operations, *pool, worker, *query}));
}

void get_pool_logs(const Call& call) {
  const auto query = parse_log_query(call);
  if (!query) return call.respond(query.error());
  const std::string& pool = call.captured();
  if (!call.operations.model().pools.contains(pool)) {
    return call.respond(error_response(404, "not_found", no_such_pool(pool)));
  }
  call.respond(
      feed_response("application/x-ndjson", PoolLogFeed{call.operations, pool, *query, {}}));
}

}  // namespace mayfly::control
