#include "agent/cgroup_usage.h"

#include <fstream>
#include <string_view>

namespace mayfly::agent {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";

std::optional<std::int64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

/// The value of `key` in a file of `key value` lines.
std::optional<std::int64_t> read_keyed(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value) {
    if (name == key) return value;
  }
  return std::nullopt;
}

CgroupUsage read_v2(const std::string& directory) {
  CgroupUsage usage;
  usage.cpu_us = read_keyed(directory + "/cpu.stat", "usage_usec");
  usage.memory_peak_bytes = read_number(directory + "/memory.peak");
  usage.oom = read_keyed(directory + "/memory.events", "oom_kill").value_or(0) > 0;
  return usage;
}

CgroupUsage read_v1(const std::string& path) {
  const std::string root = kRoot;
  CgroupUsage usage;
  if (const auto ns = read_number(root + "/cpuacct" + path + "/cpuacct.usage")) {
    usage.cpu_us = *ns / 1000;
  }
  const std::string memory = root + "/memory" + path;
  usage.memory_peak_bytes = read_number(memory + "/memory.max_usage_in_bytes");
  usage.oom = read_keyed(memory + "/memory.oom_control", "oom_kill").value_or(0) > 0;
  return usage;
}

bool unified() {
  static const bool is = std::ifstream(std::string(kRoot) + "/cgroup.controllers").good();
  return is;
}

}  // namespace

CgroupUsage read_cgroup_usage(const std::string& path) {
  return unified() ? read_v2(kRoot + path) : read_v1(path);
}

}  // namespace mayfly::agent
