#include "agent/cli/scale_words.h"

#include <charconv>
#include <optional>

namespace mayfly::cli {
namespace {

std::optional<std::uint32_t> parse_replicas(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<ScaleOptions> parse_scale(std::vector<std::string> words) {
  ScaleOptions options;
  if (words.size() == 2 && words[0].find('=') == std::string::npos) {
    words = {words[0] + "=" + words[1]};
  }
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const auto replicas =
        equals == std::string::npos ? std::nullopt : parse_replicas(word.substr(equals + 1));
    if (!replicas || equals == 0) {
      return fail(ExitCode::kUsage, "scale takes NAME N or NAME=N, not \"" + word + "\"");
    }
    options.wanted.emplace_back(word.substr(0, equals), *replicas);
  }
  return options;
}

}  // namespace mayfly::cli
