#include "tests/runtime/gate/house.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace mayfly::gate {

namespace fs = std::filesystem;

std::size_t open_descriptors() {
  const fs::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

Process::Process(std::vector<std::string> argv) {
  std::vector<char*> pointers;
  for (auto& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (::posix_spawn(&pid_, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0) pid_ = -1;
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

int Process::wait() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

Peer::Peer(const std::string& socket_path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    socket_.reset();
  }
}

void Peer::say(std::string_view bytes) const {
  [[maybe_unused]] const auto sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void Peer::say_with(std::string_view bytes, int descriptor) const {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  ASSERT_EQ(::sendmsg(socket_.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

bool Peer::closed() {
  char bytes[4096];
  for (;;) {
    const auto got = ::recv(socket_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) return true;  // a reset is an end too
    heard_.append(bytes, static_cast<std::size_t>(got));
  }
}

House::House() {
  std::string pattern = fs::temp_directory_path() / "mayfly-gate-XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  restart();
}

House::~House() {
  gates_.reset();
  fs::remove_all(folder_);
}

void House::restart() {
  gates_.reset();
  Callbacks callbacks;
  callbacks.ready = [this](const auto& worker) { events_.push_back("ready " + worker); };
  callbacks.lost = [this](const auto& worker, const auto& reason) {
    events_.push_back("lost " + worker + ": " + reason);
  };
  callbacks.running = [this](const auto& worker, auto at_ns) {
    running_at_ns_ = at_ns;
    events_.push_back("running " + worker);
  };
  callbacks.failed = [this](const auto& worker, const auto& reason) {
    events_.push_back("failed " + worker + ": " + reason);
  };
  callbacks.untraced = [this](const auto& worker, const auto& reason) {
    events_.push_back("untraced " + worker + ": " + reason);
  };
  gates_ = std::make_unique<Gates>(
      loop_, Gates::Options{folder_ + "/gates", {{"SLOT", "4294967295"}}}, callbacks);
}

void House::open(const std::string& worker, Hold hold, Stdio stdio) {
  const auto opened = gates_->open(worker, hold, stdio);
  ASSERT_TRUE(opened) << opened.error();
}

void House::mark(const std::string& worker, std::uint32_t slot) const {
  std::ofstream(folder_ + "/gates/" + worker + "/released") << slot << '\n';
}

std::string House::socket_of(const std::string& worker) const {
  return gates_->mount_source(worker) + "/gate.sock";
}

Peer House::held(const std::string& worker) {
  Peer peer(socket_of(worker));
  peer.say(kHello);
  until_event("ready " + worker);
  return peer;
}

std::unique_ptr<Process> House::gate(const std::string& worker, std::vector<std::string> command,
                                     std::vector<std::string> options) const {
  std::vector<std::string> argv{MAYFLY_GATE_PROGRAM, "--socket", socket_of(worker)};
  argv.insert(argv.end(), options.begin(), options.end());
  if (!command.empty()) argv.emplace_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  return std::make_unique<Process>(std::move(argv));
}

void House::until(const std::function<bool()>& so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!so()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ::testing::PrintToString(events_);
    if (loop_.stopped()) loop_.restart();
    loop_.run_one_for(std::chrono::milliseconds(20));
  }
}

void House::until_event(const std::string& event) {
  until([&] { return !events_.empty() && events_.back() == event; });
}

std::size_t House::count(const std::string& event) const {
  return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event));
}

void House::settle() {
  loop_.restart();
  while (loop_.poll() > 0) loop_.restart();
}

Pipe::Pipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
}

std::string Pipe::drain() {
  write_end.reset();
  std::string all;
  char bytes[4096];
  for (;;) {
    const auto got = ::read(read_end.get(), bytes, sizeof(bytes));
    if (got <= 0) return all;
    all.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace mayfly::gate
