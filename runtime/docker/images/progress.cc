#include "runtime/docker/images/progress.h"

#include <algorithm>

#include "runtime/docker/answers.h"
#include "runtime/docker/json.h"

namespace mayfly::docker {

bool Progress::take(std::string_view line) {
  const auto document = parse(line);
  auto fault = text(member(document, "errorDetail"), "message");
  if (fault.empty()) fault = text(document, "error");
  if (!fault.empty()) fault_ = one_line(fault);
  const auto id = text(document, "id");
  const auto status = text(document, "status");
  // "Pulling from …" has the tag for an id.
  if (id.empty() || status.empty() || status.starts_with("Pulling from")) return false;
  bool further = !layers_.contains(id);
  if (further && layers_.size() >= kLayersMax) return false;
  auto& layer = layers_[id];
  const auto& detail = member(document, "progressDetail");
  const auto current = number(detail, "current");
  if (status == "Downloading") {
    further = further || current > layer.done;
    layer.done = std::max(layer.done, current);
    layer.total = std::max({layer.total, layer.done, number(detail, "total")});
    return further;
  }
  if (status == "Extracting") {
    further = further || current > layer.extracted;
    layer.extracted = std::max(layer.extracted, current);
    layer.done = layer.total;
    return further;
  }
  const bool is_ready = status == "Pull complete" || status == "Already exists";
  if (!is_ready && status != "Download complete" && status != "Verifying Checksum") return further;
  layer.ready = layer.ready || is_ready;
  layer.done = layer.total;
  return true;
}

void Progress::tell(runtime::Pulling& pulling, std::uint64_t bytes_total_known) const {
  pulling.bytes_done = 0;
  pulling.bytes_total = 0;
  pulling.layers_done = 0;
  for (const auto& [id, layer] : layers_) {
    pulling.bytes_done += layer.done;
    pulling.bytes_total += layer.total;
    if (layer.ready) ++pulling.layers_done;
  }
  pulling.bytes_total = std::max(pulling.bytes_total, bytes_total_known);
  pulling.layers_total = static_cast<std::uint32_t>(layers_.size());
}

}  // namespace mayfly::docker
