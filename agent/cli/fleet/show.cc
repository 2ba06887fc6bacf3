#include "agent/cli/fleet/show.h"

#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/fleet/progress.h"
#include "agent/cli/table.h"
#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

constexpr std::size_t kWarningsShown = 20;

Colour colour_of(const std::string& state) {
  if (state == "full" || state == "open") return Colour::kGood;
  if (state == "refused" || state == "bad" || state == "gone") return Colour::kBad;
  if (state == "filling" || state == "updating" || state == "draining") return Colour::kBusy;
  return Colour::kDim;
}

std::string gap(const Json& row, const char* key) {
  const auto value = number(row, key);
  return value ? human_us(*value) : "";
}

std::string replicas(const Json& row) {
  const Json& total = object(row, "replicas");
  if (!total.empty()) return text(total, "total") + " in all";
  return text(row, "replicas") + " a node";
}

std::string pairs(const Json& table) {
  std::string words;
  for (const auto& item : table.items()) {
    if (!item.value().is_string()) continue;
    words += (words.empty() ? "" : ",") + item.key() + "=" + item.value().get<std::string>();
  }
  return words;
}

bool is_live(const Json& row) {
  return text(row, "state") == "live";
}

/// "open", "drained"; of one that does not report "gone", "gone, cordoned"
std::string node_state(const Json& row) {
  const std::string scheduling = text(row, "scheduling");
  if (is_live(row)) return scheduling;
  const bool is_said = !scheduling.empty() && scheduling != "open";
  return text(row, "state") + (is_said ? ", " + scheduling : "");
}

/// What is ordered of it and not yet so.
std::string order(const Json& row) {
  const std::string ordered = text(row, "ordered");
  return ordered == text(row, "scheduling") ? "" : ordered;
}

/// "3/4"; "" of one that does not report
std::string node_workers(const Json& row, const char* between) {
  return is_live(row) ? text(row, "running") + between + text(row, "replicas") : "";
}

std::string contact(const Json& row) {
  const auto age = number(row, "contact_age_s");
  return age ? human_age(*age * 1000) + " ago" : "";
}

/// "0-3, 7", of numbers in order.
std::string ranges(const Json& numbers) {
  const auto all = numbers.get<std::vector<std::int64_t>>();
  std::string words;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t last = i;
    while (last + 1 < all.size() && all[last + 1] == all[last] + 1) ++last;
    words += (words.empty() ? "" : ", ") + std::to_string(all[i]);
    if (last > i) words += "-" + std::to_string(all[last]);
    i = last + 1;
  }
  return words;
}

/// "gone, last heard of 25s ago"
std::string absence(const Json& row) {
  const std::string age = contact(row);
  return age.empty() ? "gone" : "gone, last heard of " + age;
}

/// When the slots of one that is gone go to others.
std::string until(const Json& row) {
  const auto left = number(row, "lease_left_s");
  return left ? ", for " + human_age(*left * 1000) + " yet" : "";
}

/// "encode 0-3, 7; other 1"
std::string slot_words(const Json& row) {
  std::string words;
  for (const auto& item : object(row, "slots").items()) {
    words += (words.empty() ? "" : "; ") + item.key() + " " + ranges(item.value());
  }
  return words;
}

/// A node that is gone, and what waits for it.
std::string gone_line(const Json& row) {
  const std::string slots = slot_words(row);
  return "node " + text(row, "name") + " is " + absence(row) +
         (slots.empty() ? "" : "; slots wait for it" + until(row) + ": " + slots);
}

std::string missed_line(const Json& row) {
  const Json& slots = array(row, "slots");
  return text(row, "node") + " is " + absence(row) +
         (slots.empty() ? "" : "; slots " + ranges(slots) + " wait for it" + until(row));
}

std::vector<std::string> list(const Json& json, const char* key) {
  std::vector<std::string> out;
  for (const Json& item : array(json, key)) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

std::string warning(const std::string& what, const Output& out) {
  return out.paint(Colour::kBad, "warning") + "  " + printable(what) + "\n";
}

/// The first of them, and how many more there are.
template <class Line>
std::string warnings(const Json& rows, Line line, const Output& out) {
  std::string page;
  std::size_t shown = 0;
  for (const Json& row : rows) {
    if (shown++ == kWarningsShown) {
      return page + "… and " + std::to_string(rows.size() - kWarningsShown) + " more\n";
    }
    page += warning(line(row), out);
  }
  return page;
}

std::string refusal_line(const Json& row) {
  return text(row, "node") + ": pool " + text(row, "pool") + " refused: " + text(row, "why");
}

std::string alarm_line(const Json& row) {
  return text(row, "node") + ": " + text(row, "alarm");
}

std::string change_keys(const Json& row) {
  std::string keys;
  for (const Json& change : array(row, "changes")) {
    keys += (keys.empty() ? "" : ", ") + text(change, "key");
  }
  return keys;
}

/// "replicas 3→5, image"
std::string change_words(const Json& row) {
  if (flag(row, "deleted")) return "deleted";
  if (!text(row, "fault").empty()) return "cannot be read: " + text(row, "fault");
  if (flag(row, "first")) return "";
  std::string words;
  for (const Json& change : array(row, "changes")) {
    constexpr std::size_t kShort = 12;
    const std::string from = text(change, "from");
    const std::string to = text(change, "to");
    words += (words.empty() ? "" : ", ") + text(change, "key");
    if (from.size() + to.size() <= kShort) words += " " + from + "→" + to;
  }
  return words;
}

}  // namespace

