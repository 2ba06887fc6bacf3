// Where Mayfly lives: its gate, its folders, what it may do there.
#include <elf.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <sstream>

#include "agent/doctor/check.h"

namespace mayfly::doctor {
namespace {

constexpr std::uint64_t kWarnBelowPercent = 10;
constexpr std::uint64_t kFailBelowPercent = 2;

std::string gib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1ULL << 30U));
  return text;
}

enum class Linkage : std::uint8_t { kStatic, kDynamic, kNoProgram };

/// A program without an interpreter needs nothing of the image that it runs in.
Linkage linkage_of(const std::string& bytes) {
  Elf64_Ehdr head;
  if (bytes.size() < sizeof head || bytes.compare(0, SELFMAG, ELFMAG) != 0) {
    return Linkage::kNoProgram;
  }
  std::memcpy(&head, bytes.data(), sizeof head);
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr part;
    const std::size_t at = head.e_phoff + i * head.e_phentsize;
    if (at > bytes.size() || bytes.size() - at < sizeof part) return Linkage::kNoProgram;
    std::memcpy(&part, bytes.data() + at, sizeof part);
    if (part.p_type == PT_INTERP) return Linkage::kDynamic;
  }
  return Linkage::kStatic;
}

/// The effective ones of this process, as bits; none where they are not told.
std::optional<std::uint64_t> capabilities(const Host& host) {
  std::istringstream lines(read_file(host, "/proc/self/status").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("CapEff:")) return std::strtoull(line.c_str() + 7, nullptr, 16);
  }
  return std::nullopt;
}

}  // namespace

Check check_space(const Host& host, const std::string& name, const std::string& path) {
  const auto space = host.space(host.root + path);
  if (!space || space->total_bytes == 0) {
    return {name, Status::kWarning, path + " is not there yet", "the daemon makes it as it starts"};
  }
  const std::uint64_t percent = files::free_percent(*space);
  Check check{name, Status::kOk,
              path + ": " + gib(space->free_bytes) + " free (" + std::to_string(percent) + " %)",
              ""};
  if (percent >= kWarnBelowPercent) return check;
  check.status = percent < kFailBelowPercent ? Status::kFailed : Status::kWarning;
  check.fix = name == "disk: images" ? "mayfly image gc" : "make room there, or move it elsewhere";
  return check;
}

Check check_gate(const Host& host, const std::string& gate) {
  Check check{"gate", Status::kFailed, gate, "install mayfly again, or set runtime.gate"};
  if (gate.empty()) {
    check.what = "mayfly-gate is neither beside the program nor in its libexec folder";
    return check;
  }
  const auto bytes = read_file(host, gate);
  if (!bytes) {
    check.what += " cannot be read";
  } else if (!host.executable(host.root + gate)) {
    check.what += " may not be executed";
    check.fix = "chmod 755 " + gate;
  } else if (const Linkage linkage = linkage_of(*bytes); linkage == Linkage::kDynamic) {
    check.what += " is linked dynamically: it runs in few images";
  } else if (linkage == Linkage::kNoProgram) {
    check.what += " is not a program";
  } else {
    return {check.name, Status::kOk, gate + " is static and may be executed", ""};
  }
  return check;
}

Check check_capabilities(const Host& host) {
  struct Needed {
    unsigned bit;
    const char* name;
  };
  static constexpr Needed kNeeded[] = {
      {0, "CAP_CHOWN"}, {1, "CAP_DAC_OVERRIDE"}, {5, "CAP_KILL"}, {19, "CAP_SYS_PTRACE"}};
  const auto held = capabilities(host);
  std::string missing;
  for (const Needed& needed : kNeeded) {
    if (held && (*held >> needed.bit & 1U) != 0) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(needed.name);
  }
  if (missing.empty()) return {"permissions", Status::kOk, "all capabilities that are needed", ""};
  return {"permissions", Status::kFailed, "missing: " + missing,
          "run as root, and keep these in CapabilityBoundingSet="};
}

Check check_run_dir(const Host& host, const std::string& run_dir) {
  const auto status = host.status(host.root + run_dir);
  if (!status) {
    return {"run folder", Status::kWarning, run_dir + " is not there yet",
            "the daemon makes it as it starts"};
  }
  if (status->owner != 0 || (status->mode & S_IWOTH) != 0) {
    return {"run folder", Status::kFailed,
            run_dir + " may be changed by others than root: they could take over gates",
            "chown root " + run_dir + " && chmod 755 " + run_dir};
  }
  return {"run folder", Status::kOk, run_dir + " is root's", ""};
}

namespace {

Check check_group(const Host& host, const std::string& name, const std::string& group,
                  const std::string& socket) {
  if (group.empty()) return {name, Status::kOk, "none asked for: root alone", ""};
  if (host.group_exists(group)) {
    return {name, Status::kOk, "members of " + group + " may use the " + socket, ""};
  }
  return {name, Status::kWarning,
          "there is no group " + group + ": root alone may use the " + socket,
          "groupadd --system " + group};
}

}  // namespace

std::vector<Check> check_groups(const Host& host, const config::Control& control) {
  std::vector<Check> checks{check_group(host, "control group", control.group, "socket")};
  if (control.read_socket != config::kSocketNone) {
    checks.push_back(check_group(host, "read group", control.read_group, "read-only socket"));
  }
  return checks;
}

}  // namespace mayfly::doctor
