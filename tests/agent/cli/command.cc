#include "tests/agent/cli/command.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/agent/control/fake_operations.h"

namespace mayfly::cli {
namespace {

constexpr unsigned kPatienceS = 120;

[[noreturn]] void become_mayfly(const std::string& socket,
                                const std::vector<std::string>& arguments) {
  std::vector<std::string> words{MAYFLY_BINARY, "--socket", socket};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  alarm(kPatienceS);  // a test fails and does not hang
  execv(argv[0], argv.data());
  _exit(127);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void open_as(const std::filesystem::path& path, int flags, int target) {
  const int fd = open(path.c_str(), flags, 0600);
  if (fd < 0 || dup2(fd, target) < 0) _exit(126);
}

}  // namespace

Ran run_mayfly(const std::string& socket, const std::vector<std::string>& arguments,
               const std::string& input) {
  const control::TemporaryDirectory directory;
  std::ofstream(directory.path() / "in") << input;
  const pid_t child = fork();
  if (child == 0) {
    open_as(directory.path() / "in", O_RDONLY, STDIN_FILENO);
    open_as(directory.path() / "out", O_WRONLY | O_CREAT, STDOUT_FILENO);
    open_as(directory.path() / "err", O_WRONLY | O_CREAT, STDERR_FILENO);
    become_mayfly(socket, arguments);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {exit_code(status), read_file(directory.path() / "out"),
          read_file(directory.path() / "err")};
}

RunningMayfly::RunningMayfly(const std::string& socket, const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    become_mayfly(socket, arguments);
  }
  close(ends[1]);
  out_ = ends[0];
}

RunningMayfly::~RunningMayfly() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) close(out_);
}

std::string RunningMayfly::read_until(const std::string& mark) {
  std::string all;
  char byte = 0;
  while (all.find(mark) == std::string::npos && read(out_, &byte, 1) == 1) all += byte;
  return all;
}

int RunningMayfly::hang_up() {
  close(out_);
  out_ = -1;
  return wait_for_end();
}

int RunningMayfly::interrupt() {
  kill(pid_, SIGINT);
  return wait_for_end();
}

int RunningMayfly::wait_for_end() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return exit_code(status);
}

}  // namespace mayfly::cli
