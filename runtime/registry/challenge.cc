#include "runtime/registry/challenge.h"

#include <algorithm>
#include <string_view>

namespace mayfly::registry {
namespace {

constexpr std::size_t kHeaderBytesMax = 8 * 1024;
constexpr std::size_t kChallengesMax = 16;

std::string lower(std::string_view text) {
  std::string low(text);
  std::ranges::transform(low, low.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  return low;
}

/// `Scheme key=value, key="value", Scheme …`: a word that no "=" follows opens the next challenge.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  struct Word {
    std::string name;
    std::optional<std::string> value;  ///< none: it is a scheme
  };

  std::optional<Word> next() {
    skip(" \t,");
    const auto end = std::min(rest_.find_first_of(" \t,="), rest_.size());
    if (end == 0) return std::nullopt;
    Word word{lower(rest_.substr(0, end)), std::nullopt};
    rest_.remove_prefix(end);
    if (!rest_.starts_with('=')) return word;
    rest_.remove_prefix(1);
    word.value = rest_.starts_with('"') ? quoted() : bare();
    return word;
  }

 private:
  void skip(std::string_view bytes) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(bytes), rest_.size()));
  }

  std::string bare() {
    const auto end = std::min(rest_.find_first_of(" \t,"), rest_.size());
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return value;
  }

  std::string quoted() {
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      value.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
};

void keep(Challenge& challenge, const std::string& name, std::string value) {
  if (name == "realm") challenge.realm = std::move(value);
  if (name == "service") challenge.service = std::move(value);
  if (name == "scope") challenge.scope = std::move(value);
}

struct Offered {
  std::string scheme;
  Challenge challenge;
};

void read_header(std::string_view header, std::vector<Offered>& offered) {
  if (header.size() > kHeaderBytesMax) return;
  Reader reader(header);
  bool opened = false;
  while (auto word = reader.next()) {
    if (!word->value) {
      if (offered.size() >= kChallengesMax) return;
      offered.push_back({std::move(word->name), {}});
      opened = true;
    } else if (opened) {
      keep(offered.back().challenge, word->name, std::move(*word->value));
    }
  }
}

}  // namespace

std::optional<Challenge> read_challenges(const std::vector<std::string>& headers) {
  std::vector<Offered> offered;
  for (const auto& header : headers) read_header(header, offered);
  for (auto& one : offered) {
    if (one.scheme != "bearer" || one.challenge.realm.empty()) continue;
    one.challenge.scheme = Challenge::Scheme::kBearer;
    return std::move(one.challenge);
  }
  for (auto& one : offered) {
    if (one.scheme == "basic") return std::move(one.challenge);
  }
  return std::nullopt;
}

}  // namespace mayfly::registry
