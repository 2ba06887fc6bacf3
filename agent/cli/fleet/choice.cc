#include "agent/cli/fleet/choice.h"

#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "agent/cli/fleet/chosen.h"
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
  const fs::path own = user_folder();
  if (!own.empty()) files.push_back(own / "contexts.toml");
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

std::string names_of(const config::Contexts& contexts) {
  std::string names;
  for (const auto& [name, context] : contexts) names += (names.empty() ? "" : ", ") + name;
  return names;
}

Failure no_such_context(const Choice& choice, const config::Contexts& contexts) {
  const std::string what = "there is no context \"" + printable(choice.cluster) + "\"";
  if (contexts.empty()) {
    const auto files = choice.contexts.empty() ? usual_files() : files_of(choice);
    return {ExitCode::kNotFound, what + ": write one into " + joined(files) +
                                     ", or set MAYFLY_ENDPOINTS; mayfly(1) shows how"};
  }
  return {ExitCode::kNotFound,
          what + " in " + joined(files_of(choice)) + "; there is " + names_of(contexts)};
}

/// No cluster was named, and nothing else tells which is meant.
Failure none_is_meant(const Choice& choice, const config::Contexts& contexts) {
  if (contexts.empty()) {
    const auto files = choice.contexts.empty() ? usual_files() : files_of(choice);
    return {ExitCode::kNotFound, "no context says how a fleet is reached: write one into " +
                                     joined(files) +
                                     ", or set MAYFLY_ENDPOINTS and say --cluster NAME; mayfly(1) "
                                     "shows how"};
  }
  const std::string files = joined(files_of(choice));
  const std::string way =
      ": choose one with `mayfly context use NAME`, or say --cluster NAME each time";
  const std::string chosen = chosen_context();
  if (chosen.empty()) {
    return {ExitCode::kUsage, "which fleet? There is " + names_of(contexts) + " in " + files + way};
  }
  return {ExitCode::kNotFound, "the context that was chosen, \"" + printable(chosen) +
                                   "\", is not in " + files + "; there is " + names_of(contexts) +
                                   way};
}

bool is_by_environment(const Choice& choice) {
  return choice.contexts.empty() && environment().has_value();
}

Result<config::Coordinator> choose_by_environment(const Choice& choice) {
  if (choice.cluster.empty()) {
    return fail(ExitCode::kUsage,
                "MAYFLY_ENDPOINTS says how an etcd is reached, and not which fleet in it is meant: "
                "say --cluster NAME, or set MAYFLY_CLUSTER");
  }
  auto context = config::context_of(*environment(), choice.cluster, "environment");
  if (!context) return tl::unexpected(failure_of(context.error()));
  return std::move(*context);
}

}  // namespace

Result<config::Contexts> known_contexts(const Choice& choice) {
  auto contexts = config::load_contexts(files_of(choice));
  if (!contexts) return tl::unexpected(failure_of(contexts.error()));
  return std::move(*contexts);
}

Result<config::Coordinator> choose(const Choice& choice) {
  if (is_by_environment(choice)) return choose_by_environment(choice);
  const auto contexts = known_contexts(choice);
  if (!contexts) return tl::unexpected(contexts.error());
  const auto found = contexts->find(meant_context(choice, *contexts));
  if (found != contexts->end()) return found->second;
  return tl::unexpected(choice.cluster.empty() ? none_is_meant(choice, *contexts)
                                               : no_such_context(choice, *contexts));
}

std::string meant_context(const Choice& choice, const config::Contexts& contexts) {
  if (is_by_environment(choice)) return "";
  std::string name = choice.cluster.empty() ? chosen_context() : choice.cluster;
  if (name.empty() && contexts.size() == 1) name = contexts.begin()->first;
  return contexts.contains(name) ? name : "";
}

Outcome choose_from_now_on(const Choice& choice, const std::string& name) {
  const auto contexts = known_contexts(choice);
  if (!contexts) return tl::unexpected(contexts.error());
  if (contexts->contains(name)) return keep_chosen_context(name);
  return tl::unexpected(no_such_context({name, choice.contexts}, *contexts));
}

}  // namespace mayfly::cli::fleet
