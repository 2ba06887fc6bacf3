// One thing at a time: the node, a pool, a worker, the outcome of a change.
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

std::string quantile(const Json& json, const char* key) {
  const auto value = number(json, key).value_or(0);
  return value == 0 ? "-" : human_us(value);
}

std::string line(const char* label, const std::string& value) {
  std::string out = label;
  out.resize(std::max<std::size_t>(out.size() + 1, 14), ' ');
  return out + (value.empty() ? "-" : printable(value)) + "\n";
}

std::string rounded(double value) {
  const std::string digits = std::to_string(value);
  return digits.substr(0, digits.find('.') + 2);
}

std::string hit_share(const Json& totals) {
  const auto hits = number(totals, "spare_hits").value_or(0);
  const auto all = hits + number(totals, "spare_misses").value_or(0);
  if (all == 0) return "no respawn yet";
  return rounded(100.0 * static_cast<double>(hits) / static_cast<double>(all)) + " % by a spare";
}

std::string status_head(const Json& status, const Output& out) {
  const Json& node = object(status, "node");
  const Json& runtime = object(status, "runtime");
  const std::string state = text(runtime, "state");
  std::string head = out.paint(Colour::kBold, printable(text(node, "name"))) + "   mayfly " +
                     printable(text(node, "version")) + ", up " +
                     human_age(number(node, "uptime_ms").value_or(0)) + "   " +
                     printable(text(runtime, "version")) + " " +
                     out.paint(state == "up" ? Colour::kGood : Colour::kBad, printable(state));
  const std::string fault = text(runtime, "fault");
  return head + (fault.empty() ? "" : ": " + printable(fault)) + "\n";
}

std::string warning(const std::string& what, const Output& out) {
  return out.paint(Colour::kBad, "warning") + "  " + printable(what) + "\n";
}

std::string coordinator_lines(const Json& coordinator, const Output& out) {
  if (coordinator.empty()) return "";
  const std::string state = text(coordinator, "state");
  const auto age = number(coordinator, "last_contact_age_ms");
  std::string lines = "coordinator " + printable(text(coordinator, "cluster")) + " " +
                      out.paint(state == "connected" ? Colour::kGood : Colour::kBad, state) +
                      "   " + printable(text(coordinator, "endpoint")) + ", last contact " +
                      (age ? human_age(*age) + " ago" : "never") + "\n";
  for (const Json& item : array(coordinator, "alarms")) {
    lines += warning("coordinator: " + (item.is_string() ? item.get<std::string>() : ""), out);
  }
  for (const Json& item : array(coordinator, "refused")) {
    lines +=
        warning("coordinator: pool " + text(item, "pool") + " refused: " + text(item, "why"), out);
  }
  return lines;
}

std::string webhook_lines(const Json& webhook, const Output& out) {
  const std::string fault = text(webhook, "fault");
  if (fault.empty()) return "";
  return warning("webhook " + text(webhook, "url") + ": " + fault + "; " +
                     text(webhook, "waiting") + " events wait, " + text(webhook, "dropped") +
                     " dropped",
                 out);
}

std::string scheduling_lines(const Json& scheduling, const Output& out) {
  const std::string state = text(scheduling, "state");
  const std::string refused = text(scheduling, "order_refused");
  std::string lines;
  if (!state.empty() && state != "open")
    lines = "node is " + scheduling_text(scheduling, out) + "\n";
  if (!refused.empty()) lines += warning("order of the coordinator refused: " + refused, out);
  return lines;
}

std::string status_totals(const Json& totals) {
  const std::string pools = text(totals, "pools");
  return text(totals, "workers_running") + " of " + text(totals, "replicas") + " workers run in " +
         pools + (pools == "1" ? " pool, " : " pools, ") + text(totals, "spares_ready") +
         " spares ready\n" + rounded(real(totals, "respawns_per_s")) + " respawns/s, " +
         hit_share(totals) + ", gap p50 " + quantile(totals, "gap_p50_us") + ", p99 " +
         quantile(totals, "gap_p99_us") + "\n";
}

