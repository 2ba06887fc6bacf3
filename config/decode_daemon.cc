#include "config/check.h"
#include "config/decode.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

constexpr std::size_t kLabelBytesMax = 16 * 1024;
constexpr std::size_t kRegistriesMax = 256;
constexpr std::size_t kWebhookEventBytesMax = 1024;
constexpr std::array<std::string_view, 1> kOnLosses{"keep"};
constexpr std::array<std::string_view, 3> kKinds{kContainerd, kDocker, kPodman};
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};

void decode_node(Section& in, Node& out) {
  in.text("name", out.name, check_node_name);
  in.map("labels", out.labels, {check_label, check_label}, kLabelBytesMax);
  in.duration("shutdown_drain", out.shutdown_drain, {0s, 24h});
}

/// Given here, or by an earlier file.
void refuse_containerd_keys(Section& in, const Runtime& out) {
  if (out.kind == kContainerd) return;
  const Runtime unset;
  const auto check = [&](const std::string& key, const std::string& value,
                         const std::string& unset_value) {
    if (in.find(key) != nullptr) {
      in.complain(key, "is a key of containerd alone; runtime.kind is \"" + out.kind + "\"");
    } else if (value != unset_value) {
      in.complain("kind", "is \"" + out.kind + "\", but runtime." + key +
                              " is set too, a key of containerd alone");
    }
  };
  check("namespace", out.name_space, unset.name_space);
  check("snapshotter", out.snapshotter, unset.snapshotter);
}

void decode_runtime(Section& in, Runtime& out) {
  if (const auto kind = in.pick("kind", kKinds)) out.kind = kKinds[*kind];
  in.text("socket", out.socket, check_optional_socket);
  in.text("namespace", out.name_space, check_identifier);
  in.text("snapshotter", out.snapshotter, check_identifier);
  in.text("cgroup_parent", out.cgroup_parent, check_path);
  in.integer("cpu_weight", out.cpu_weight, {1, 10'000});
  in.text("unit", out.unit, check_unit);
  in.text("gate", out.gate, check_optional_path);
  refuse_containerd_keys(in, out);
}

void decode_control(Section& in, Control& out) {
  in.text("socket", out.socket, check_optional_socket);
  in.text("group", out.group, check_group);
  in.text("read_socket", out.read_socket, check_read_socket);
  in.text("read_group", out.read_group, check_group);
  if (!out.socket.empty() && out.socket == out.read_socket) {
    in.complain("read_socket", "must be another path than control.socket");
  }
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

void decode_images(Section& in, Images& out) {
  in.text("docker_config", out.docker_config, check_optional_path);
  in.integer("layers_parallel", out.layers_parallel, {1, 16});
  in.duration("keep", out.keep, {1min, 8760h});
  in.percent("disk_free_min", out.disk_free_min_percent, {0, 90});
}

void decode_registry(Section& in, Registry& out) {
  in.flag("plain_http", out.plain_http);
  in.text("ca_file", out.ca_file, check_optional_path);
  in.text("username", out.username, check_username);
  in.text("password_file", out.password_file, check_optional_path);
  if (!out.username.empty() && out.password_file.empty()) {
    in.complain("username", "needs password_file, the file that holds its password");
  }
  if (out.username.empty() && !out.password_file.empty()) {
    in.complain("password_file", "needs username, whose password it holds");
  }
}

void decode_own_coordinator(Section& in, Coordinator& out) {
  decode_coordinator(in, out);
  if (const auto on_loss = in.pick("on_loss", kOnLosses)) out.on_loss = kOnLosses[*on_loss];
  in.duration("claim_ttl", out.claim_ttl, {10s, 1h});
  in.percent("shrink_max", out.shrink_max_percent, {1, 100});
}

void decode_webhook(Section& in, Webhook& out) {
  in.text("url", out.url, check_webhook_url);
  in.text("secret_file", out.secret_file, check_optional_path);
  in.text("ca_file", out.ca_file, check_optional_path);
  in.flag("plain_http", out.plain_http);
  in.texts("events", out.events, check_webhook_event, kWebhookEventBytesMax);
  in.require_both({"url", out.url}, {"secret_file", out.secret_file});
  if (out.url.starts_with("http://") && !out.plain_http) {
    in.complain("url", "has no TLS; that takes plain_http = true");
  }
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
  in.table("images", [&](Section& section) { decode_images(section, daemon.images); });
  in.named_tables("registries", {check_registry, kRegistriesMax},
                  [&](const std::string& name, Section& section) {
                    decode_registry(section, daemon.registries[name]);
                  });
  in.table("coordinator", [&](Section& each) { decode_own_coordinator(each, daemon.coordinator); });
  in.table("webhook", [&](Section& section) { decode_webhook(section, daemon.webhook); });
  in.table("log", [&](Section& section) { decode_log(section, daemon.log); });
  in.later("pools", "pools stand in pools.d/*.toml, one in each file");
  in.later("pool", "pools stand in pools.d/*.toml, one in each file");
  in.finish();
}

std::set<std::string> daemon_keys() {
  const Tree entry{.at = {}, .value = Table{}};
  const Tree registries{.at = {}, .value = Table{{"*", {}, entry}}};
  const Tree root{.at = {}, .value = Table{{"registries", {}, registries}}};
  Report report{"", Report::Style::kDotted};
  Daemon daemon;
  decode_daemon(root, daemon, report);
  return report.keys;
}

}  // namespace mayfly::config