std::string show_fleet_nodes(const Json& view, Detail detail, const Output& out) {
  const Json& rows = array(view, "nodes");
  if (rows.empty()) return "No nodes.\n";
  const bool wide = detail == Detail::kWide;
  std::vector<Column> columns{{"NODE"},
                              {"STATE"},
                              {"VERSION"},
                              {"POOLS", Align::kRight},
                              {"WORKERS", Align::kRight},
                              {"REFUSED", Align::kRight},
                              {"ALARMS", Align::kRight},
                              {"CONTACT"},
                              {"LABELS"}};
  if (wide) columns.insert(columns.end(), {{"ORDERED"}, {"INSTANCE"}});
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const std::string state = node_state(row);
    std::vector<Cell> cells{text(row, "name"),
                            Cell(state, colour_of(is_live(row) ? state : text(row, "state"))),
                            text(row, "version"),
                            text(row, "pools"),
                            node_workers(row, "/"),
                            text(row, "refused"),
                            is_live(row) ? std::to_string(array(row, "alarms").size()) : "",
                            contact(row),
                            pairs(object(row, "labels"))};
    if (wide) cells.insert(cells.end(), {Cell(order(row)), Cell(text(row, "instance"))});
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_fleet_pools(const Json& view, Detail detail, const Output& out) {
  const Json& rows = array(view, "pools");
  if (rows.empty()) return "No pools; `mayfly --cluster NAME apply -f FILE` makes one.\n";
  const bool wide = detail == Detail::kWide;
  std::vector<Column> columns{{"POOL"},
                              {"STATE"},
                              {"REVISION", Align::kRight},
                              {"REPLICAS"},
                              {"NODES", Align::kRight},
                              {"WORKERS", Align::kRight},
                              {"REFUSED", Align::kRight},
                              {"GAP P50", Align::kRight},
                              {"GAP P99", Align::kRight},
                              {"IMAGE"}};
  if (wide) columns.insert(columns.end(), {{"SELECTOR"}, {"CHANGED"}, {"BY"}});
  Table table(std::move(columns));
  for (const Json& row : rows) {
    const std::string state = text(row, "state");
    std::vector<Cell> cells{text(row, "name"),
                            Cell(state, colour_of(state)),
                            text(row, "revision"),
                            replicas(row),
                            text(row, "nodes_running") + "/" + text(row, "nodes"),
                            text(row, "running") + "/" + text(row, "wanted"),
                            std::to_string(array(row, "refused").size()),
                            gap(row, "gap_p50_us"),
                            gap(row, "gap_p99_us"),
                            text(row, "image")};
    if (wide) {
      cells.insert(cells.end(), {Cell(pairs(object(row, "selector"))),
                                 Cell(text(row, "changed_at")), Cell(text(row, "changed_by"))});
    }
    table.add(std::move(cells));
  }
  return table.render(out);
}

std::string show_fleet_status(const Json& view, const Output& out) {
  std::size_t live = 0;
  std::int64_t running = 0;
  Json gone = Json::array();
  for (const Json& row : array(view, "nodes")) {
    if (is_live(row)) ++live;
    running += number(row, "running").value_or(0);
    if (text(row, "state") == "gone") gone.push_back(row);
  }
  std::string page = "cluster " + out.paint(Colour::kBold, printable(text(view, "cluster"))) +
                     "   " + std::to_string(live) +
                     (live == 1 ? " node lives, " : " nodes live, ") + std::to_string(running) +
                     " workers run\n";
  page += warnings(gone, gone_line, out);
  page += warnings(array(view, "alarms"), alarm_line, out);
  page += warnings(array(view, "refused"), refusal_line, out);
  for (const Json& row : array(view, "pools")) {
    const std::string fault = text(row, "fault");
    if (!fault.empty()) page += warning("pool " + text(row, "name") + ": " + fault, out);
  }
  return page + "\n" + show_fleet_pools(view, Detail::kUsual, out) + "\n" +
         show_fleet_nodes(view, Detail::kUsual, out);
}

std::string show_fleet_node(const Json& view, const Output& out) {
  const auto line = [](std::string label, const std::string& value) {
    label.resize(12, ' ');
    return label + (value.empty() ? "-" : printable(value)) + "\n";
  };
  std::string page = line("node", text(view, "name")) + line("state", node_state(view)) +
                     line("ordered", order(view)) + line("version", text(view, "version")) +
                     line("instance", text(view, "instance")) +
                     line("labels", pairs(object(view, "labels"))) +
                     line("contact", contact(view)) + line("workers", node_workers(view, " of "));
  if (text(view, "state") == "gone") page += warning(gone_line(view), out);
  const std::string fault = text(view, "order_fault");
  if (!fault.empty()) page += warning("it refused the order: " + fault, out);
  for (const std::string& alarm : list(view, "alarms")) page += warning(alarm, out);
  page += warnings(
      array(view, "refused"),
      [](const Json& row) { return text(row, "pool") + " refused: " + text(row, "why"); }, out);
  Table table({{"POOL"},
               {"OF"},
               {"WORKERS", Align::kRight},
               {"GAP P50", Align::kRight},
               {"GAP P99", Align::kRight},
               {"IMAGE"},
               {"DIGEST"}});
  for (const Json& row : array(view, "pools")) {
    table.add({text(row, "name"), flag(row, "of_fleet") ? "fleet" : "node",
               text(row, "running") + "/" + text(row, "replicas"), gap(row, "gap_p50_us"),
               gap(row, "gap_p99_us"), text(row, "image"),
               text(row, "image_digest").substr(0, 19)});
  }
  return page + (table.empty() ? "" : "\n" + table.render(out));
}

std::string show_fleet_why(const Json& view, const Output& out) {
  std::string page = "pool " + printable(text(view, "name")) + ": " + text(view, "running") +
                     " of " + text(view, "wanted") + " workers run, on " +
                     text(view, "nodes_running") + " of " + text(view, "nodes") +
                     " nodes as wanted\n";
  const std::string fault = text(view, "fault");
  if (!fault.empty()) page += warning("its document cannot be read: " + fault, out);
  if (flag(view, "paused")) page += "it is paused on all nodes\n";
  page += warnings(
      array(view, "refused"),
      [](const Json& row) { return text(row, "node") + " refused it: " + text(row, "why"); }, out);
  const auto waiting = list(view, "not_heard");
  if (!waiting.empty()) page += "not heard of yet from " + some_of(waiting) + "\n";
  page += warnings(array(view, "gone"), missed_line, out);
  Table table({{"SLOTS", Align::kRight}, {"WHY"}, {"DETAIL"}, {"NODES"}});
  for (const Json& row : array(view, "groups")) {
    table.add({text(row, "count"), text(row, "message"), text(row, "detail"),
               some_of(list(row, "nodes"))});
  }
  return page + (table.empty() ? "" : "\n" + table.render(out));
}

std::string show_fleet_history(const Json& view, const Output& out) {
  Table table({{"REVISION", Align::kRight}, {"CHANGED"}, {"BY"}, {"WHAT"}, {"IMAGE"}});
  for (const Json& row : array(view, "revisions")) {
    table.add({text(row, "revision"), text(row, "changed_at"), text(row, "changed_by"),
               change_words(row), text(object(row, "document"), "image")});
  }
  return table.render(out);
}

std::string show_contexts(const Json& view, const Output& out) {
  const Json& rows = array(view, "contexts");
  if (rows.empty()) return "No contexts; mayfly(1) says where they stand.\n";
  Table table({{"CURRENT"}, {"CLUSTER"}, {"ENDPOINTS"}, {"USER"}, {"KEYS"}});
  for (const Json& row : rows) {
    std::string endpoints;
    for (const std::string& each : list(row, "endpoints")) {
      endpoints += (endpoints.empty() ? "" : ",") + each;
    }
    table.add({flag(row, "current") ? "*" : "", text(row, "name"), endpoints, text(row, "user"),
               "/mayfly/" + text(row, "cluster") + "/"});
  }
  return table.render(out);
}

std::string show_change(const Json& result, const Output& out) {
  const std::string kind = text(result, "kind");
  std::string page = "pool " + printable(text(result, "pool")) + " " +
                     out.paint(kind == "unchanged" ? Colour::kDim : Colour::kGood, kind);
  const std::string revision = text(result, "revision");
  if (revision != "0" && !revision.empty()) page += ": revision " + revision;
  const std::string keys = printable(change_keys(result));
  if (kind == "changed") {
    page +=
        flag(result, "new_revision") ? ", workers are replaced as they exit" : ", applied at once";
    page += keys.empty() ? "" : " (" + keys + ")";
  }
  page += "\n";
  const std::string overtaken = text(result, "overtaken");
  if (!overtaken.empty()) page += warning("it was changed again since: " + overtaken, out);
  const std::string replaced = text(result, "replaced_fault");
  if (!replaced.empty())
    page += "  in the place of one that nodes refuse: " + printable(replaced) + "\n";
  const std::string note = text(result, "note");
  if (!note.empty()) page += "  " + printable(note) + "\n";
  return page;
}

std::string show_difference(const Json& result, const Output& out) {
  std::string page = show_change(result, out);
  for (const Json& change : array(result, "changes")) {
    page += "  " + printable(text(change, "key")) + ": " +
            out.paint(Colour::kBad, printable(text(change, "from"))) + " → " +
            out.paint(Colour::kGood, printable(text(change, "to"))) + "\n";
  }
  return page;
}

}  // namespace mayfly::cli::fleet
