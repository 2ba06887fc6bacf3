#include "agent/cli/fleet/choice.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemFile = "/etc/mayfly/contexts.toml";

struct Variable {
  const char* name;
  const char* key;
};
constexpr std::array kVariables{
    Variable{"MAYFLY_ENDPOINTS", "endpoints"}, Variable{"MAYFLY_CA_FILE", "ca_file"},
    Variable{"MAYFLY_CERT_FILE", "cert_file"}, Variable{"MAYFLY_KEY_FILE", "key_file"},
    Variable{"MAYFLY_USER", "user"},           Variable{"MAYFLY_PASSWORD_FILE", "password_file"}};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// None: the environment names no endpoints.
std::optional<std::map<std::string, std::string>> environment() {
  std::map<std::string, std::string> values;
  for (const auto& [name, key] : kVariables) {
    const std::string value = variable(name);
    if (!value.empty()) values[key] = value;
  }
  if (!values.contains("endpoints")) return std::nullopt;
  return values;
}

/// The user's own goes before the host's.
std::vector<fs::path> usual_files() {
  std::vector<fs::path> files;
  const std::string config = variable("XDG_CONFIG_HOME");
  const std::string home = variable("HOME");
  if (!config.empty()) {
    files.push_back(fs::path(config) / "mayfly" / "contexts.toml");
  } else if (!home.empty()) {
    files.push_back(fs::path(home) / ".config" / "mayfly" / "contexts.toml");
  }
  files.emplace_back(kSystemFile);
  return files;
}

std::vector<fs::path> files_of(const Choice& choice) {
  if (!choice.contexts.empty()) return {choice.contexts};
  std::vector<fs::path> there;
  for (const fs::path& file : usual_files()) {
    std::error_code error;
    if (fs::exists(file, error) || error) there.push_back(file);
  }
  return there;
}

Failure failure_of(const config::Faults& faults) {
  std::string lines;
  for (const config::Fault& fault : faults) {
    lines += (lines.empty() ? "" : "\n") + config::to_string(fault);
  }
  return {ExitCode::kError, lines};
}

std::string joined(const std::vector<fs::path>& files) {
  std::string text;
  for (const fs::path& file : files) text += (text.empty() ? "" : ", ") + printable(file.string());
  return text;
}

Failure no_such_context(const Choice& choice, const config::Contexts& contexts) {
  const std::string what = "there is no context \"" + printable(choice.cluster) + "\"";
  if (contexts.empty()) {
    const auto files = choice.contexts.empty() ? usual_files() : files_of(choice);
    return {ExitCode::kNotFound, what + ": write one into " + joined(files) +
                                     ", or set MAYFLY_ENDPOINTS; mayfly(1) shows how"};
  }
  std::string names;
  for (const auto& [name, context] : contexts) names += (names.empty() ? "" : ", ") + name;
  return {ExitCode::kNotFound, what + " in " + joined(files_of(choice)) + "; there is " + names};
}

}  // namespace

Result<config::Contexts> known_contexts(const Choice& choice) {
  auto contexts = config::load_contexts(files_of(choice));
  if (!contexts) return tl::unexpected(failure_of(contexts.error()));
  return std::move(*contexts);
}

Result<config::Coordinator> choose(const Choice& choice) {
  const auto values = environment();
  if (values && choice.contexts.empty()) {
    auto context = config::context_of(*values, choice.cluster, "environment");
    if (!context) return tl::unexpected(failure_of(context.error()));
    return std::move(*context);
  }
  const auto contexts = known_contexts(choice);
  if (!contexts) return tl::unexpected(contexts.error());
  const auto found = contexts->find(choice.cluster);
  if (found == contexts->end()) return tl::unexpected(no_such_context(choice, *contexts));
  return found->second;
}

}  // namespace mayfly::cli::fleet