std::string timings_lines(const Json& timings) {
  std::string lines;
  const std::pair<const char*, const char*> parts[] = {{"gap", "respawn gap"},
                                                       {"gap_decide", "  deciding"},
                                                       {"gap_exec", "  release"},
                                                       {"create", "create"}};
  for (const auto& [key, label] : parts) {
    const Json& part = object(timings, key);
    if (number(part, "count").value_or(0) == 0) continue;
    lines += line(label, "p50 " + quantile(part, "p50_us") + ", p99 " + quantile(part, "p99_us") +
                             " over " + text(part, "count"));
  }
  return lines;
}

std::string exits_line(const Json& exits) {
  std::string words;
  for (const auto& item : exits.items()) {
    if (item.value() == 0) continue;
    words += (words.empty() ? "" : ", ") + item.value().dump() + " " + item.key();
  }
  return words.empty() ? "none" : words;
}

std::string revision_lines(const Json& revisions) {
  std::string lines;
  for (const Json& revision : revisions) {
    lines += "  " + printable(text(revision, "revision")) + "  " +
             printable(text(revision, "created_at")) + "  " +
             printable(text(object(revision, "spec"), "image")) + "  " +
             printable(text(revision, "image_digest")).substr(0, 19) + "\n";
  }
  return lines.empty() ? "" : "revisions\n" + lines;
}

/// "encode: revision 4: pulling 12.3 MiB of …"; nothing of a pool that does not pull.
std::string pull_line(const Json& pool) {
  const Json& pull = object(pool, "pull");
  if (pull.empty()) return "";
  const std::string name = text(pool, "name").empty() ? text(pool, "pool") : text(pool, "name");
  return printable(name) + ": revision " + text(pool, "revision") + ": pulling " + pull_text(pull) +
         "\n";
}

}  // namespace

std::string workers_left(const Json& scheduling) {
  const std::string running = text(scheduling, "running");
  const std::string stopping = text(scheduling, "stopping");
  const std::string line = running + (running == "1" ? " worker runs" : " workers run");
  if (stopping == "0") return line;
  return line + ", " + stopping + (stopping == "1" ? " is stopping" : " are stopping");
}

std::string scheduling_text(const Json& scheduling, const Output& out) {
  const std::string state = printable(text(scheduling, "state"));
  if (state == "open") return out.paint(Colour::kGood, state);
  const std::string undo = "; `mayfly node undrain` opens it again";
  const std::string head = out.paint(Colour::kBusy, state) + ": ";
  if (state == "cordoned") return head + "nothing is added to what is there" + undo;
  const auto left = number(scheduling, "deadline_in_ms");
  std::string deadline;
  if (state == "draining" && left) {
    deadline = *left == 0 ? ", the deadline is over" : ", the deadline is in " + human_age(*left);
  }
  return head + workers_left(scheduling) + deadline + undo;
}

std::string show_status(const Json& status, const Output& out) {
  std::string page = status_head(status, out);
  const std::string fault = text(object(status, "node"), "config_fault");
  if (!fault.empty()) page += warning("configuration not reloaded: " + fault, out);
  for (const Json& item : array(status, "warnings")) {
    page += warning(item.is_string() ? item.get<std::string>() : item.dump(), out);
  }
  page += scheduling_lines(object(object(status, "node"), "scheduling"), out);
  page += coordinator_lines(object(status, "coordinator"), out);
  page += webhook_lines(object(status, "webhook"), out);
  page += status_totals(object(status, "totals")) + "\n";
  page += show_pools(array(status, "pools"), Detail::kUsual, out);
  for (const Json& pool : array(status, "pools")) {
    for (const Json& item : array(pool, "faults")) {
      page += warning(text(pool, "name") + ": " + (item.is_string() ? item.get<std::string>() : ""),
                      out);
    }
  }
  for (const Json& pool : array(status, "pools")) page += pull_line(pool);
  const Json& empty = array(status, "empty_slots");
  if (!empty.empty()) page += "\n" + show_empty_slots(empty, out);
  return page;
}

