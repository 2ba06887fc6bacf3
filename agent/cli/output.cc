#include "agent/cli/output.h"

#include <unistd.h>
#include <cerrno>
#include <cstdlib>

#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kGood:
      return "32";
    case Colour::kBusy:
      return "33";
    case Colour::kBad:
      return "31";
    case Colour::kDim:
      return "2";
    case Colour::kBold:
      return "1";
  }
  return "";
}

bool wants_colours() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  return (no_color == nullptr || *no_color == '\0') && !dumb;
}

}  // namespace

Output::Output(int fd) : fd_(fd), terminal_(isatty(fd) == 1) {
  colours_ = terminal_ && wants_colours();
}

void Output::write(std::string_view text) {
  while (!text.empty() && !closed_) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      closed_ = true;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string Output::paint(Colour colour, std::string text) const {
  const std::string_view code = code_of(colour);
  if (!colours_ || code.empty()) return text;
  return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
}

void Output::write_foreign(std::string_view text) {
  if (terminal_) return write(printable_lines(text));
  write(text);
}

}  // namespace mayfly::cli
