// The floor of the respawn gap: the plainest supervisor there can be. For each slot it forks and
// executes the worker, waits for any to end, and puts a new one into the slot of the ended.
//   bench_bare SLOTS SECONDS WORKER [ARGS…]

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

pid_t spawn(const std::string& slot, char** command) {
  const pid_t pid = fork();
  if (pid < 0) {
    perror("fork");
    exit(1);
  }
  if (pid == 0) {
    setenv("MAYFLY_SLOT", slot.c_str(), 1);
    execv(command[0], command);
    perror(command[0]);
    _exit(127);
  }
  return pid;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  std::vector<pid_t> slots(static_cast<std::size_t>(atoi(argv[1])));
  const double end = now() + atof(argv[2]);
  char** command = argv + 3;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    slots[slot] = spawn(std::to_string(slot), command);
  }
  for (siginfo_t ended{}; waitid(P_ALL, 0, &ended, WEXITED) == 0;) {
    if (ended.si_status != 0) return 1;
    for (std::size_t slot = 0; slot < slots.size() && now() < end; ++slot) {
      if (slots[slot] == ended.si_pid) slots[slot] = spawn(std::to_string(slot), command);
    }
  }
  return 0;
}
