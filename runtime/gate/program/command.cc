#include "runtime/gate/program/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mayfly::gate {
namespace {

constexpr std::string_view kPathUnset =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view name_of(const char* entry) {
  const std::string_view text(entry);
  return text.substr(0, text.find('='));
}

std::string_view path_of(char** environment) {
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (name_of(*entry) == "PATH") return std::string_view(*entry).substr(std::strlen("PATH="));
  }
  return kPathUnset;
}

/// The first directory of `path`, which loses it. An empty one is the working directory.
std::string_view take_directory(std::string_view& path) {
  const auto colon = path.find(':');
  const std::string_view directory = path.substr(0, colon);
  path = colon == path.npos ? std::string_view() : path.substr(colon + 1);
  return directory.empty() ? "." : directory;
}

bool join(std::string_view directory, const char* name, std::array<char, PATH_MAX>& joined) {
  const int length = std::snprintf(joined.data(), joined.size(), "%.*s/%s",
                                   static_cast<int>(directory.size()), directory.data(), name);
  return length > 0 && static_cast<std::size_t>(length) < joined.size();
}

bool executable(const char* path) {
  struct stat status;
  return ::stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
         ::faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

void read_ahead(const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return;
  ::posix_fadvise(file, 0, 0, POSIX_FADV_WILLNEED);
  ::close(file);
}

}  // namespace

Command::Command(char** argv, char** environment) : argv_(argv) {
  while (environment[inherited_] != nullptr) ++inherited_;
  const std::size_t room = inherited_ + kEnvironmentMax + 1;
  environment_ = static_cast<char**>(std::calloc(room, sizeof(char*)));
  if (environment_ == nullptr) std::abort();
  std::copy_n(environment, inherited_, environment_);
}

void Command::prepare() {
  const char* const name = argv_[0];
  if (std::strchr(name, '/') != nullptr) return read_ahead(name);
  std::string_view path = path_of(environment_);
  while (!path.empty()) {
    if (join(take_directory(path), name, path_) && executable(path_.data())) {
      return read_ahead(path_.data());
    }
  }
  path_[0] = '\0';
}

void Command::merge(const Variables& variables) {
  std::size_t count = inherited_;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    char* const entry = variables[i];
    const std::string_view name = name_of(entry);
    if (name == "PATH") path_[0] = '\0';
    char** const end = environment_ + count;
    char** const place =
        std::find_if(environment_, end, [&](const char* old) { return name_of(old) == name; });
    *place = entry;
    if (place == end) ++count;
  }
  environment_[count] = nullptr;
}

int Command::execute(const char* path) {
  ::execve(path, argv_, environment_);
  const int error = errno;
  // A script whose interpreter is missing fails like a missing script; people look in vain for it.
  const bool there = error == ENOENT && ::access(path, F_OK) == 0;
  std::snprintf(what_.data(), what_.size(), "exec %s%s", path,
                there ? " (it is there: its interpreter or loader is not)" : "");
  errno = error;
  return error;
}

int Command::search() {
  std::string_view path = path_of(environment_);
  std::array<char, PATH_MAX> candidate;
  int result = ENOENT;
  while (!path.empty()) {
    if (!join(take_directory(path), argv_[0], candidate)) continue;
    if (::access(candidate.data(), F_OK) != 0) continue;
    const int error = execute(candidate.data());
    if (error != EACCES) return error;
    result = EACCES;  // as a shell does: remember it, and look further
  }
  if (result == ENOENT) {
    std::snprintf(what_.data(), what_.size(), "exec %s (not in PATH)", argv_[0]);
  }
  return result;
}

int Command::run(const Variables& variables) {
  merge(variables);
  if (std::strchr(argv_[0], '/') != nullptr) return execute(argv_[0]);
  if (path_[0] != '\0') {
    const int error = execute(path_.data());
    if (error != ENOENT) return error;
  }
  return search();
}

int exit_code_of(int exec_errno) {
  constexpr int kNotFound = 127;
  constexpr int kNotExecutable = 126;
  return exec_errno == ENOENT || exec_errno == ENOTDIR ? kNotFound : kNotExecutable;
}

}  // namespace mayfly::gate
