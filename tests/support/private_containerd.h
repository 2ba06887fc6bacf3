// A containerd of the test's own: root, state, socket and namespace that nobody else uses, ended by
// pid. What the test leaves behind is found, reported and cleared away.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace mayfly::support {

class PrivateContainerd {
 public:
  /// Starts it and waits until it takes connections. A host without containerd or runc fails the
  /// test (an exception): there is no skipping.
  PrivateContainerd();
  ~PrivateContainerd();  ///< ends it, its shims and their containers, and removes all their files
  PrivateContainerd(const PrivateContainerd&) = delete;
  PrivateContainerd& operator=(const PrivateContainerd&) = delete;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string socket() const { return directory_ + "/c.sock"; }
  [[nodiscard]] const std::string& name_space() const { return name_space_; }
  [[nodiscard]] std::string cgroup_parent() const { return "/" + name_space_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  void start();  ///< REQUIRES: it does not run
  void terminate();
  void kill9();
  void stop() const;   ///< SIGSTOP
  void go_on() const;  ///< SIGCONT

  /// What is left of containers, a line each: shims, mounts, cgroups, runc's state. Nothing else
  /// may be under way.
  [[nodiscard]] std::vector<std::string> leftovers() const;

  /// Host pids of the processes in the containers' cgroups.
  [[nodiscard]] std::vector<pid_t> container_processes() const;
  /// Pids of the shims that serve this containerd.
  [[nodiscard]] std::vector<pid_t> shims() const;

 private:
  void signal_and_reap(int signal);
  void wait_until_serving() const;
  void clear_away() const;

  std::string directory_;
  std::string name_space_;
  pid_t pid_ = -1;
};

}  // namespace mayfly::support
