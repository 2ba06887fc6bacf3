#include "agent/cli/page.h"

#include <chrono>
#include <thread>

namespace mayfly::cli {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{1000};

}  // namespace

Outcome show_page(Output& out, const Page& page, Showing showing) {
  while (true) {
    const auto text = page();
    if (!text) return tl::unexpected(text.error());
    const bool is_again = showing == Showing::kAgain;
    const bool in_place = is_again && out.terminal();
    out.write((in_place ? "\x1b[H\x1b[J" : "") + *text + (is_again && !in_place ? "\n" : ""));
    if (!is_again || out.closed()) return {};
    std::this_thread::sleep_for(kWatchInterval);
  }
}

}  // namespace mayfly::cli
