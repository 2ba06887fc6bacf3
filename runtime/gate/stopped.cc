#include "runtime/gate/stopped.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/files/read.h"
#include "runtime/pidfd.h"

namespace mayfly::gate {
namespace {

using runtime::Descriptor;

tl::unexpected<std::string> fault_of(const char* what) {
  return tl::make_unexpected(std::string(what) + ": " + std::strerror(errno));
}

/// "" of one that has ended.
std::string told_of(pid_t pid, const char* what) {
  constexpr std::size_t kBytesMax = 8U << 20U;  // more than an exec takes
  return files::read_bounded("/proc/" + std::to_string(pid) + '/' + what, kBytesMax).value_or("");
}

/// The field of that number of /proc/PID/stat, at least the third: the second is in parentheses,
/// and may hold anything. "" where there is none.
std::string_view field_of(std::string_view stat, int number) {
  constexpr int kFieldAfterName = 3;
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string_view::npos) return {};
  stat.remove_prefix(name_end + 2);
  for (int field = kFieldAfterName; field < number; ++field) {
    const std::size_t space = stat.find(' ');
    if (space == std::string_view::npos) return {};
    stat.remove_prefix(space + 1);
  }
  return stat.substr(0, stat.find(' '));
}

/// Where the environment begins.
std::optional<std::uintptr_t> environment_of(pid_t pid) {
  constexpr int kFieldOfEnvironment = 50;
  const std::string stat = told_of(pid, "stat");
  const std::string field(field_of(stat, kFieldOfEnvironment));
  const auto address = std::strtoull(field.c_str(), nullptr, 10);
  if (address == 0) return std::nullopt;
  return static_cast<std::uintptr_t>(address);
}

/// A NUL before each entry, so that a name is found only where an entry begins.
std::string entries_of(pid_t pid) {
  return '\0' + told_of(pid, "environ");
}

std::string beginning_of(const std::string& name) {
  return '\0' + name + '=';
}

}  // namespace

tl::expected<Stopped, std::string> Stopped::find(pid_t pid, Descriptor pidfd,
                                                 const Environment& reserved) {
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  Descriptor memory(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const auto no_memory = fault_of("its memory cannot be opened");
  const auto begin = environment_of(pid);
  const std::string entries = entries_of(pid);
  if (runtime::has_ended(pidfd.get())) return tl::make_unexpected(std::string("it has ended"));
  if (!memory) return no_memory;
  Stopped stopped(std::move(pidfd), std::move(memory));
  for (const auto& [name, value] : reserved) {
    const std::string entry = beginning_of(name);
    const std::size_t at = entries.find(entry);
    if (!begin || at == std::string::npos) {
      return tl::make_unexpected("its environment has no " + name);
    }
    stopped.rooms_[name] = {*begin + at + entry.size() - 1, value.size()};
  }
  return stopped;
}

bool Stopped::is_stopped(pid_t pid) {
  constexpr int kFieldOfState = 3;
  return field_of(told_of(pid, "stat"), kFieldOfState) == "T";
}

bool Stopped::is_untouched(pid_t pid, const Environment& reserved) {
  const std::string entries = entries_of(pid);
  return std::all_of(reserved.begin(), reserved.end(), [&](const auto& each) {
    return entries.find(beginning_of(each.first) + each.second + '\0') != std::string::npos;
  });
}

tl::expected<void, std::string> Stopped::has_room_for(const Environment& env) const {
  for (const auto& [name, value] : env) {
    const auto room = rooms_.find(name);
    if (room == rooms_.end() || value.size() > room->second.bytes) {
      return tl::make_unexpected("there is no room for " + name + "=" + value);
    }
  }
  return {};
}

tl::expected<void, std::string> Stopped::write(const Room& room, std::string value) const {
  value.resize(room.bytes);  // empty entries behind it, that nothing points to
  const auto written =
      ::pwrite(memory_.get(), value.data(), value.size(), static_cast<off_t>(room.address));
  if (written == static_cast<ssize_t>(value.size())) return {};
  if (written == 0) return tl::make_unexpected(std::string("it has ended"));
  return fault_of("its environment cannot be written");
}

tl::expected<void, std::string> Stopped::let_run(const Environment& env) const {
  for (const auto& [name, value] : env) {
    if (auto written = write(rooms_.at(name), value); !written) return written;
  }
  if (!runtime::send_signal(pidfd_.get(), SIGCONT)) return fault_of("it cannot be let go");
  return {};
}

void Stopped::kill() const {
  runtime::send_signal(pidfd_.get(), SIGKILL);
}

}  // namespace mayfly::gate
