#include "runtime/docker/answers.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "runtime/docker/json.h"
#include "runtime/docker/translate.h"

namespace mayfly::docker {
namespace {

using runtime::ExitStatus;
using runtime::State;

constexpr std::size_t kLineMax = 1'000;

/// "/name": also of a linked container, whose further names have a second slash.
std::string plain_name(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  return std::string(name);
}

/// Of a list's row there is no other: "Exited (137) 2 hours ago". Where the daemon does not know
/// when it ended, it says nothing, and knows no code either.
std::optional<ExitStatus> status_of_row(std::string_view text) {
  constexpr std::string_view kExited = "Exited (";
  if (!text.starts_with(kExited)) return std::nullopt;
  text.remove_prefix(kExited.size());
  int code = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), code);
  if (read.ec != std::errc() || read.ptr == text.data() + text.size() || *read.ptr != ')') {
    return std::nullopt;
  }
  return exit_status_of(code);
}

/// The same of Podman's own list. One that has ended at no time ended unseen.
std::optional<ExitStatus> status_of_libpod_row(const Json& row) {
  const auto& code = member(row, "ExitCode");
  const bool was_seen = is_true(row, "Exited") && number(row, "ExitedAt") > 0;
  if (!was_seen || !code.is_number_integer() || code.get<std::int64_t>() < 0) return std::nullopt;
  return exit_status_of(code.get<std::int64_t>());
}

/// A container whose end the daemon has missed has ended at no time, and its code is a zero that
/// nobody has seen.
std::optional<ExitStatus> status_of_state(const Json& state) {
  if (text(state, "FinishedAt").starts_with("0001-") || text(state, "FinishedAt").empty()) {
    return std::nullopt;
  }
  const auto& code = member(state, "ExitCode");
  if (!code.is_number_integer()) return std::nullopt;
  return exit_status_of(code.get<std::int64_t>());
}

pid_t pid_of(const Json& state) {
  const auto pid = number(state, "Pid");
  return pid <= std::numeric_limits<pid_t>::max() ? static_cast<pid_t>(pid) : 0;
}

LocalImage image_of(const Json& document) {
  LocalImage image;
  image.id = text(document, "Id");
  image.tags = texts(document, "RepoTags");
  image.digests = texts(document, "RepoDigests");
  image.size_bytes = number(document, "Size");
  // So Docker lists what has no name.
  std::erase(image.tags, "<none>:<none>");
  std::erase(image.digests, "<none>@<none>");
  return image;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLineMax));
  // Not in the middle of a character.
  const auto is_tail = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; };
  if (text.size() > kLineMax) {
    while (!line.empty() && is_tail(line.back())) line.pop_back();
    if (!line.empty() && (line.back() & 0x80) != 0) line.pop_back();
  }
  std::ranges::replace_if(
      line, [](unsigned char byte) { return byte < ' ' || byte == 0x7f; }, ' ');
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::string read_message(std::string_view body) {
  const auto document = parse(body);
  if (document.is_object()) return one_line(text(document, "message"));
  std::string bytes(body.substr(0, kLineMax));  // not JSON, so perhaps not even text
  std::ranges::replace_if(
      bytes, [](unsigned char byte) { return byte >= 0x80; }, '?');
  return one_line(bytes);
}

std::string read_created(std::string_view body) {
  return text(parse(body), "Id");
}

std::optional<Inspected> read_container(std::string_view body) {
  const auto document = parse(body);
  const auto& state = member(document, "State");
  Inspected container;
  container.id = text(document, "Id");
  container.name = plain_name(text(document, "Name"));
  container.labels = text_map(member(document, "Config"), "Labels");
  if (container.id.empty() || container.name.empty() || !state.is_object()) return std::nullopt;
  const auto word = text(state, "Status");
  container.state = state_of(word);
  container.is_restarting = word == "restarting";
  if (container.state == State::kRunning) container.pid = pid_of(state);
  if (container.state == State::kStopped) container.status = status_of_state(state);
  return container;
}

std::optional<std::vector<Listed>> read_containers(std::string_view body) {
  const auto document = parse(body);
  if (!document.is_array()) return std::nullopt;
  std::vector<Listed> list;
  list.reserve(document.size());
  for (const auto& row : document) {
    const auto names = texts(row, "Names");
    Listed container;
    container.id = text(row, "Id");
    if (container.id.empty() || names.empty()) return std::nullopt;
    container.name = plain_name(names.front());
    container.labels = text_map(row, "Labels");
    container.state = state_of(text(row, "State"));
    const bool is_libpod = member(row, "Exited").is_boolean();
    if (container.state == State::kRunning) container.pid = pid_of(row);
    if (container.state == State::kStopped) {
      container.status = is_libpod ? status_of_libpod_row(row) : status_of_row(text(row, "Status"));
    }
    list.push_back(std::move(container));
  }
  return list;
}

std::optional<LocalImage> read_image(std::string_view body) {
  const auto document = parse(body);
  auto image = image_of(document);
  if (!oci::is_digest(image.id)) return std::nullopt;
  const auto& config = member(document, "Config");
  image.config.entrypoint = texts(config, "Entrypoint");
  image.config.cmd = texts(config, "Cmd");
  image.config.user = text(config, "User");
  image.config.working_directory = text(config, "WorkingDir");
  image.has_health_check = member(config, "Healthcheck").is_object();
  return image;
}

std::optional<std::vector<LocalImage>> read_images(std::string_view body) {
  const auto document = parse(body);
  if (!document.is_array()) return std::nullopt;
  std::vector<LocalImage> images;
  for (const auto& row : document) {
    auto image = image_of(row);
    if (!oci::is_digest(image.id)) return std::nullopt;
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace mayfly::docker