std::string show_pool(const Json& pool, const Output& out) {
  const Json& desired = object(pool, "desired");
  const std::string source = text(pool, "source");
  std::string page =
      line("pool", text(pool, "name")) + line("state", text(pool, "state")) +
      line("defined by", source.empty() ? "the API" : source) +
      line("image", text(desired, "image")) +
      line("workers", text(pool, "running") + " of " + text(pool, "replicas")) +
      line("spares", text(pool, "spares_ready") + " of " + text(pool, "spares_wanted") + " ready") +
      line("revision", text(pool, "revision") + ", active " + text(pool, "active_revision") + ", " +
                           text(pool, "outdated") + " workers outdated") +
      line("respawns", rounded(real(pool, "respawns_per_s")) + "/s, " + hit_share(pool)) +
      timings_lines(object(pool, "timings")) + line("exits", exits_line(object(pool, "exits")));
  for (const Json& item : array(pool, "faults")) {
    page += warning(item.is_string() ? item.get<std::string>() : "", out);
  }
  page += pull_line(pool);
  page += revision_lines(array(pool, "revisions"));
  page += "\n" + show_workers(array(pool, "workers"), Detail::kUsual, out);
  const Json& spares = array(pool, "spares");
  if (!spares.empty()) page += "\n" + show_spares(spares, Detail::kUsual, out);
  const Json& empty = array(pool, "empty_slots");
  if (!empty.empty()) page += "\n" + show_empty_slots(empty, out);
  page += "\nspec\n" + printable_lines(desired.dump(2, ' ', false, Json::error_handler_t::replace));
  return page + "\n";
}

std::string show_worker(const Json& worker, const Output& /*out*/) {
  const auto gap = number(worker, "respawn_gap_us");
  std::string page;
  for (const char* key : {"name", "pool", "slot", "revision", "phase", "start_asked_at", "ready_at",
                          "released_at", "running_at", "exited_at", "stop_reason", "fault"}) {
    const std::string value = text(worker, key);
    if (!value.empty()) page += line(key, value);
  }
  if (gap) page += line("respawn gap", human_us(*gap));
  if (flag(worker, "adopted")) page += line("adopted", "yes: it ran before this daemon did");
  return page;
}

std::string empty_slot_line(const Json& slot) {
  const std::string details = slot_detail(slot);
  const auto next = number(slot, "next_attempt_in_ms");
  return "slot " + text(slot, "slot") + ": " + printable(text(slot, "message")) +
         (details.empty() ? "" : " (" + printable(details) + ")") +
         (next ? "; next try in " + human_age(*next) : "");
}

std::string show_why(const Json& why, const Output& /*out*/) {
  if (why.contains("slot")) {
    const std::string worker = text(why, "worker");
    if (!worker.empty())
      return "slot " + text(why, "slot") + ": " + printable(worker) + " runs in it\n";
    const std::string last = text(why, "last_failure");
    return empty_slot_line(why) + "\n" +
           (last.empty() ? "" : "its last worker: " + printable(last) + "\n");
  }
  const Json& slots = array(why, "empty_slots");
  std::string page = "pool " + printable(text(why, "pool")) + ": " + text(why, "running") + " of " +
                     text(why, "replicas") + " workers run\n" + pull_line(why);
  for (const Json& slot : slots) page += empty_slot_line(slot) + "\n";
  const auto empty = number(why, "empty").value_or(0);
  const auto more = empty - static_cast<std::int64_t>(slots.size());
  if (more > 0) page += "… and " + std::to_string(more) + " more\n";
  return page;
}

std::string show_applied(const Json& result, const Output& out) {
  const std::string kind = text(result, "kind");
  std::string page = "pool " + printable(text(result, "pool")) + " " +
                     out.paint(kind == "unchanged" ? Colour::kDim : Colour::kGood, kind);
  if (kind == "changed" && flag(result, "new_revision")) {
    return page + ": revision " + text(result, "revision") +
           ", workers are replaced as they exit\n";
  }
  if (kind == "changed") {
    std::string keys;
    for (const Json& change : array(result, "changes")) {
      keys += (keys.empty() ? "" : ", ") + printable(text(change, "key"));
    }
    return page + ": applied at once" + (keys.empty() ? "" : " (" + keys + ")") + "\n";
  }
  if (kind == "created") return page + ": revision " + text(result, "revision") + "\n";
  return page + "\n";
}

std::string show_diff(const Json& result, const Output& out) {
  std::string page = show_applied_image(result, out);
  for (const Json& change : array(result, "changes")) {
    page += "  " + printable(text(change, "key")) + ": " +
            out.paint(Colour::kBad, printable(text(change, "from"))) + " → " +
            out.paint(Colour::kGood, printable(text(change, "to"))) + "\n";
  }
  return page;
}

}  // namespace mayfly::cli
