// The worker of the integration tests: static, so that it runs in an image of one file. The first
// argument says how it behaves; the second is a folder that the test sees too.
//   live FOLDER LEAST_MS MOST_MS [CODE]   lives for so long, then exits with the code
//   fork FOLDER                           forks for as long as it is let, then for a second more
//   crash FOLDER                          ends by a fault of memory
//   besiege FOLDER                        says all kinds of nonsense to its gate's socket
//   babble FOLDER                         says one word of it, then lives on
// Each life is told in FOLDER/lives, a line each: begin | end | double | note WORKER SLOT NS TEXT.
// A life holds a lock of its slot; one that finds it taken is the slot's second and says `double`.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

volatile sig_atomic_t told_to_stop = 0;

void on_term(int) {
  told_to_stop = 1;
}

long long now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "-";
}

/// What this life leaves behind for the test.
class Story {
 public:
  explicit Story(std::string folder)
      : folder_(std::move(folder)),
        worker_(variable("MAYFLY_WORKER")),
        slot_(variable("MAYFLY_SLOT")) {
    lives_ = open((folder_ + "/lives").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (lives_ < 0) _exit(99);
  }

  void tell(const char* what, const std::string& text) const {
    const std::string line = std::string(what) + " " + worker_ + " " + slot_ + " " +
                             std::to_string(now_ns()) + " " + text + "\n";
    if (write(lives_, line.data(), line.size()) < 0) _exit(98);
  }

  /// One that holds itself has no slot yet.
  void take_slot() const {
    if (slot_ == "-") return;
    const std::string path = folder_ + "/slot-" + variable("MAYFLY_POOL") + "-" + slot_;
    const int fd = open(path.c_str(), O_RDWR | O_CREAT, 0666);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) tell("double", std::to_string(errno));
  }

 private:
  std::string folder_;
  std::string worker_;
  std::string slot_;
  int lives_ = -1;
};

void live_for(long long ms) {
  const long long end = now_ns() + ms * 1'000'000;
  while (told_to_stop == 0 && now_ns() < end) {
    const long long left = end - now_ns();
    const timespec t{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    if (left > 0) nanosleep(&t, nullptr);  // its life itself; a signal ends it early
  }
}

int live(const Story& story, int argc, char** argv) {
  if (argc < 5) return 64;
  const long long least = atoll(argv[3]);
  const long long most = atoll(argv[4]);
  live_for(least + (most > least ? now_ns() / 1000 % (most - least) : 0));
  const int code = argc > 5 && told_to_stop == 0 ? atoi(argv[5]) : 0;
  story.tell("end", std::to_string(code));
  return code;
}

int fork_all(const Story& story) {
  const long long end = now_ns() + 1'000'000'000;
  int children = 0;
  int refused = 0;
  while (now_ns() < end) {
    const pid_t pid = fork();
    if (pid == 0) {
      while (true) (void)fork();
    }
    if (pid > 0) ++children;
    if (pid < 0 && errno == EAGAIN) ++refused;
  }
  story.tell("note", std::to_string(children) + " " + std::to_string(refused));
  return refused > 0 ? 0 : 1;
}

int crash() {
  volatile int* nowhere = nullptr;
  return *nowhere;
}

int connect_to(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

/// Sends all of it or as much as is taken; a peer that hangs up is what is hoped for.
void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

int besiege(const Story& story) {
  const std::string huge(4 * 1024 * 1024, 'x');
  const std::vector<std::string> nonsense = {
      huge,
      "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"gate\"",
      "\n\n\n\n",
      std::string(64, '\0'),
      "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"gate\"}\n{\"mayfly\":1,\"type\":\"ready\"}\n",
      "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"app\"}\n",
      "{\"mayfly\":99,\"type\":\"hello\",\"hold\":\"gate\"}\n",
      "{\"mayfly\":1,\"type\":\"failed\",\"errno\":-7,\"what\":\"\\u0000\"}\n",
      std::string(3000, '[') + "\n",
      "GET / HTTP/1.1\r\n\r\n"};
  int open_ones = 0;
  for (int round = 0; round < 40; ++round) {
    for (const std::string& words : nonsense) {
      const int fd = connect_to("/.mayfly/gate.sock");
      if (fd < 0) continue;
      ++open_ones;
      send_all(fd, words);  // and left open until this life's end
    }
  }
  story.tell("note", std::to_string(open_ones));
  return 0;
}

int babble() {
  const int fd = connect_to("/.mayfly/gate.sock");
  if (fd < 0) return 1;
  send_all(fd, "nonsense\n");
  live_for(3'600'000);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  // The first process of a pid namespace is deaf to TERM unless it asks for it.
  struct sigaction action {};
  action.sa_handler = on_term;
  sigaction(SIGTERM, &action, nullptr);
  const Story story(argv[2]);
  story.take_slot();
  story.tell("begin", "-");
  const std::string_view mode = argv[1];
  if (mode == "live") return live(story, argc, argv);
  if (mode == "fork") return fork_all(story);
  if (mode == "crash") return crash();
  if (mode == "besiege") return besiege(story);
  if (mode == "babble") return babble();
  return 64;
}
