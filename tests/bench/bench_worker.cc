// The worker of the benchmarks: static, so that it runs in an image of one file. Stamps its first
// moment, lives for so long, stamps its last, and exits with 0.
//   bench_worker STAMPS LIFE_MS [REST_EVERY REST_MS]
// The first life of a slot lives REST_MS instead, and each REST_EVERY-th after it: a pause in which
// spares are made.
// With hold = "app" it waits at the gate itself, and its first moment is its release.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/bench/stamps.h"

namespace {

using mayfly::bench::Stamp;
using mayfly::bench::StampFile;

std::int64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

std::int64_t first_moment;

// Ahead of every other constructor: as early as a program of the C library can be.
[[gnu::constructor(101)]] void stamp_first_moment() {
  first_moment = now();
}

StampFile* map_stamps(const char* path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat stat {};
  if (fd < 0 || fstat(fd, &stat) != 0) _exit(78);
  void* memory = mmap(nullptr, static_cast<std::size_t>(stat.st_size), PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) _exit(78);
  close(fd);
  return static_cast<StampFile*>(memory);
}

int connect_to(const char* gate) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, gate, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

/// Says ready at the gate. Returns the slot of the release; -1: the connection ended without one.
std::int64_t await_release(const char* gate) {
  static constexpr char kReady[] = "{\"mayfly\":1,\"type\":\"ready\"}\n";
  static constexpr char kSlot[] = "\"slot\":";
  const int fd = connect_to(gate);
  if (fd < 0) return -1;
  char frame[4096] = {};
  std::size_t length = 0;
  if (write(fd, kReady, sizeof kReady - 1) > 0) {
    while (length < sizeof frame - 1 && memchr(frame, '\n', length) == nullptr) {
      const ssize_t got = read(fd, frame + length, sizeof frame - 1 - length);
      if (got <= 0) break;
      length += static_cast<std::size_t>(got);
    }
  }
  first_moment = now();
  close(fd);
  const char* slot = strstr(frame, kSlot);
  return slot ? atoll(slot + sizeof kSlot - 1) : -1;
}

/// What the release says, or the environment.
std::int64_t own_slot() {
  if (const char* gate = getenv("MAYFLY_GATE")) {
    signal(SIGTERM, [](int) { _exit(0); });
    const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    for (;;) {
      if (const std::int64_t slot = await_release(gate); slot >= 0) return slot;
      nanosleep(&pause, nullptr);  // the agent is away; its coming back tells nobody
    }
  }
  const char* slot = getenv("MAYFLY_SLOT");
  return slot ? atoll(slot) : 0;
}

Stamp& take_stamp(StampFile& file) {
  const std::int64_t slot = own_slot();
  const std::int64_t index = file.used.fetch_add(1);
  if (index >= file.size) _exit(78);
  Stamp& stamp = file.stamps[index];
  const char* worker = getenv("MAYFLY_WORKER");
  stamp.slot = slot;
  stamp.first = first_moment;
  if (worker) strncpy(stamp.worker, worker, sizeof stamp.worker - 1);
  return stamp;
}

bool rests(const StampFile& file, const Stamp& stamp, std::int64_t every) {
  std::int64_t lives = 0;
  for (const Stamp* other = file.stamps; other <= &stamp; ++other)
    lives += other->slot == stamp.slot;
  return every > 0 && lives % every == 1;
}

void live_until(std::int64_t end) {
  const timespec t{.tv_sec = end / 1'000'000'000, .tv_nsec = end % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) != 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  StampFile& file = *map_stamps(argv[1]);
  Stamp& stamp = take_stamp(file);
  std::int64_t life_ms = atoll(argv[2]);
  if (argc > 4 && rests(file, stamp, atoll(argv[3]))) life_ms = atoll(argv[4]);
  if (life_ms > 0) live_until(first_moment + life_ms * 1'000'000);
  stamp.last = now();
  _exit(0);
}
