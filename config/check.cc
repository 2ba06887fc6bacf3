#include "config/check.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/document.h"
#include "config/report.h"

namespace mayfly::config {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool is_lower(char c) {
  return kLower.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
  return kDigits.find(c) != std::string_view::npos;
}
bool is_alnum(char c) {
  return is_lower(c) || is_digit(c) || kUpper.find(c) != std::string_view::npos;
}

/// Every character is a letter, a digit or one of `more`.
bool is_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return is_alnum(c) || more.find(c) != std::string_view::npos;
  });
}

bool is_number_up_to(std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= most;
}

bool is_user_part(std::string_view text) {
  static constexpr std::uint64_t kIdMax = 0x7fffffff;  // runc takes no more
  if (text.empty() || text.size() > 64) return false;
  if (is_digit(text.front())) return is_number_up_to(text, kIdMax);
  return text.front() != '-' && is_of(text, "_.-");
}

bool is_below(std::string_view path, std::string_view directory) {
  return path == directory ||
         (path.substr(0, directory.size()) == directory && path[directory.size()] == '/');
}

bool is_host_and_port(std::string_view host, std::string_view port) {
  return !host.empty() && host.size() <= 253 && is_alnum(host.front()) && is_of(host, ".-") &&
         is_number_up_to(port, 65535) && port != "0";
}

constexpr std::array<std::string_view, 41> kCapabilities{
    "CAP_AUDIT_CONTROL",   "CAP_AUDIT_READ",   "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",   "CAP_BPF",          "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",           "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",          "CAP_FSETID",       "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",       "CAP_KILL",         "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN",    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",           "CAP_NET_ADMIN",    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",   "CAP_NET_RAW",      "CAP_PERFMON",
    "CAP_SETFCAP",         "CAP_SETGID",       "CAP_SETPCAP",
    "CAP_SETUID",          "CAP_SYSLOG",       "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",        "CAP_SYS_CHROOT",   "CAP_SYS_MODULE",
    "CAP_SYS_NICE",        "CAP_SYS_PACCT",    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",       "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",  "CAP_WAKE_ALARM"};

}  // namespace

std::string check_any(std::string_view /*text*/) {
  return "";
}

std::string check_pool_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 40 && text.front() != '-' &&
                    text.back() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
                      return is_lower(c) || is_digit(c) || c == '-';
                    });
  if (good) return "";
  return "must be 1 to 40 lower-case letters, digits and inner dashes, not " + in_quotes(text);
}

std::string check_image(std::string_view text) {
  if (text.empty()) return "must not be empty";
  const bool good = text.size() <= 512 && is_alnum(text.front()) && is_of(text, "._-/:@+");
  if (good) return "";
  return "must be an image reference, as in \"registry.example/encode:1.8\", not " +
         in_quotes(text);
}

std::string check_network(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= 128 && is_alnum(text.front()) && is_of(text, "._-");
  if (good) return "";
  return "must be \"none\", \"host\" or the name of a network of the runtime, not " +
         in_quotes(text);
}

std::string check_registry(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view port = colon == std::string_view::npos ? "443" : text.substr(colon + 1);
  if (is_host_and_port(text.substr(0, colon), port)) return "";
  return "must be \"host\" or \"host:port\", as images name the registry, not " + in_quotes(text);
}

std::string check_username(std::string_view text) {
  const bool good = text.size() <= 255 && std::none_of(text.begin(), text.end(), [](char c) {
                      return c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                    });
  return good ? "" : "must be at most 255 characters without a colon, not " + in_quotes(text);
}

std::string check_user(std::string_view text) {
  if (text.empty()) return "";
  const auto colon = text.find(':');
  const bool good = is_user_part(text.substr(0, colon)) &&
                    (colon == std::string_view::npos || is_user_part(text.substr(colon + 1)));
  if (good) return "";
  return "must be \"name\", \"uid\", \"name:group\" or \"uid:gid\", not " + in_quotes(text);
}

std::string check_env_name(std::string_view text) {
  if (text.empty() || is_digit(text.front()) || !is_of(text, "_") || text.size() > 256) {
    return "must be letters, digits and underscores, not beginning with a digit";
  }
  if (text.substr(0, 7) == "MAYFLY_") return "must not begin with MAYFLY_, which is Mayfly's own";
  return "";
}

std::string check_capability(std::string_view text) {
  if (std::find(kCapabilities.begin(), kCapabilities.end(), text) != kCapabilities.end()) return "";
  return in_quotes(text) + " is not a capability; they are written as \"CAP_NET_BIND_SERVICE\"";
}

