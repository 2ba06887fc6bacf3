#include "agent/control/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <fstream>

#include "agent/control/names.h"
#include "agent/control/tally.h"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;

/// Powers of two from 64 µs (a respawn) to 67 s (a slow create): bounds of the histograms
/// themselves, so that no bucket is a guess.
constexpr std::array<core::Duration, 21> kBounds = [] {
  std::array<core::Duration, 21> bounds{};
  core::Duration bound = 64us;
  for (core::Duration& each : bounds) {
    each = bound;
    bound *= 2;
  }
  return bounds;
}();

std::string number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return error == std::errc{} ? std::string(buffer.data(), end) : "NaN";
}

double seconds(core::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string_view type_word(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '"') {
      out += "\\\"";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void MetricsText::family(std::string_view name, MetricType type, std::string_view help) {
  family_ = name;
  text_ += "# HELP " + family_ + " " + std::string(help) + "\n";
  text_ += "# TYPE " + family_ + " " + std::string(type_word(type)) + "\n";
}

void MetricsText::line(std::string_view suffix, std::span<const Label> labels,
                       std::string_view value) {
  text_ += family_;
  text_ += suffix;
  char separator = '{';
  for (const auto& [key, label] : labels) {
    if (key.empty()) continue;
    text_ += separator;
    text_ += key;
    text_ += "=\"";
    append_escaped(text_, label);
    text_ += '"';
    separator = ',';
  }
  if (separator == ',') text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void MetricsText::sample(std::initializer_list<Label> labels, double value) {
  line("", labels, number(value));
}

void MetricsText::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  line("", labels, std::to_string(value));
}

void MetricsText::histogram(Label label, const agent::Histogram& histogram) {
  for (const core::Duration bound : kBounds) {
    const std::string le = number(seconds(bound));
    const std::array<Label, 2> labels{label, Label{"le", le}};
    line("_bucket", labels, std::to_string(histogram.at_most(bound)));
  }
  const std::array<Label, 2> infinite{label, Label{"le", "+Inf"}};
  line("_bucket", infinite, std::to_string(histogram.count()));
  line("_sum", {&label, 1}, number(seconds(histogram.sum())));
  line("_count", {&label, 1}, std::to_string(histogram.count()));
}

namespace {

using Pools = std::map<core::PoolName, core::Pool>;

void add_node(MetricsText& out, const Operations& operations) {
  const NodeStatus node = operations.node();
  out.family("mayfly_build_info", MetricType::kGauge, "The daemon and the runtime it drives.");
  out.sample({{"version", node.version}, {"runtime", node.runtime}}, std::uint64_t{1});
  out.family("mayfly_start_time_seconds", MetricType::kGauge, "Start of the daemon, unix time.");
  out.sample({}, static_cast<double>(node.started_unix_ms) / 1000.0);
  out.family("mayfly_runtime_up", MetricType::kGauge, "1 if the container runtime answers.");
  out.sample({}, std::uint64_t{operations.model().runtime_up ? 1U : 0U});
  out.family("mayfly_node_scheduling", MetricType::kGauge,
             "1 for how the node stands: open, cordoned, draining or drained.");
  for (const core::NodeState state : kNodeStates) {
    const bool is_so = operations.model().node_state == state;
    out.sample({{"state", name(state)}}, std::uint64_t{is_so ? 1U : 0U});
  }
  out.family("mayfly_warnings", MetricType::kGauge, "Warnings shown by mayfly status.");
  out.sample({}, std::uint64_t{node.warnings.size() + node.runtime_warnings.size()});
  out.family("mayfly_config_refused", MetricType::kGauge,
             "1 if the last reload was refused and the configuration before it is in force.");
  out.sample({}, std::uint64_t{node.config_fault.empty() ? 0U : 1U});
}

void add_webhook(MetricsText& out, const std::optional<WebhookStatus>& status) {
  const WebhookStatus webhook = status.value_or(WebhookStatus{});
  out.family("mayfly_webhook_events_total", MetricType::kCounter,
             "Events for the webhook that have ended.");
  out.sample({{"result", "sent"}}, webhook.sent);
  out.sample({{"result", "refused"}}, webhook.refused);
  out.sample({{"result", "dropped"}}, webhook.dropped);
  out.family("mayfly_webhook_events_waiting", MetricType::kGauge, "Those that are yet to be sent.");
  out.sample({}, webhook.waiting);
  out.family("mayfly_webhook_failing", MetricType::kGauge, "1 if the last try did not succeed.");
  out.sample({}, std::uint64_t{webhook.fault.empty() ? 0U : 1U});
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Not by the names that other exporters use for themselves: these may stand beside theirs.
void add_process(MetricsText& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  out.family("mayfly_process_cpu_seconds_total", MetricType::kCounter,
             "Cpu that the daemon has used.");
  out.sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  out.family("mayfly_process_resident_memory_bytes", MetricType::kGauge,
             "Memory that the daemon has.");
  out.sample({}, resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

void add_empty_slots(MetricsText& out, const Operations& operations, const core::Pool& pool) {
  std::map<core::EmptyReason, std::uint64_t> reasons;
  for (const auto& [index, slot] : pool.slots) {
    if (!slot.worker) ++reasons[operations.why(pool.settings.name, index).reason];
  }
  for (const core::EmptyReason reason : kEmptyReasons) {
    out.sample({{"pool", pool.settings.name}, {"state", "empty"}, {"reason", name(reason)}},
               reasons[reason]);
  }
}

void add_slots(MetricsText& out, const Operations& operations, const Tallies& tallies) {
  const Pools& pools = operations.model().pools;
  out.family("mayfly_replicas", MetricType::kGauge, "Workers wanted.");
  for (const auto& [pool, state] : pools) {
    out.sample({{"pool", pool}}, std::uint64_t{state.settings.replicas});
  }
  out.family("mayfly_slots", MetricType::kGauge, "Slots by state, and why the empty ones are.");
  for (const auto& [pool, state] : pools) {
    const Tally& tally = tallies.at(pool);
    out.sample({{"pool", pool}, {"state", "running"}, {"reason", ""}},
               std::uint64_t{tally.running});
    out.sample({{"pool", pool}, {"state", "stopping"}, {"reason", ""}},
               std::uint64_t{tally.stopping});
    add_empty_slots(out, operations, state);
  }
  out.family("mayfly_spares", MetricType::kGauge,
             "Started containers, held before their first instruction.");
  for (const auto& [pool, state] : pools) {
    const Tally& tally = tallies.at(pool);
    out.sample({{"pool", pool}, {"state", "ready"}}, std::uint64_t{tally.spares_ready});
    out.sample({{"pool", pool}, {"state", "starting"}}, std::uint64_t{tally.spares_starting});
  }
  out.family("mayfly_spares_wanted", MetricType::kGauge, "Spares that the pool tries to hold.");
  for (const auto& [pool, state] : pools) {
    out.sample({{"pool", pool}}, std::uint64_t{state.standby_target});
  }
}

struct CounterFamily {
  std::string_view name;
  std::string_view help;
  std::uint64_t core::Counters::*value;
};

constexpr CounterFamily kCounters[] = {
    {"mayfly_releases_total", "Workers let go from their gates.", &core::Counters::released},
    {"mayfly_spare_hits_total", "Slots that a ready spare filled at once.",
     &core::Counters::spare_hits},
    {"mayfly_spare_misses_total", "Slots that had to wait for a container.",
     &core::Counters::spare_misses},
    {"mayfly_starts_total", "Containers started.", &core::Counters::started},
    {"mayfly_start_failures_total", "Containers that could not be started.",
     &core::Counters::start_failures}};

void add_counters(MetricsText& out, const Pools& pools) {
  out.family("mayfly_exits_total", MetricType::kCounter, "Ended workers by exit class.");
  for (const auto& [pool, state] : pools) {
    for (const core::ExitClass exit_class : kExitClasses) {
      const auto found = state.counters.exits.find(exit_class);
      const std::uint64_t count = found == state.counters.exits.end() ? 0 : found->second;
      out.sample({{"pool", pool}, {"class", name(exit_class)}}, count);
    }
  }
  for (const CounterFamily& counter : kCounters) {
    out.family(counter.name, MetricType::kCounter, counter.help);
    for (const auto& [pool, state] : pools) {
      out.sample({{"pool", pool}}, state.counters.*counter.value);
    }
  }
}

struct HistogramFamily {
  std::string_view name;
  std::string_view help;
  agent::Histogram agent::PoolEvidence::*value;
};

constexpr HistogramFamily kHistograms[] = {
    {"mayfly_respawn_gap_seconds", "End of a slot's worker to the first instruction of the next.",
     &agent::PoolEvidence::gap},
    {"mayfly_respawn_decide_seconds", "Of the gap: end seen to release sent.",
     &agent::PoolEvidence::gap_decide},
    {"mayfly_respawn_exec_seconds", "Of the gap: release sent to the worker's own program.",
     &agent::PoolEvidence::gap_exec},
    {"mayfly_create_seconds", "Start of a container asked to held as a spare.",
     &agent::PoolEvidence::create}};

void add_histograms(MetricsText& out, const agent::Evidence& evidence) {
  for (const HistogramFamily& family : kHistograms) {
    out.family(family.name, MetricType::kHistogram, family.help);
    for (const auto& [pool, parts] : evidence.pools()) {
      out.histogram({"pool", pool}, parts.*family.value);
    }
  }
  out.family("mayfly_runtime_op_seconds", MetricType::kHistogram,
             "Calls to the container runtime.");
  for (const auto& [op, histogram] : evidence.runtime_ops) out.histogram({"op", op}, histogram);
  out.family("mayfly_leaks_total", MetricType::kCounter,
             "Things without an owner that were found and removed.");
  for (const auto& [kind, count] : evidence.leaks) out.sample({{"kind", kind}}, count);
}

void add_images(MetricsText& out, const agent::ImageCounters& images) {
  out.family("mayfly_image_pulls_total", MetricType::kCounter, "Pulls that have ended.");
  out.sample({{"result", "pulled"}}, images.pulled);
  out.sample({{"result", "failed"}}, images.failed);
  out.family("mayfly_image_pulled_bytes_total", MetricType::kCounter, "Sizes of pulled images.");
  out.sample({}, images.pulled_bytes);
  out.family("mayfly_images_removed_total", MetricType::kCounter, "Images removed again.");
  out.sample({}, images.removed);
  out.family("mayfly_images", MetricType::kGauge, "Images that Mayfly brought in and are here.");
  out.sample({}, images.kept);
  out.family("mayfly_image_bytes", MetricType::kGauge, "Their sizes.");
  out.sample({}, images.kept_bytes);
}

void add_pulls(MetricsText& out, const std::vector<Pull>& pulls) {
  std::uint64_t bytes = 0;
  for (const Pull& pull : pulls) bytes += pull.bytes_done;
  out.family("mayfly_image_pulls_inflight", MetricType::kGauge, "Pulls under way.");
  out.sample({}, std::uint64_t{pulls.size()});
  out.family("mayfly_image_pull_bytes", MetricType::kGauge, "Fetched by the pulls under way.");
  out.sample({}, bytes);
}

}  // namespace

std::string metrics_text(const Operations& operations) {
  MetricsText out;
  add_node(out, operations);
  add_webhook(out, operations.node().webhook);
  add_process(out);
  add_slots(out, operations, tally_pools(operations.model()));
  add_counters(out, operations.model().pools);
  add_histograms(out, operations.evidence());
  add_images(out, operations.evidence().images);
  add_pulls(out, operations.pulls());
  return out.take();
}

}  // namespace mayfly::control
