// A container runtime's daemon of the test's own, ended by pid: the part that is alike for all.
// What the command is and what containers leave is each runtime's.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace mayfly::support {

class PrivateDaemon {
 public:
  /// Kills it, and removes its mounts, cgroups and files. Its containers the derived class has
  /// ended.
  virtual ~PrivateDaemon();
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// The folder's own name, which nothing else on this host has.
  [[nodiscard]] const std::string& unique() const { return unique_; }
  [[nodiscard]] std::string cgroup_parent() const { return "/" + unique_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] virtual std::string socket() const = 0;

  /// Returns when it serves. One that does not start fails the test (an exception): there is no
  /// skipping. REQUIRES: it does not run.
  void start();
  void terminate();  ///< SIGTERM, and SIGKILL for one that does not heed it
  void kill9();
  void stop() const;   ///< SIGSTOP; it is at a stop when this returns
  void go_on() const;  ///< SIGCONT

  /// What is left of containers, a line each: processes, mounts, cgroups, state. Nothing else may
  /// be under way.
  [[nodiscard]] virtual std::vector<std::string> leftovers() const = 0;
  /// Host pids of the processes in the containers' cgroups.
  [[nodiscard]] virtual std::vector<pid_t> container_processes() const;

 protected:
  explicit PrivateDaemon(std::string directory);

  [[nodiscard]] virtual std::vector<std::string> command() const = 0;
  [[nodiscard]] virtual std::map<std::string, std::string> environment() const { return {}; }
  [[nodiscard]] virtual bool serves() const = 0;
  [[nodiscard]] std::string log() const;

 private:
  void signal_and_reap(int signal);
  void wait_until_serving() const;

  std::string directory_;
  std::string unique_;
  pid_t pid_ = -1;
};

/// Something accepts connections there.
[[nodiscard]] bool connects(const std::string& socket_path);
/// An HTTP server there says 200 to GET /_ping.
[[nodiscard]] bool answers_ping(const std::string& socket_path);

/// Runs a program to its end and returns its standard output, without the last newline. A failure
/// fails the test (an exception).
std::string run(const std::vector<std::string>& words,
                const std::map<std::string, std::string>& environment = {});

}  // namespace mayfly::support