std::string check_path(std::string_view text) {
  static constexpr std::size_t kPathMax = 4095;
  if (text.empty() || text.front() != '/')
    return "must be an absolute path, not " + in_quotes(text);
  if (text.size() > kPathMax) return "is longer than a path can be";
  const std::string closed = std::string{text} + "/";
  const bool odd = text.size() > 1 && (closed.find("//") != std::string::npos ||
                                       closed.find("/./") != std::string::npos ||
                                       closed.find("/../") != std::string::npos);
  return odd ? "must be a path without \".\", \"..\", \"//\" or a slash at its end, not " +
                   in_quotes(text)
             : "";
}

std::string check_optional_path(std::string_view text) {
  return text.empty() ? "" : check_path(text);
}

std::string check_mount_target(std::string_view text) {
  if (std::string wrong = check_path(text); !wrong.empty()) return wrong;
  if (text == "/") return "must not be \"/\"; that is the image's";
  if (is_below(text, "/.mayfly")) return "must not be in /.mayfly, which is Mayfly's own";
  if (is_below(text, "/proc")) return "must not be in /proc; the runtime refuses that";
  return "";
}

std::string check_socket(std::string_view text) {
  static constexpr std::size_t kSocketPathMax = 107;  // sun_path, less its NUL
  if (text.size() > kSocketPathMax) return "is longer than the 107 bytes of a socket's path";
  return check_path(text);
}

std::string check_optional_socket(std::string_view text) {
  return text.empty() ? "" : check_socket(text);
}

std::string check_read_socket(std::string_view text) {
  return text == kSocketNone ? "" : check_optional_socket(text);
}

std::string check_node_name(std::string_view text) {
  if (text.empty()) return "";
  const bool good = text.size() <= 253 && is_alnum(text.front()) && is_of(text, ".-");
  return good ? ""
              : "must be letters, digits, dots and dashes, as of a host, not " + in_quotes(text);
}

std::string check_label(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 63 && is_of(text, "._-/");
  return good ? "" : "must be 1 to 63 letters, digits, dots, dashes, slashes and underscores";
}

std::string check_endpoint(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.substr(0, scheme.size()) != scheme) continue;
    const std::string_view rest = text.substr(scheme.size());
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) continue;
    if (is_host_and_port(rest.substr(0, colon), rest.substr(colon + 1))) return "";
  }
  return "must be \"https://host:port\" or \"http://host:port\", with nothing after it, not " +
         in_quotes(text);
}

std::string check_webhook_url(std::string_view text) {
  static constexpr std::size_t kUrlMax = 2048;
  if (text.empty()) return "";
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view rest = text.substr(scheme.size());
    const std::string_view place = rest.substr(0, rest.find_first_of("/?"));
    const auto colon = place.find(':');
    const bool has_port = colon != std::string_view::npos;
    const bool is_printable = std::all_of(rest.begin(), rest.end(),
                                          [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
    if (is_host_and_port(place.substr(0, colon), has_port ? place.substr(colon + 1) : "443") &&
        is_printable && text.size() <= kUrlMax) {
      return "";
    }
  }
  // What is wrong is not repeated: there may be a token in it.
  return "must be \"https://host/path\", the host with or without a port and without a user";
}

std::string check_webhook_event(std::string_view text) {
  if (std::find(kWebhookEvents.begin(), kWebhookEvents.end(), text) != kWebhookEvents.end()) {
    return "";
  }
  std::string words;
  for (const std::string_view word : kWebhookEvents) {
    words += (words.empty() ? "" : ", ") + in_quotes(word);
  }
  return "must be one of " + words + ", not " + in_quotes(text);
}

std::string check_cluster(std::string_view text) {
  return check_pool_name(text);
}

std::string check_remark(std::string_view text) {
  const bool good = text.size() <= 256 && std::none_of(text.begin(), text.end(), [](char c) {
                      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                    });
  return good ? "" : "must be a line of at most 256 bytes";
}

std::string check_identifier(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 76 && is_alnum(text.front()) &&
                    is_alnum(text.back()) && is_of(text, "._-");
  if (good) return "";
  return "must be 1 to 76 letters, digits and inner dots, dashes and underscores, not " +
         in_quotes(text);
}

std::string check_unit(std::string_view text) {
  if (text.empty() || text == kNoUnit) return "";
  const std::size_t dot = text.rfind('.');
  const bool kind = text.ends_with(".service") || text.ends_with(".socket");
  if (kind && dot > 0 && text.size() <= 255 && is_of(text, ":-_.\\@")) return "";
  return "must be a unit of systemd that ends in .service or .socket, or \"none\", not " +
         in_quotes(text);
}

std::string check_group(std::string_view text) {
  if (text.empty() || is_user_part(text)) return "";
  return "must be the name or number of a group, not " + in_quotes(text);
}

}  // namespace mayfly::config
