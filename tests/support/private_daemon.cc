#include "tests/support/private_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "runtime/descriptor.h"
#include "tests/support/traces.h"

namespace mayfly::support {
namespace {

using runtime::Descriptor;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s;  ///< for what must come; a loaded machine is no fault

Descriptor connect_to(const std::string& path) {
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

/// In the child. What is not to be inherited is CLOEXEC.
[[noreturn]] void execute(const std::vector<std::string>& words,
                          const std::map<std::string, std::string>& environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no daemon behind
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

bool ends_in_time(pid_t pid) {
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  return poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 1; (size = read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

PrivateDaemon::PrivateDaemon(std::string directory)
    : directory_(std::move(directory)), unique_(std::filesystem::path(directory_).filename()) {}

PrivateDaemon::~PrivateDaemon() {
  kill9();
  unmount_under(directory_);
  remove_cgroups(cgroup_parent());
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string PrivateDaemon::log() const {
  return directory_ + "/" + std::filesystem::path(command().front()).filename().string() + ".log";
}

void PrivateDaemon::start() {
  const auto words = command();
  const auto more = environment();
  const auto file = log();
  pid_ = fork();
  if (pid_ == 0) {
    const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    // What falls into the current folder, as conmon's file of an OOM kill, falls into ours.
    if (chdir(directory_.c_str()) != 0) _exit(127);
    execute(words, more);
  }
  wait_until_serving();
}

void PrivateDaemon::wait_until_serving() const {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!serves()) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > until) {
      throw std::runtime_error(command().front() +
                               " does not start (./dev test installs it): " + slurp(log()));
    }
    std::this_thread::sleep_for(10ms);  // nothing tells of a socket that is about to listen
  }
}

void PrivateDaemon::signal_and_reap(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  if (!ends_in_time(pid_)) kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivateDaemon::terminate() {
  signal_and_reap(SIGTERM);
}
void PrivateDaemon::kill9() {
  signal_and_reap(SIGKILL);
}

void PrivateDaemon::stop() const {
  if (pid_ <= 0) return;
  kill(pid_, SIGSTOP);
  siginfo_t stopped{};
  waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED);
}

void PrivateDaemon::go_on() const {
  if (pid_ > 0) kill(pid_, SIGCONT);
}

std::vector<pid_t> PrivateDaemon::container_processes() const {
  return processes_in(cgroup_parent());
}

bool connects(const std::string& socket_path) {
  return static_cast<bool>(connect_to(socket_path));
}

bool answers_ping(const std::string& socket_path) {
  const auto server = connect_to(socket_path);
  if (!server) return false;
  const timeval deadline{5, 0};
  setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  const std::string request = "GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n";
  if (send(server.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
  return read_all(server.get()).find(" 200 OK\r\n") != std::string::npos;
}

std::string run(const std::vector<std::string>& words,
                const std::map<std::string, std::string>& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execute(words, environment);
  }
  close(ends[1]);
  auto output = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) {
    std::string all;
    for (const auto& word : words) all += word + " ";
    throw std::runtime_error(all + "failed: " + output);
  }
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

}  // namespace mayfly::support
