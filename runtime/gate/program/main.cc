// mayfly-gate: the first process of a worker's container. It waits at the worker's own socket until
// the agent releases it, then becomes the command. Static, and content with an empty image.
//
//   gate [--hold=app|exec] [--socket PATH] -- COMMAND [ARGUMENT]...
//       Waits for the release, then execs COMMAND. With --hold=app it execs COMMAND when it is told
//       to start, with MAYFLY_GATE in the environment, and COMMAND itself waits for the release;
//       with --hold=exec as well, and the agent, which traces it, holds COMMAND.
//   gate --ready [--socket PATH]
//       For apps that are shell scripts: says ready at $MAYFLY_GATE, waits for the release, prints
//       its variables as `export NAME='value'` lines and exits 0.  eval "$(/.mayfly/gate --ready)"
//
// --socket is for tests and for trying things out of a container.
#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime/gate/program/agent_frame.h"
#include "runtime/gate/program/command.h"
#include "runtime/gate/program/connection.h"

namespace mayfly::gate {
namespace {

constexpr int kUsage = 2;

enum class Mode : std::uint8_t { kHoldGate, kHoldExec, kHoldApp, kReady };

struct Arguments {
  Mode mode = Mode::kHoldGate;
  const char* socket = kSocketInside;
  char** command = nullptr;
};

// Large, and needed for as long as the process is the gate.
Variables variables;

bool parse_arguments(char** argv, Arguments& arguments) {
  const char* told = nullptr;
  char** next = argv + 1;
  for (; *next != nullptr && std::strcmp(*next, "--") != 0; ++next) {
    if (std::strcmp(*next, "--hold=app") == 0) {
      arguments.mode = Mode::kHoldApp;
    } else if (std::strcmp(*next, "--hold=exec") == 0) {
      arguments.mode = Mode::kHoldExec;
    } else if (std::strcmp(*next, "--ready") == 0) {
      arguments.mode = Mode::kReady;
    } else if (std::strcmp(*next, "--socket") == 0 && next[1] != nullptr) {
      told = *++next;
    } else {
      return false;
    }
  }
  if (*next != nullptr) arguments.command = next + 1;
  // Only for an app: whether the gate itself holds must not depend on the image's environment.
  if (told == nullptr && arguments.mode == Mode::kReady) told = std::getenv(kSocketVariable);
  if (told != nullptr) arguments.socket = told;
  const bool command_given = arguments.command != nullptr && *arguments.command != nullptr;
  return command_given == (arguments.mode != Mode::kReady) &&
         std::strlen(arguments.socket) < sizeof(sockaddr_un::sun_path);
}

extern "C" void exit_by_signal(int number) {
  ::_exit(128 + number);
}

/// The first process of a pid namespace ignores what it has no handler for. exec undoes this.
void exit_on_signals() {
  struct sigaction action {};
  action.sa_handler = exit_by_signal;
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaction(number, &action, nullptr);
}

/// Descriptors that we receive must not land on 0, 1 or 2; what the runtime left open beyond is
/// ours to keep from the worker.
void tidy_descriptors() {
  while (true) {
    const int lowest = ::open("/", O_PATH | O_DIRECTORY);
    if (lowest > STDERR_FILENO || lowest < 0) {
      ::close(lowest);
      break;
    }
  }
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

[[noreturn]] void report_and_exit(const Connection& connection, const Command& command, int error) {
  const char* const text = ::strerrordesc_np(error);
  std::fprintf(stderr, "mayfly-gate: %s: %s\n", command.what(), text);
  char what[sizeof("exec ") + 300];
  std::size_t length = 0;
  for (const char* c = command.what(); *c != '\0' && length < sizeof(what) - 1; ++c) {
    const bool plain = *c >= ' ' && *c <= '~' && *c != '"' && *c != '\\';
    what[length++] = plain ? *c : '?';
  }
  what[length] = '\0';
  char frame[1024];
  std::snprintf(frame, sizeof(frame),
                R"({"mayfly":1,"type":"failed","errno":%d,"error":"%s","what":"%s"})"
                "\n",
                error, text, what);
  connection.say(frame);
  ::_exit(exit_code_of(error));
}

/// Does once what the release will need, so that its code, heap and buffers are in memory by then.
void rehearse(Command& command, Connection& connection) {
  const AgentFrame frame = parse_agent_frame(
      R"({"mayfly":1,"type":"release","slot":0,"env":{"MAYFLY_REHEARSAL":""}})", variables);
  if (frame != AgentFrame::kRelease) std::abort();
  variables.prefault();
  connection.prefault();
  variables.clear();
  command.prepare();
}

const char* greeting_of(Mode mode) {
  switch (mode) {
    case Mode::kHoldGate:
      return "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"gate\"}\n";
    case Mode::kHoldExec:
      return "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"exec\"}\n";
    case Mode::kHoldApp:
      return "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"app\"}\n";
    case Mode::kReady:
      break;
  }
  return "{\"mayfly\":1,\"type\":\"ready\"}\n";
}

Connection::Awaited awaits(Mode mode) {
  // One that cannot be traced is not started, but held here.
  return {.start = mode == Mode::kHoldExec || mode == Mode::kHoldApp,
          .release = mode != Mode::kHoldApp};
}

[[noreturn]] void hold(const Arguments& arguments, Connection& connection) {
  if (arguments.mode == Mode::kHoldApp) ::setenv(kSocketVariable, arguments.socket, 1);
  Command command(arguments.command, environ);
  rehearse(command, connection);
  connection.wait(greeting_of(arguments.mode), awaits(arguments.mode), variables);
  connection.take_stdio();
  report_and_exit(connection, command, command.run(variables));
}

bool shell_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  if (!letter(name.front())) return false;
  for (const char c : name) {
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

void print_for_shell(std::string_view entry) {
  const std::string_view name = entry.substr(0, entry.find('='));
  if (!shell_name(name)) return;  // the shell has no way to hold it
  std::printf("export %.*s='", static_cast<int>(name.size()), name.data());
  for (const char c : entry.substr(name.size() + 1)) {
    if (c == '\'') {
      std::fputs("'\\''", stdout);
    } else {
      std::putchar(c);
    }
  }
  std::puts("'");
}

int wait_as_app(Connection& connection) {
  connection.wait(greeting_of(Mode::kReady), awaits(Mode::kReady), variables);
  for (std::size_t i = 0; i < variables.size(); ++i) print_for_shell(variables[i]);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mayfly::gate

int main(int, char** argv) {
  using namespace mayfly::gate;
  Arguments arguments;
  if (!parse_arguments(argv, arguments)) {
    std::fputs("usage: gate [--hold=app|exec] -- COMMAND [ARGUMENT]...\n       gate --ready\n",
               stderr);
    return kUsage;
  }
  exit_on_signals();
  tidy_descriptors();
  static Connection connection(arguments.socket);
  if (arguments.mode == Mode::kReady) return wait_as_app(connection);
  hold(arguments, connection);
}
