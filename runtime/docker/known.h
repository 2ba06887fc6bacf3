// What has been seen of containers of ours: by which id a name is theirs, and the pid of a running
// one. A container never runs twice, so neither changes; a memory only, to spare calls.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <unordered_map>

namespace mayfly::docker {

class Known {
 public:
  struct Container {
    std::string id;
    pid_t pid = 0;  ///< 0: not seen yet
  };

  /// Null: it is to be asked for.
  [[nodiscard]] const Container* find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
  }
  void keep(const std::string& name, Container container) {
    if (by_name_.size() >= kContainersMax) by_name_.clear();
    by_name_[name] = std::move(container);
  }
  /// It has ended, and if it runs, then anew.
  void forget_pid(const std::string& name, const std::string& id) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && found->second.id == id) found->second.pid = 0;
  }
  void forget(const std::string& name) { by_name_.erase(name); }

 private:
  static constexpr std::size_t kContainersMax = 16'384;
  std::unordered_map<std::string, Container> by_name_;
};

}  // namespace mayfly::docker
