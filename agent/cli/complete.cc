#include "agent/cli/complete.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "agent/cli/client.h"
#include "agent/cli/completion_scripts.h"
#include "agent/cli/fields.h"
#include "agent/cli/fleet/names.h"

namespace mayfly::cli {
namespace {

/// Somebody waits at the keyboard.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr const char* kSocketOption = "--socket";
constexpr const char* kClusterOption = "--cluster";
constexpr const char* kContextsOption = "--contexts";
constexpr const char* kFleetOption = "--fleet";

/// What an option's type says its value is a name of, and where the daemon lists those.
struct Source {
  const char* type;
  const char* target;
  const char* rows;
};

constexpr Source kSources[] = {{"POOL", "/v1/pools", "pools"},
                               {"WORKER", "/v1/workers", "workers"},
                               {"IMAGE", "/v1/images", "images"}};

struct Candidate {
  std::string word;
  std::string help;
};
using Candidates = std::vector<Candidate>;

/// The words before the one that is written, as far as they are understood.
struct Line {
  const CLI::App* verb = nullptr;       ///< the innermost one
  const CLI::Option* option = nullptr;  ///< its value comes next
  int values = 0;                       ///< so many positional ones of the verb were given
  std::string socket;
  bool is_fleet_meant = false;
  fleet::Choice fleet;
};

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

/// Of the verb, or of those above it.
const CLI::Option* find_option(const CLI::App* verb, const std::string& name) {
  for (; verb != nullptr; verb = verb->get_parent()) {
    if (const CLI::Option* option = verb->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

std::vector<const CLI::App*> verbs_below(const CLI::App& verb) {
  return verb.get_subcommands([](const CLI::App*) { return true; });
}

bool is_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

void take_value(Line& line, const std::string& word) {
  if (line.option->check_name(kSocketOption)) line.socket = word;
  if (line.option->check_name(kClusterOption)) line.fleet.cluster = word;
  if (line.option->check_name(kContextsOption)) line.fleet.contexts = word;
  line.option = nullptr;
}

void take(Line& line, const std::string& word) {
  if (line.option != nullptr) return take_value(line, word);
  if (is_option(word)) {
    const std::size_t equals = word.find('=');
    const CLI::Option* option = find_option(line.verb, word.substr(0, equals));
    if (option == nullptr) return;
    line.is_fleet_meant = line.is_fleet_meant || option->check_name(kFleetOption);
    if (!takes_value(*option)) return;
    line.option = option;
    if (equals != std::string::npos) take_value(line, word.substr(equals + 1));
    return;
  }
  for (const CLI::App* below : verbs_below(*line.verb)) {
    if (!below->check_name(word)) continue;
    line.verb = below;
    line.values = 0;
    return;
  }
  ++line.values;
}

/// What a shell neither splits, expands nor obeys.
bool is_plain(std::string_view name) {
  static constexpr std::string_view kMarks = "._/:@+-";
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

void add_names(Candidates& out, const Source& source, Client& client) {
  const auto answer = client.call({.target = source.target, .body = {}, .timeout = kPatience});
  if (!answer) return;
  for (const Json& row : array(*answer, source.rows)) {
    const std::string name = text(row, "name");
    if (is_plain(name)) out.push_back({name, text(row, "pool")});
  }
}

void add_plain(Candidates& out, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_plain(name)) out.push_back({name, ""});
  }
}

/// "TEXT:{a,b}" → a, b
void add_choices(Candidates& out, const std::string& type) {
  const std::size_t from = type.find('{');
  if (from == std::string::npos) return;
  std::istringstream choices(type.substr(from + 1, type.find('}') - from - 1));
  for (std::string each; std::getline(choices, each, ',');) out.push_back({each, ""});
}

Candidates values_of(const CLI::Option& option, const Line& line) {
  Candidates out;
  const std::string type = option.get_type_name();
  const auto is = [&type](const char* word) { return type.find(word) != std::string::npos; };
  add_choices(out, type);
  const bool on_fleet = line.is_fleet_meant || !line.fleet.cluster.empty();
  if (is("CLUSTER")) add_plain(out, fleet::cluster_names(line.fleet));
  if (on_fleet && is("NODE")) add_plain(out, fleet::node_names(line.fleet));
  if (on_fleet && is("POOL")) add_plain(out, fleet::pool_names(line.fleet));
  Client client(line.socket);
  for (const Source& source : kSources) {
    if (!on_fleet && is(source.type)) add_names(out, source, client);
  }
  if (is("FILE")) out.push_back({":file", ""});
  if (is("DIR")) out.push_back({":directory", ""});
  return out;
}

Candidates options_of(const CLI::App* verb) {
  Candidates out;
  for (; verb != nullptr; verb = verb->get_parent()) {
    for (const CLI::Option* option : verb->get_options()) {
      const std::string& help = option->get_description();
      for (const std::string& name : option->get_lnames()) out.push_back({"--" + name, help});
      for (const std::string& name : option->get_snames()) out.push_back({"-" + name, help});
    }
  }
  return out;
}

/// The positional option that the next value is for.
const CLI::Option* next_positional(const Line& line) {
  int before = line.values;
  for (const CLI::Option* option : line.verb->get_options()) {
    if (!option->get_positional()) continue;
    if (before < option->get_items_expected_max()) return option;
    before -= option->get_items_expected_max();
  }
  return nullptr;
}

Candidates candidates(const Line& line, const std::string& written) {
  if (line.option != nullptr) return values_of(*line.option, line);
  if (!written.empty() && written.front() == '-') return options_of(line.verb);
  Candidates out;
  for (const CLI::App* below : verbs_below(*line.verb)) {
    out.push_back({below->get_name(), below->get_description()});
  }
  if (!out.empty()) return out;
  const CLI::Option* option = next_positional(line);
  return option == nullptr ? Candidates{} : values_of(*option, line);
}

/// What the environment says of an option of the whole command, else its default.
std::string usual(const CLI::App& app, const char* name) {
  const CLI::Option* option = app.get_option(name);
  const char* given = std::getenv(option->get_envname().c_str());
  return given != nullptr ? given : option->get_default_str();
}

}  // namespace

std::string complete(const CLI::App& app, const std::vector<std::string>& words) {
  Line line{.verb = &app,
            .socket = usual(app, kSocketOption),
            .fleet = {usual(app, kClusterOption), usual(app, kContextsOption)}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) take(line, words[i]);
  std::string written = words.empty() ? "" : words.back();
  std::string before;  // the value: --option=
  if (const std::size_t equals = written.find('=');
      line.option == nullptr && is_option(written) && equals != std::string::npos) {
    line.option = find_option(line.verb, written.substr(0, equals));
    if (line.option == nullptr) return "";
    before = written.substr(0, equals + 1);
    written.erase(0, equals + 1);
  }
  std::string out;
  for (const auto& [word, help] : candidates(line, written)) {
    if (word.front() == ':') {
      out += word + "\t\n";
    } else if (word.starts_with(written)) {
      out.append(before).append(word).append("\t").append(help).append("\n");
    }
  }
  return out;
}

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return std::string(kBashScript);
  if (shell == "zsh") return std::string(kZshScript);
  return shell == "fish" ? std::string(kFishScript) : "";
}

}  // namespace mayfly::cli
