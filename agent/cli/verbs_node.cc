#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

struct NodeVerb {
  const char* name;
  const char* done;  ///< "node n1 …"; "" = nothing is to be said
  const char* hint;  ///< "" = none
};

constexpr NodeVerb kCordon{"cordon", "cordoned",
                           ": what is there goes on; `mayfly node undrain` opens it again"};
constexpr NodeVerb kDrain{"drain", "", ""};  // how far it is says more
constexpr NodeVerb kUndrain{"undrain", "open", ""};

Outcome order(Context& context, const NodeVerb& verb, const Json& body) {
  const auto result = context.client.call(
      {.method = "POST", .target = std::string("/v1/node/") + verb.name, .body = body.dump()});
  if (!result) return tl::unexpected(result.error());
  switch (context.format) {
    case Format::kJson:
      context.out.write(result->dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
      return {};
    case Format::kName:
      context.out.write(printable(text(*result, "node")) + "\n");
      return {};
    case Format::kTable:
    case Format::kWide:
      break;
  }
  const bool changed = text(*result, "kind") == "changed";
  if (changed && *verb.done == '\0') return {};
  context.out.write("node " + printable(text(*result, "node")) + " " +
                    (changed ? context.out.paint(Colour::kGood, verb.done) + verb.hint
                             : context.out.paint(Colour::kDim, "unchanged")) +
                    "\n");
  return {};
}

Json body_of(const DrainOptions& options) {
  if (!options.deadline) return Json::object();
  if (options.deadline->count() == 0) return {{"force", true}};
  return {{"deadline_s", std::chrono::ceil<std::chrono::seconds>(*options.deadline).count()}};
}

}  // namespace

Outcome node_status(Context& context) {
  const auto answer = context.client.call({.target = "/v1/node", .body = {}});
  if (!answer) return tl::unexpected(answer.error());
  if (context.format == Format::kJson) {
    print_json(context.out, *answer);
  } else if (context.format == Format::kName) {
    context.out.write(printable(text(*answer, "node")) + "\n");
  } else {
    context.out.write("node " + printable(text(*answer, "node")) + " is " +
                      scheduling_text(object(*answer, "scheduling"), context.out) + "\n");
  }
  return {};
}

Outcome node_cordon(Context& context) {
  return order(context, kCordon, Json::object());
}

Outcome node_undrain(Context& context) {
  return order(context, kUndrain, Json::object());
}

Outcome node_drain(Context& context, const DrainOptions& options) {
  const auto ordered = order(context, kDrain, body_of(options));
  if (!ordered) return ordered;
  if (options.wait) return wait_until_drained(context, *options.wait);
  const bool for_people = context.format == Format::kTable || context.format == Format::kWide;
  return for_people ? node_status(context) : Outcome{};
}

}  // namespace mayfly::cli
