// Tables.
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/table.h"
#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

Colour colour_of_state(const std::string& state) {
  if (state == "full" || state == "running") return Colour::kGood;
  if (state == "failing" || state == "uncertain") return Colour::kBad;
  if (state == "filling" || state == "updating" || state == "starting") return Colour::kBusy;
  return Colour::kDim;
}

Colour colour_of_class(const std::string& exit_class) {
  if (exit_class == "done") return Colour::kGood;
  if (exit_class == "ours" || exit_class == "idle") return Colour::kDim;
  return Colour::kBad;
}

std::string us(const Json& row, const char* key) {
  const auto value = number(row, key);
  return value ? human_us(*value) : "";
}

/// Of a quantile: 0 means that nothing has been measured yet.
std::string quantile(const Json& row, const char* key) {
  return number(row, key).value_or(0) == 0 ? "" : us(row, key);
}

std::string age(const Json& row, const char* key) {
  const auto value = number(row, key);
  return value ? human_age(*value) : "";
}

std::string revision(const Json& row) {
  const std::string wanted = text(row, "revision");
  const std::string active = text(row, "active_revision");
  if (active == wanted || active.empty()) return wanted;
  return active == "0" ? wanted + " (not ready)" : active + "→" + wanted;
}

std::string per_second(const Json& row) {
  std::string value = std::to_string(real(row, "respawns_per_s"));
  return value.substr(0, value.find('.') + 2);
}

std::string spares(const Json& row) {
  return text(row, "spares_ready") + "/" + text(row, "spares_wanted");
}

/// "exit 3", "signal 9", "unknown"
std::string status(const Json& row) {
  if (const auto signal = number(row, "signal"); signal && *signal != 0) {
    return "signal " + std::to_string(*signal);
  }
  if (const auto code = number(row, "code")) return "exit " + std::to_string(*code);
  return "unknown";
}

/// "2026-11-23T17:18:03.042Z" → "17:18:03.042"
std::string time_of_day(const std::string& at) {
  const std::size_t from = at.find('T');
  if (from == std::string::npos || at.empty()) return at;
  return at.substr(from + 1, at.size() - from - 2);
}

std::string last_line(const std::string& tail) {
  const std::size_t end = tail.find_last_not_of("\r\n");
  if (end == std::string::npos) return "";
  const std::size_t begin = tail.rfind('\n', end);
  return tail.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

std::string cut(std::string value, std::size_t bytes) {
  if (value.size() <= bytes) return value;
  while (bytes > 0 && (static_cast<unsigned char>(value[bytes]) & 0xc0U) == 0x80U) --bytes;
  return value.substr(0, bytes) + "…";
}

std::string none(const char* what) {
  return "No " + std::string(what) + ".\n";
}

constexpr std::size_t kReasonMax = 60;

}  // namespace

