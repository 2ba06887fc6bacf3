#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/cli/fields.h"
#include "agent/cli/lines.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Where lines stay, they come no faster than this.
constexpr std::chrono::seconds kLineEvery{1};

void on_interrupt(int /*signal*/) {
  static constexpr std::string_view kText =
      "\nmayfly: the daemon goes on pulling; the same command shows it again\n";
  if (::write(STDERR_FILENO, kText.data(), kText.size()) < 0) _exit(1);
  _exit(128 + SIGINT);
}

ExitCode code_of(const std::string& word) {
  if (word == "not_found") return ExitCode::kNotFound;
  if (word == "refused") return ExitCode::kRefused;
  return word == "timed_out" ? ExitCode::kTimedOut : ExitCode::kError;
}

/// One pull, shown as it goes: a line that is drawn anew on a terminal, else a line now and then.
class PullProgress {
 public:
  explicit PullProgress(Context& context) : context_(context) {}

  /// False: it was the last line.
  bool take(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (context_.format == Format::kJson) context_.out.write(std::string(line) + "\n");
    if (json.contains("error")) {
      const Json& error = object(json, "error");
      outcome_ = fail(code_of(text(error, "code")), printable(text(error, "message")));
    } else if (json.contains("image")) {
      outcome_ = Outcome{};
      pulled(object(json, "image"));
    } else if (context_.format == Format::kTable || context_.format == Format::kWide) {
      show(object(json, "pull"));
    }
    return !outcome_ && !context_.out.closed();
  }

  [[nodiscard]] const std::optional<Outcome>& outcome() const { return outcome_; }
  void end_line() {
    if (std::exchange(drawn_, false)) context_.out.write("\n");
  }

 private:
  void show(const Json& pull) {
    const std::string line = printable(text(pull, "image")) + ": " + pull_text(pull);
    if (context_.out.terminal()) {
      context_.out.write("\r\x1b[K" + line);
      drawn_ = true;
      return;
    }
    if (shown_ && Clock::now() - *shown_ < kLineEvery) return;
    shown_ = Clock::now();
    context_.out.write(line + "\n");
  }

  void pulled(const Json& image) {
    end_line();
    const std::string name = printable(text(image, "name"));
    if (context_.format == Format::kName) return context_.out.write(name + "\n");
    if (context_.format == Format::kJson) return;
    context_.out.write("image " + name + " is " + printable(text(image, "digest")) + "\n");
  }

  Context& context_;
  std::optional<Outcome> outcome_;
  std::optional<Clock::time_point> shown_;
  bool drawn_ = false;
};

}  // namespace

Outcome image_pull(Context& context, const std::string& name) {
  std::signal(SIGINT, on_interrupt);
  PullProgress progress(context);
  Lines lines;
  const Request request{
      .method = "POST", .target = "/v1/images/pull", .body = Json{{"name", name}}.dump()};
  const auto done = context.client.stream(request, [&](std::string_view bytes) {
    return lines.feed(bytes, [&](std::string_view line) { return progress.take(line); });
  });
  progress.end_line();
  if (progress.outcome()) return *progress.outcome();
  if (!done) return done;
  return fail(ExitCode::kError, "the daemon went away; when it is back, the same command goes on");
}

Outcome image_remove(Context& context, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto answer = context.client.call(
        {.method = "DELETE", .target = "/v1/images?name=" + percent_encoded(name), .body = {}});
    if (!answer) return tl::unexpected(answer.error());
    if (context.format == Format::kJson) {
      print_json(context.out, *answer);
      continue;
    }
    for (const Json& image : array(*answer, "images")) {
      context.out.write((context.format == Format::kName ? "" : "removed ") +
                        printable(text(image, "name")) + "\n");
    }
  }
  return {};
}

Outcome image_collect(Context& context, Collect collect) {
  const bool dry_run = collect == Collect::kDryRun;
  const std::string target = dry_run ? "/v1/images/gc?dry_run=true" : "/v1/images/gc";
  const auto answer = context.client.call({.method = "POST", .target = target, .body = {}});
  if (!answer) return tl::unexpected(answer.error());
  const Json& images = array(*answer, "images");
  switch (context.format) {
    case Format::kJson:
      print_json(context.out, *answer);
      return {};
    case Format::kName:
      for (const Json& image : images) context.out.write(printable(text(image, "name")) + "\n");
      return {};
    case Format::kTable:
    case Format::kWide:
      context.out.write(show_collected(images, context.out));
      if (dry_run && !images.empty()) context.out.write("A dry run: nothing was removed.\n");
      return {};
  }
  return {};
}

Outcome image_import(Context& context, const std::string& file, const std::string& name) {
  const auto answer = context.client.upload(
      "/v1/images/import" + (name.empty() ? "" : "?name=" + percent_encoded(name)), file);
  if (!answer) return tl::unexpected(answer.error());
  if (context.format == Format::kJson) {
    print_json(context.out, *answer);
    return {};
  }
  for (const Json& image : array(*answer, "images")) {
    context.out.write((context.format == Format::kName ? "" : "imported ") +
                      printable(text(image, "name")) + "\n");
  }
  return {};
}

}  // namespace mayfly::cli
