// The daemon's state as JSON, as the API gives it. Pure: reads, never asks for anything to be done.
// Durations end in their unit; times are RFC 3339 in UTC, and numbers of milliseconds beside them
// where people count with them.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/clock.h"
#include "agent/control/operations.h"

namespace mayfly::control {

using Json = nlohmann::ordered_json;

/// At most this many empty slots are listed by `status`; the rest is counted.
inline constexpr std::size_t kEmptySlotsListed = 100;

enum class WorkerRole : std::uint8_t { kWorker, kSpare };

[[nodiscard]] Json status_view(const Operations& operations, Moment moment);
/// Whether the node takes anything on, and how far its drain is.
[[nodiscard]] Json scheduling_view(const Operations& operations, Moment moment);
[[nodiscard]] Json version_view(const NodeStatus& node);
[[nodiscard]] Json pools_view(const Operations& operations, Moment moment);
/// REQUIRES: the pool exists in the model.
[[nodiscard]] Json pool_view(const Operations& operations, const PoolDetail& detail, Moment moment);

/// `pool`: "" = all.
[[nodiscard]] Json workers_view(const Operations& operations, WorkerRole role,
                                const std::string& pool, Moment moment);
[[nodiscard]] Json worker_view(const Operations& operations, const core::Worker& worker,
                               Moment moment);

/// REQUIRES: the pool exists.
[[nodiscard]] Json why_pool_view(const Operations& operations, const std::string& pool,
                                 Moment moment);
/// REQUIRES: the pool and the slot exist.
[[nodiscard]] Json why_slot_view(const Operations& operations, const std::string& pool,
                                 core::SlotIndex slot, Moment moment);
/// Every slot of the pool without a worker, at most `limit`.
[[nodiscard]] std::vector<Json> empty_slots(const Operations& operations, const std::string& pool,
                                            std::size_t limit, Moment moment);

[[nodiscard]] Json exit_view(const store::Exit& exit);
[[nodiscard]] Json event_view(const Operations& operations, const agent::NumberedTransition& event);
[[nodiscard]] Json apply_view(const ApplyResult& result);
[[nodiscard]] Json image_view(const ImageRow& row);
[[nodiscard]] Json pull_view(const Pull& pull);
[[nodiscard]] Json collected_view(const CollectedRow& row);
[[nodiscard]] Json doctor_view(const std::vector<doctor::Check>& checks);

/// What each pool's wanted revision waits for; pools that wait for no pull are not in it.
using PullsByPool = std::map<std::string, Json>;
[[nodiscard]] PullsByPool pulls_by_pool(const std::vector<Pull>& pulls);
/// null: it waits for none.
[[nodiscard]] Json pull_of(const PullsByPool& pulls, const std::string& pool);

/// Quantile in µs over several pools' histograms; 0 with nothing counted.
[[nodiscard]] std::int64_t quantile_us(const std::vector<const agent::Histogram*>& parts, double q);

/// One line; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string render(const Json& json);

}  // namespace mayfly::control
