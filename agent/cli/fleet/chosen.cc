#include "agent/cli/fleet/chosen.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "agent/cli/text.h"
#include "runtime/files/read.h"

namespace mayfly::cli::fleet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "current-context";
constexpr std::size_t kNameMax = 256;  ///< what is longer names no context

Outcome not_written(const fs::path& file, const std::string& why) {
  return fail(ExitCode::kError, printable(file.string()) + " cannot be written: " + why);
}

}  // namespace

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path user_folder() {
  const std::string config = variable("XDG_CONFIG_HOME");
  if (!config.empty()) return fs::path(config) / "mayfly";
  const std::string home = variable("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".config" / "mayfly";
}

std::string chosen_context() {
  const fs::path folder = user_folder();
  if (folder.empty()) return "";
  const auto text = files::read_bounded(folder / kFile, kNameMax);
  return text ? text->substr(0, text->find('\n')) : "";
}

Outcome keep_chosen_context(const std::string& name) {
  const fs::path folder = user_folder();
  if (folder.empty()) {
    return fail(ExitCode::kError, "there is no place to keep the choice: set HOME");
  }
  const fs::path file = folder / kFile;
  const fs::path draft = folder / (std::string(kFile) + "." + std::to_string(getpid()));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return not_written(file, error.message());
  std::ofstream out(draft);
  out << name << '\n';
  out.close();
  if (!out) return not_written(file, std::strerror(errno));
  fs::rename(draft, file, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(draft, ignored);
  return not_written(file, error.message());
}

}  // namespace mayfly::cli::fleet
