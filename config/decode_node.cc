#include <algorithm>
#include <array>

#include "config/decode.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

using Scheduling = NodeOrder::Scheduling;

constexpr std::array<Choice<Scheduling>, 3> kSchedulings{{{"open", Scheduling::kOpen},
                                                          {"cordoned", Scheduling::kCordoned},
                                                          {"drained", Scheduling::kDrained}}};
constexpr std::uint32_t kDeadlineMaxS = 365U * 24 * 3600;
constexpr std::size_t kIdBytesMax = 64;

std::string check_id(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= kIdBytesMax &&
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return good ? "" : "must be 1 to 64 printable characters without spaces";
}

void decode_deadline(Section& in, NodeOrder& order) {
  bool force = false;
  in.flag("force", force);
  std::uint32_t seconds = 0;
  const bool given = in.find("deadline_s") != nullptr;
  in.integer("deadline_s", seconds, {0, kDeadlineMaxS});
  if (force && given) in.complain("force", "must not stand beside deadline_s");
  if (force || given) order.deadline = std::chrono::seconds(seconds);
}

}  // namespace

void decode_drain(const Tree& root, NodeOrder& order, Report& report) {
  Section in{root, {}, report};
  order.scheduling = Scheduling::kDrained;
  decode_deadline(in, order);
  in.finish();
}

void decode_node_order(const Tree& root, NodeOrder& order, Report& report) {
  Section in{root, {}, report};
  in.require("scheduling");
  in.choice("scheduling", order.scheduling, kSchedulings);
  in.require("id");
  in.text("id", order.id, check_id);
  decode_deadline(in, order);
  if (order.deadline && order.scheduling != Scheduling::kDrained) {
    in.complain("scheduling", "must be \"drained\" where there is a deadline or force");
  }
  in.finish();
}

}  // namespace mayfly::config
