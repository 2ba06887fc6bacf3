#include "config/check.h"
#include "config/decode.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

constexpr std::size_t kLabelBytesMax = 16 * 1024;
constexpr std::array<std::string_view, 2> kKinds{"containerd", "docker"};
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};

void decode_node(Section& in, Node& out) {
  in.text("name", out.name, check_node_name);
  in.map("labels", out.labels, {check_label, check_label}, kLabelBytesMax);
}

void decode_runtime(Section& in, Runtime& out) {
  if (const auto kind = in.pick("kind", kKinds)) {
    out.kind = kKinds[*kind];
    if (*kind == 1) in.complain("kind", "\"docker\" is not supported by this version");
  }
  in.text("socket", out.socket, check_socket);
  in.text("namespace", out.name_space, check_identifier);
  in.text("snapshotter", out.snapshotter, check_identifier);
  in.text("cgroup_parent", out.cgroup_parent, check_path);
  in.integer("cpu_weight", out.cpu_weight, {1, 10'000});
  in.text("gate", out.gate, check_optional_path);
}

void decode_control(Section& in, Control& out) {
  in.text("socket", out.socket, check_optional_socket);
  in.text("group", out.group, check_group);
}

void decode_starts(Section& in, Starts& out) {
  in.integer("parallel", out.parallel, {0, 64});
  in.number("rate", out.rate, {0, 1000});
  in.integer("burst", out.burst, {1, 10'000});
}

void decode_history(Section& in, History& out) {
  in.integer("exits", out.exits, {0, 1'000'000});
  in.duration("age", out.age, {1min, 8760h});
}

void decode_log(Section& in, Log& out) {
  if (const auto level = in.pick("level", kLevels)) out.level = kLevels[*level];
}

}  // namespace

void decode_daemon(const Tree& root, Daemon& daemon, Report& report) {
  Section in{root, {}, report};
  in.table("node", [&](Section& section) { decode_node(section, daemon.node); });
  in.table("runtime", [&](Section& section) { decode_runtime(section, daemon.runtime); });
  in.table("control", [&](Section& section) { decode_control(section, daemon.control); });
  in.table("starts", [&](Section& section) { decode_starts(section, daemon.starts); });
  in.table("loop", [&](Section& section) { section.flag("realtime", daemon.loop.realtime); });
  in.table("history", [&](Section& section) { decode_history(section, daemon.history); });
  in.table("log", [&](Section& section) { decode_log(section, daemon.log); });
  in.later("coordinator", "a node works without one");
  in.later("pools", "pools stand in pools.d/*.toml, one in each file");
  in.later("pool", "pools stand in pools.d/*.toml, one in each file");
  in.finish();
}

std::set<std::string> daemon_keys() {
  const Tree root{.at = {}, .value = Table{}};
  Report report{"", Report::Style::kDotted};
  Daemon daemon;
  decode_daemon(root, daemon, report);
  return report.keys;
}

}  // namespace mayfly::config
