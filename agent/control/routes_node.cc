// Handlers of the node itself: cordon, drain, undrain, and how far that is.
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/reply.h"
#include "agent/control/router.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

using config::NodeOrder;

void order(const Call& call, const NodeOrder& wanted) {
  call.operations.order_node(
      wanted, reply_with<NodeResult>(
                  call.respond, [&operations = call.operations](const NodeResult& result) {
                    return Json{{"node", operations.node().node}, {"kind", name(result.kind)}};
                  }));
}

void order_without_body(const Call& call, NodeOrder::Scheduling scheduling) {
  const auto body = parse_object(call.request.body, "");
  if (!body) return call.respond(body.error());
  order(call, {.scheduling = scheduling, .deadline = {}, .id = {}});
}

}  // namespace

void get_node(const Call& call) {
  call.respond(json_response({{"node", call.operations.node().node},
                              {"scheduling", scheduling_view(call.operations, call.moment())}}));
}

void post_node_cordon(const Call& call) {
  order_without_body(call, NodeOrder::Scheduling::kCordoned);
}

void post_node_undrain(const Call& call) {
  order_without_body(call, NodeOrder::Scheduling::kOpen);
}

void post_node_drain(const Call& call) {
  const std::string& body = call.request.body;
  const auto wanted = config::parse_drain_json(body.empty() ? "{}" : body);
  if (!wanted) return call.respond(faults_response(wanted.error()));
  order(call, *wanted);
}

}  // namespace mayfly::control