std::string show_pools(const Json& rows, Detail detail, const Output& out) {
  if (rows.empty()) return none("pools; `mayfly apply -f FILE` makes one");
  const bool wide = detail == Detail::kWide;
  std::vector<Column> columns{{"POOL"},
                              {"STATE"},
                              {"WORKERS", Align::kRight},
                              {"SPARES", Align::kRight},
                              {"REVISION", Align::kRight},
                              {"RESPAWNS/S", Align::kRight},
                              {"GAP P50", Align::kRight},
                              {"GAP P99", Align::kRight},
                              {"FAILED", Align::kRight}};
  if (wide) {
    for (const char* title : {"DONE", "OURS", "LOST", "HITS", "MISSES", "OUTDATED"}) {
      columns.push_back({title, Align::kRight});
    }
  }
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const Json& exits = object(row, "exits");
    const std::string state = text(row, "state");
    std::vector<Cell> cells{text(row, "name"),
                            Cell(state, colour_of_state(state)),
                            text(row, "running") + "/" + text(row, "replicas"),
                            spares(row),
                            revision(row),
                            per_second(row),
                            quantile(row, "gap_p50_us"),
                            quantile(row, "gap_p99_us"),
                            text(exits, "fail")};
    if (wide) {
      for (const char* key : {"done", "ours", "lost"}) cells.emplace_back(text(exits, key));
      for (const char* key : {"spare_hits", "spare_misses", "outdated"}) {
        cells.emplace_back(text(row, key));
      }
    }
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_workers(const Json& rows, Detail detail, const Output& out) {
  if (rows.empty()) return none("workers");
  const bool wide = detail == Detail::kWide;
  std::vector<Column> columns{{"WORKER"},
                              {"POOL"},
                              {"SLOT", Align::kRight},
                              {"PHASE"},
                              {"REVISION", Align::kRight},
                              {"AGE", Align::kRight},
                              {"GAP", Align::kRight}};
  if (wide) {
    for (const char* title : {"ADOPTED", "STOPPED BY", "FAULT"}) columns.push_back({title});
  }
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const std::string phase = text(row, "phase");
    std::vector<Cell> cells{text(row, "name"),        text(row, "pool"),
                            text(row, "slot"),        Cell(phase, colour_of_state(phase)),
                            text(row, "revision"),    age(row, "age_ms"),
                            us(row, "respawn_gap_us")};
    if (wide) {
      cells.emplace_back(flag(row, "adopted") ? "yes" : "no");
      cells.emplace_back(text(row, "stop_reason"));
      cells.emplace_back(text(row, "fault"));
    }
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_spares(const Json& rows, Detail detail, const Output& out) {
  if (rows.empty()) return none("spares");
  std::vector<Column> columns{
      {"SPARE"}, {"POOL"}, {"PHASE"}, {"REVISION", Align::kRight}, {"AGE", Align::kRight}};
  if (detail == Detail::kWide) columns.push_back({"FAULT"});
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const bool ready = text(row, "phase") == "held" && flag(row, "gate_ready");
    const std::string phase = ready ? "ready" : text(row, "phase");
    std::vector<Cell> cells{text(row, "name"), text(row, "pool"),
                            Cell(phase, ready ? Colour::kGood : colour_of_state(phase)),
                            text(row, "revision"), age(row, "age_ms")};
    if (detail == Detail::kWide) cells.emplace_back(text(row, "fault"));
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_exits(const Json& rows, Detail detail, const Output& out) {
  if (rows.empty()) return none("exits");
  const bool wide = detail == Detail::kWide;
  std::vector<Column> columns{{"ENDED"},
                              {"WORKER"},
                              {"SLOT", Align::kRight},
                              {"CLASS"},
                              {"STATUS"},
                              {"RAN", Align::kRight},
                              {"GAP", Align::kRight}};
  if (wide) {
    for (const char* title : {"DECIDE", "EXEC", "CREATE", "HELD", "CPU", "MEMORY"}) {
      columns.push_back({title, Align::kRight});
    }
  }
  columns.push_back({"REASON"});
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const std::string exit_class = text(row, "class");
    std::string reason = text(row, "reason");
    if (reason.empty()) reason = last_line(text(row, "stderr_tail"));
    std::vector<Cell> cells{time_of_day(text(row, "ended_at")),
                            text(row, "worker"),
                            text(row, "slot"),
                            Cell(exit_class, colour_of_class(exit_class)),
                            status(row),
                            us(row, "run_us"),
                            us(row, "gap_us")};
    if (wide) {
      for (const char* key : {"gap_decide_us", "gap_exec_us", "create_us", "hold_us", "cpu_us"}) {
        cells.emplace_back(us(row, key));
      }
      const auto memory = number(row, "memory_peak_bytes");
      cells.emplace_back(memory ? human_bytes(static_cast<std::uint64_t>(*memory)) : "");
    }
    cells.emplace_back(wide ? reason : cut(reason, kReasonMax));
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_empty_slots(const Json& rows, const Output& out) {
  Table table({{"EMPTY SLOT"}, {"WHY"}, {"NEXT TRY"}});
  for (const Json& row : rows) {
    const std::string details = slot_detail(row);
    const auto next = number(row, "next_attempt_in_ms");
    table.add({text(row, "pool") + "/" + text(row, "slot"),
               text(row, "message") + (details.empty() ? "" : ": " + details),
               next ? "in " + human_age(*next) : ""});
  }
  return table.render(out);
}

std::string show_event(const Json& event, const Output& out) {
  const std::string slot = text(event, "slot");
  const std::string worker = text(event, "worker");
  std::string line = out.paint(Colour::kDim, time_of_day(printable(text(event, "at"))));
  line += "  " + printable(text(event, "pool")) + (slot.empty() ? "" : "/" + printable(slot));
  line += "  " + out.paint(Colour::kBold, printable(text(event, "what")));
  if (!worker.empty()) line += "  " + printable(worker);
  const std::string details = text(event, "detail");
  if (!details.empty()) line += "  " + out.paint(Colour::kDim, printable(details));
  return line + "\n";
}

}  // namespace mayfly::cli
