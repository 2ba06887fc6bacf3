// Images, pulls, and what a look at the host found.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/table.h"
#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

constexpr std::size_t kShortDigest = 19;  // "sha256:" and twelve digits

std::uint64_t bytes(const Json& json, const char* key) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(json, key).value_or(0)));
}

/// "encode/4, mail/2 (previous)"
std::string users(const Json& used_by) {
  std::string words;
  for (const Json& user : used_by) {
    words += (words.empty() ? "" : ", ") + text(user, "pool") + "/" + text(user, "revision");
    if (text(user, "role") == "previous") words += " (previous)";
  }
  return words;
}

Colour colour_of(const std::string& status) {
  if (status == "ok") return Colour::kGood;
  return status == "warning" ? Colour::kBusy : Colour::kBad;
}

std::string padded(const std::string& words, std::size_t columns) {
  return words + std::string(columns > width(words) ? columns - width(words) : 0, ' ');
}

}  // namespace

std::string show_images(const Json& rows, Detail detail, const Output& out) {
  if (rows.empty()) {
    return "No images; `mayfly image pull NAME` or `mayfly image import FILE` brings one.\n";
  }
  const bool wide = detail == Detail::kWide;
  Table table({{"IMAGE"}, {"DIGEST"}, {"SIZE", Align::kRight}, {"USED BY"}, {"UNUSED SINCE"}});
  for (const Json& row : rows) {
    const std::string digest = text(row, "digest");
    const std::string unused = text(row, "unused_since");
    const std::string used = users(array(row, "used_by"));
    table.add({text(row, "name"), wide ? digest : digest.substr(0, kShortDigest),
               human_bytes(bytes(row, "size_bytes")),
               used.empty() && !flag(row, "ours") ? "not Mayfly's" : used,
               wide ? unused : unused.substr(0, unused.find('.'))});
  }
  return table.render(out);
}

std::string pull_text(const Json& pull) {
  const std::string waiting = text(pull, "waiting_for");
  const std::uint64_t total = bytes(pull, "bytes_total");
  std::string words = human_bytes(bytes(pull, "bytes_done"));
  if (total > 0) words += " of " + human_bytes(total);
  if (number(pull, "layers_total").value_or(0) > 0) {
    words += ", " + text(pull, "layers_done") + " of " + text(pull, "layers_total") + " layers";
  }
  if (!waiting.empty()) return words + ", waiting: " + printable(waiting);
  if (bytes(pull, "bytes_per_s") > 0) {
    words += ", " + human_bytes(bytes(pull, "bytes_per_s")) + "/s";
  }
  const auto left = number(pull, "left_ms");
  return words + (left ? ", " + human_age(*left) + " left" : "");
}

std::string slot_detail(const Json& slot) {
  const Json& pull = object(slot, "pull");
  return pull.empty() ? text(slot, "detail") : pull_text(pull);
}

std::string show_collected(const Json& rows, const Output& out) {
  if (rows.empty()) return "Nothing to remove: every image is needed, or may stay for now.\n";
  Table table({{"IMAGE"}, {"DIGEST"}, {"SIZE", Align::kRight}, {"WHY"}, {"STILL THERE"}});
  for (const Json& row : rows) {
    table.add({text(row, "name"), text(row, "digest").substr(0, kShortDigest),
               human_bytes(bytes(row, "size_bytes")), text(row, "why"),
               Cell(text(row, "fault"), Colour::kBad)});
  }
  return table.render(out);
}

std::string show_checks(const Json& rows, const Output& out) {
  constexpr std::size_t kStatusWidth = 9;
  constexpr std::size_t kNameWidth = 20;
  std::string page;
  for (const Json& row : rows) {
    const std::string status = printable(text(row, "status"));
    page += out.paint(colour_of(status), padded(status, kStatusWidth)) +
            padded(printable(text(row, "name")), kNameWidth) + printable(text(row, "what")) + "\n";
    const std::string fix = text(row, "fix");
    if (!fix.empty()) {
      page += std::string(kStatusWidth + kNameWidth, ' ') + "→ " + printable(fix) + "\n";
    }
  }
  return page;
}

std::string show_applied_image(const Json& result, const Output& out) {
  const std::string page = show_applied(result, out);
  const std::string image = printable(text(result, "image"));
  const std::string digest = printable(text(result, "image_digest"));
  if (image.empty() || image == digest) return page;
  if (!digest.empty()) return page + "image " + image + " is " + digest + "\n";
  return page + "image " + image + " is not known yet: " + printable(text(result, "image_fault")) +
         "; the pool waits for it\n";
}

}  // namespace mayfly::cli
