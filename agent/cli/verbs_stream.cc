#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/lines.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

using ShowLine = std::function<std::string(const Json& line)>;

/// A stream of JSON objects, one a line. An error in it is the stream's last line.
Outcome stream_lines(Context& context, const std::string& target, const ShowLine& show) {
  Lines lines;
  std::optional<Failure> failure;
  const auto take_line = [&](std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("error")) {
      failure = Failure{ExitCode::kError, printable(text(object(json, "error"), "message"))};
      return false;
    }
    context.out.write(context.format == Format::kJson ? std::string(line) + "\n" : show(json));
    return !context.out.closed();
  };
  const auto done = context.client.stream(
      target, [&](std::string_view bytes) { return lines.feed(bytes, take_line); });
  if (failure) return tl::unexpected(*failure);
  return done;
}

std::string log_query(const LogOptions& options) {
  std::string query = options.error_stream ? "?stream=stderr" : "?stream=stdout";
  if (options.follow) query += "&follow=true";
  if (options.tail) query += "&tail=" + std::to_string(*options.tail);
  return query;
}

Outcome worker_logs(Context& context, const std::string& name, const LogOptions& options) {
  return context.client.stream(
      "/v1/workers/" + percent_encoded(name) + "/logs" + log_query(options),
      [&context](std::string_view bytes) {
        context.out.write_foreign(bytes);
        return !context.out.closed();
      });
}

Outcome pool_logs(Context& context, const std::string& name, const LogOptions& options) {
  const auto show = [&context](const Json& line) {
    const std::string words = text(line, "line");
    return context.out.paint(Colour::kDim, printable(text(line, "worker"))) + "  " +
           (context.out.terminal() ? printable(words) : words) + "\n";
  };
  return stream_lines(context, "/v1/pools/" + percent_encoded(name) + "/logs" + log_query(options),
                      show);
}

}  // namespace

Outcome events(Context& context, const EventOptions& options) {
  std::string target = "/v1/events?follow=";
  target += options.follow ? "true" : "false";
  if (options.tail) target += "&tail=" + std::to_string(*options.tail);
  return stream_lines(context, target,
                      [&context](const Json& event) { return show_event(event, context.out); });
}

Outcome logs(Context& context, const std::string& name, const LogOptions& options) {
  auto done = pool_logs(context, name, options);
  if (done || done.error().code != ExitCode::kNotFound) return done;
  done = worker_logs(context, name, options);
  if (done || done.error().code != ExitCode::kNotFound) return done;
  return fail(ExitCode::kNotFound, "there is no pool \"" + printable(name) +
                                       "\", and no logs are kept of such a worker");
}

}  // namespace mayfly::cli
