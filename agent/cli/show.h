// The API's answers as people read them. Pure: JSON in, text out.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/output.h"

namespace mayfly::cli {

using Json = nlohmann::ordered_json;

enum class Detail : std::uint8_t { kUsual, kWide };

[[nodiscard]] std::string show_status(const Json& status, const Output& out);
/// Of a node: "draining: 3 workers run, 1 is stopping, the deadline is in 58m; …"
[[nodiscard]] std::string scheduling_text(const Json& scheduling, const Output& out);
/// How many workers it has left: "3 workers run, 1 is stopping"
[[nodiscard]] std::string workers_left(const Json& scheduling);
[[nodiscard]] std::string show_pool(const Json& pool, const Output& out);
[[nodiscard]] std::string show_worker(const Json& worker, const Output& out);
[[nodiscard]] std::string show_why(const Json& why, const Output& out);

// Arrays of rows.
[[nodiscard]] std::string show_pools(const Json& rows, Detail detail, const Output& out);
[[nodiscard]] std::string show_workers(const Json& rows, Detail detail, const Output& out);
[[nodiscard]] std::string show_spares(const Json& rows, Detail detail, const Output& out);
[[nodiscard]] std::string show_exits(const Json& rows, Detail detail, const Output& out);
[[nodiscard]] std::string show_images(const Json& rows, Detail detail, const Output& out);
[[nodiscard]] std::string show_collected(const Json& rows, const Output& out);
[[nodiscard]] std::string show_checks(const Json& rows, const Output& out);
[[nodiscard]] std::string show_empty_slots(const Json& rows, const Output& out);

/// One line each.
[[nodiscard]] std::string show_event(const Json& event, const Output& out);
[[nodiscard]] std::string show_applied(const Json& result, const Output& out);
/// What would change, a line for each key.
[[nodiscard]] std::string show_diff(const Json& result, const Output& out);

/// What apply says: the change, and which image it is.
[[nodiscard]] std::string show_applied_image(const Json& result, const Output& out);

/// "12.3 MiB of 50.1 MiB, 3 of 8 layers, 21.0 MiB/s, 2s left"
[[nodiscard]] std::string pull_text(const Json& pull);

/// Of an empty slot: how far its pull is, else what the daemon says beside the reason.
[[nodiscard]] std::string slot_detail(const Json& slot);

/// "slot 3: its last worker failed (exit 1); next try in 2s"
[[nodiscard]] std::string empty_slot_line(const Json& slot);

}  // namespace mayfly::cli
