#include "runtime/registry/reference.h"

#include <algorithm>
#include <utility>

#include "runtime/oci/image.h"

namespace mayfly::registry {
namespace {

constexpr std::size_t kPathBytesMax = 255;  ///< host and path together, as Docker bounds them
constexpr std::size_t kTagBytesMax = 128;
constexpr std::size_t kPortDigitsMax = 5;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr const char* kDocker = "docker.io";

bool consists_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_letter_or_digit(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

/// Calls `valid` for each part between separators; all must be.
template <class Valid>
bool all_parts(std::string_view text, char separator, Valid valid) {
  for (;;) {
    const auto end = text.find(separator);
    if (!valid(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_host_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label,
                             [](char byte) { return is_letter_or_digit(byte) || byte == '-'; });
}

bool is_host(std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  const auto bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon + 1);
    if (!consists_of(port, kDigits) || port.size() > kPortDigitsMax) return false;
  }
  if (host.starts_with('[')) {
    return name.size() > 2 && name.ends_with(']') &&
           consists_of(name.substr(1, name.size() - 2), "0123456789abcdefABCDEF:");
  }
  return all_parts(name, '.', is_host_label);
}

/// Letters and digits, held together by ".", "_", "__" or dashes.
bool is_path_component(std::string_view part) {
  while (!part.empty()) {
    const auto word = std::min(part.find_first_not_of(kLower), part.size());
    if (word == 0) return false;
    part.remove_prefix(word);
    if (part.empty()) return true;
    const auto glue = part.substr(0, std::min(part.find_first_of(kLower), part.size()));
    if (glue != "." && glue != "_" && glue != "__" && !consists_of(glue, "-")) return false;
    part.remove_prefix(glue.size());
  }
  return false;
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagBytesMax && tag.front() != '.' && tag.front() != '-' &&
         std::ranges::all_of(tag, [](char byte) {
           return is_letter_or_digit(byte) || byte == '_' || byte == '.' || byte == '-';
         });
}

/// The part before the first slash, when it can be nothing but a host.
std::string_view host_of(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  const auto first = name.substr(0, slash);
  const bool is = first.find_first_of(".:") != std::string_view::npos || first == "localhost";
  return is ? first : std::string_view();
}

tl::unexpected<std::string> wrong(std::string_view name, const char* why) {
  std::string shown;
  for (const char byte : name.substr(0, kPathBytesMax)) {
    shown.push_back(byte < ' ' || byte > '~' ? '?' : byte);
  }
  return tl::unexpected("\"" + shown + "\" names no image: " + why);
}

}  // namespace

std::string Reference::repository() const {
  return host + "/" + path;
}

std::string Reference::text() const {
  return repository() + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

tl::expected<Reference, std::string> parse_reference(std::string_view name) {
  Reference reference;
  std::string_view rest = name;
  if (oci::is_digest(rest)) return wrong(name, "a digest alone says no registry");
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    if (!oci::is_digest(reference.digest)) return wrong(name, "what follows @ is no sha256 digest");
    rest = rest.substr(0, at);
  }
  reference.host = host_of(rest);
  if (!reference.host.empty()) {
    if (!is_host(reference.host)) return wrong(name, "its registry is no host name");
    rest.remove_prefix(reference.host.size() + 1);
  }
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    if (!is_tag(reference.tag)) return wrong(name, "what follows the last colon is no tag");
    rest = rest.substr(0, colon);
  } else if (reference.digest.empty()) {
    reference.tag = "latest";
  }
  if (reference.host.empty() && rest.size() == 64 && consists_of(rest, "0123456789abcdef")) {
    return wrong(name, "64 hex digits are an id");
  }
  reference.path = rest;
  if (!all_parts(rest, '/', is_path_component)) {
    return wrong(name, "between registry and tag stand lower-case words and slashes");
  }
  if (reference.host.empty() || reference.host == "index.docker.io") reference.host = kDocker;
  if (reference.host == kDocker && reference.path.find('/') == std::string::npos) {
    reference.path.insert(0, "library/");
  }
  if (reference.repository().size() > kPathBytesMax) return wrong(name, "it is too long");
  return reference;
}

}  // namespace mayfly::registry
