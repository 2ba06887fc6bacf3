// The daemon's counters as Prometheus text (exposition format 0.0.4). No label names a worker, so
// the number of series depends on the number of pools alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "agent/control/operations.h"

namespace mayfly::control {

using Label = std::pair<std::string_view, std::string_view>;

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

/// Writes families one after the other: all samples of a family follow its head.
class MetricsText {
 public:
  void family(std::string_view name, MetricType type, std::string_view help);
  /// One sample of the family begun last.
  void sample(std::initializer_list<Label> labels, double value);
  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  /// Buckets at fixed bounds, in seconds, then sum and count.
  void histogram(Label label, const agent::Histogram& histogram);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, std::span<const Label> labels, std::string_view value);

  std::string family_;
  std::string text_;
};

[[nodiscard]] std::string metrics_text(const Operations& operations);

}  // namespace mayfly::control
