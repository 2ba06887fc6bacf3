#include "config/section.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "config/units.h"

namespace mayfly::config {
namespace {

template <class T, class... Ts>
constexpr std::size_t index_in(const std::variant<Ts...>* /*type*/) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<T, Ts> ? false : (++index, true)) && ...));
  return index;
}

template <class T>
constexpr std::size_t kAlternative =
    index_in<T>(static_cast<const decltype(Tree::value)*>(nullptr));

template <class T>
std::string from_to(Range<T> range) {
  std::ostringstream out;
  out << "from " << range.min << " to " << range.max;
  return out.str();
}

/// Levenshtein distance of two short words.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string_view last_part(std::string_view dotted) {
  const auto dot = dotted.rfind('.');
  return dot == std::string_view::npos ? dotted : dotted.substr(dot + 1);
}

std::string must_be(std::string_view wanted, const Tree& given) {
  return "must be " + std::string{wanted} + ", not " + std::string{kind_of(given)};
}

}  // namespace

Section::Section(const Tree& table, Path path, Report& report)
    : table_(table), path_(std::move(path)), report_(report) {}

const Tree* Section::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
    known_.emplace_back(key);
    report_.keys.insert(path_.key(key).dotted);
  }
  const Member* member = config::find(table_, key);
  if (member == nullptr || std::holds_alternative<std::monostate>(member->value.value)) {
    return nullptr;
  }
  return &member->value;
}

const Tree* Section::expect(std::string_view key, std::size_t alternative,
                            std::string_view wanted) {
  const Tree* tree = find(key);
  if (tree == nullptr) return nullptr;
  if (tree->value.index() == alternative) return tree;
  complain(key, must_be(wanted, *tree));
  return nullptr;
}

bool Section::check_text(const Path& path, const Tree& tree, Check check) {
  const auto* text = std::get_if<std::string>(&tree.value);
  std::string wrong;
  if (text == nullptr) {
    wrong = must_be("a string", tree) +
            (std::holds_alternative<Array>(tree.value) || std::holds_alternative<Table>(tree.value)
                 ? ""
                 : "; write it in quotes");
  } else if (text->find('\0') != std::string::npos) {
    wrong = "must not hold a NUL character";
  } else {
    wrong = check(*text);
  }
  if (!wrong.empty()) report_.add(path, tree.at, wrong);
  return wrong.empty();
}

void Section::text(std::string_view key, std::string& out, Check check) {
  const Tree* tree = find(key);
  if (tree == nullptr || !check_text(path_.key(key), *tree, check)) return;
  out = std::get<std::string>(tree->value);
}

void Section::flag(std::string_view key, bool& out) {
  const Tree* tree = expect(key, kAlternative<bool>, "true or false");
  if (tree != nullptr) out = std::get<bool>(tree->value);
}

void Section::integer(std::string_view key, std::uint32_t& out, Range<std::uint32_t> range) {
  const std::string wanted = "a whole number " + from_to(range);
  const Tree* tree = expect(key, kAlternative<std::int64_t>, wanted);
  if (tree == nullptr) return;
  const std::int64_t given = std::get<std::int64_t>(tree->value);
  if (given < range.min || given > range.max) {
    complain(key, "must be " + wanted + ", not " + std::to_string(given));
    return;
  }
  out = static_cast<std::uint32_t>(given);
}

bool Section::number(std::string_view key, double& out, Range<double> range) {
  const Tree* tree = find(key);
  if (tree == nullptr) return false;
  const std::string wanted = "a number " + from_to(range);
  double given = 0;
  if (const auto* whole = std::get_if<std::int64_t>(&tree->value)) {
    given = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&tree->value)) {
    given = *real;
  } else {
    complain(key, must_be(wanted, *tree));
    return false;
  }
  const bool good = given >= range.min && given <= range.max;  // false for nan
  if (good) {
    out = given;
  } else {
    complain(key, "must be " + wanted);
  }
  return good;
}

void Section::duration(std::string_view key, std::chrono::milliseconds& out,
                       Range<std::chrono::milliseconds> range) {
  static constexpr std::string_view kWanted =
      "a duration: whole numbers with a unit of d, h, m, s or ms, as in \"1h30m\"";
  const Tree* tree = expect(key, kAlternative<std::string>, kWanted);
  if (tree == nullptr) return;
  const auto& given = std::get<std::string>(tree->value);
  const auto parsed = parse_duration(given);
  if (!parsed) {
    complain(key, "must be " + std::string{kWanted} + ", not " + in_quotes(given));
  } else if (*parsed < range.min || *parsed > range.max) {
    complain(key, "must be from " + format_duration(range.min) + " to " +
                      format_duration(range.max) + ", not " + in_quotes(given));
  } else {
    out = *parsed;
  }
}

bool Section::size(std::string_view key, std::uint64_t& out, Range<std::uint64_t> range) {
  static constexpr std::string_view kWanted =
      "a size: a whole number with a unit of B, KiB, MiB, GiB or TiB (or KB, MB, GB, TB, powers of "
      "1000), as in \"512MiB\"";
  const Tree* tree = expect(key, kAlternative<std::string>, kWanted);
  if (tree == nullptr) return false;
  const auto& given = std::get<std::string>(tree->value);
  const auto parsed = parse_size(given);
  if (!parsed) {
    complain(key, "must be " + std::string{kWanted} + ", not " + in_quotes(given));
    return false;
  }
  if (*parsed < range.min || *parsed > range.max) {
    complain(key, "must be from " + format_size(range.min) + " to " + format_size(range.max) +
                      ", not " + in_quotes(given));
    return false;
  }
  out = *parsed;
  return true;
}

void Section::percent(std::string_view key, std::uint32_t& out, Range<std::uint32_t> range) {
  const std::string wanted = "a share from \"" + std::to_string(range.min) + "%\" to \"" +
                             std::to_string(range.max) + "%\"";
  const Tree* tree = expect(key, kAlternative<std::string>, wanted);
  if (tree == nullptr) return;
  const auto& given = std::get<std::string>(tree->value);
  const auto parsed = parse_percent(given);
  if (!parsed || *parsed < range.min || *parsed > range.max) {
    complain(key, "must be " + wanted + ", not " + in_quotes(given));
    return;
  }
  out = *parsed;
}

void Section::texts(std::string_view key, std::vector<std::string>& out, Check check,
                    std::size_t bytes_max) {
  const Tree* tree = expect(key, kAlternative<Array>, "an array of strings, as in [\"a\", \"b\"]");
  if (tree == nullptr) return;
  std::vector<std::string> read;
  std::size_t bytes = 0;
  const auto& array = std::get<Array>(tree->value);
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!check_text(path_.key(key).item(i), array[i], check)) continue;
    read.push_back(std::get<std::string>(array[i].value));
    bytes += read.back().size() + 1;
  }
  if (bytes > bytes_max) {
    complain(key, "is larger than " + format_size(bytes_max) + " in all");
    return;
  }
  out = std::move(read);
}

void Section::map(std::string_view key, std::map<std::string, std::string>& out,
                  std::pair<Check, Check> name_and_value, std::size_t bytes_max) {
  const Tree* tree = expect(key, kAlternative<Table>, "a table of strings, as in {A = \"b\"}");
  if (tree == nullptr) return;
  std::size_t bytes = 0;
  for (const Member& member : std::get<Table>(tree->value)) {
    const Path path = path_.key(key).key(member.key);
    if (const std::string wrong = name_and_value.first(member.key); !wrong.empty()) {
      report_.add(path, member.at, "its name " + wrong);
    }
    if (!check_text(path, member.value, name_and_value.second)) continue;
    const auto& value = std::get<std::string>(member.value.value);
    bytes += member.key.size() + value.size() + 2;
    out.insert_or_assign(member.key, value);
  }
  if (bytes > bytes_max) complain(key, "is larger than " + format_size(bytes_max) + " in all");
}

std::optional<std::size_t> Section::pick(std::string_view key,
                                         std::span<const std::string_view> names) {
  std::string wanted;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) wanted += i + 1 < names.size() ? ", " : " or ";
    wanted += in_quotes(names[i]);
  }
  const Tree* tree = expect(key, kAlternative<std::string>, wanted);
  if (tree == nullptr) return std::nullopt;
  const auto& given = std::get<std::string>(tree->value);
  const auto found = std::find(names.begin(), names.end(), given);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  complain(key, "must be " + wanted + ", not " + in_quotes(given));
  return std::nullopt;
}

void Section::table(std::string_view key, const std::function<void(Section&)>& read) {
  static const Tree kEmpty{.at = {}, .value = Table{}};
  const Tree* tree = expect(key, kAlternative<Table>, "a table");
  // An absent table is read too, as an empty one, so that its keys are known.
  Section section{tree != nullptr ? *tree : kEmpty, path_.key(key), report_};
  if (tree == nullptr) report_.mute();
  read(section);
  section.finish();
  if (tree == nullptr) report_.unmute();
}

void Section::named_tables(std::string_view key, std::pair<Check, std::size_t> name_and_most,
                           const std::function<void(const std::string&, Section&)>& read) {
  const Tree* tree = expect(key, kAlternative<Table>, "a table of tables by names");
  if (tree != nullptr) Section{*tree, path_.key(key), report_}.members(name_and_most, read);
}

void Section::members(std::pair<Check, std::size_t> name_and_most,
                      const std::function<void(const std::string&, Section&)>& read) {
  const auto& table = std::get<Table>(table_.value);
  if (table.size() > name_and_most.second) {
    report_.add(path_, table_.at,
                "has more than " + std::to_string(name_and_most.second) + " entries");
    return;
  }
  for (const Member& member : table) {
    const Path path = path_.key(member.key);
    const std::string wrong = name_and_most.first(member.key);
    if (!wrong.empty()) report_.add(path, member.at, "its name " + wrong);
    if (!std::holds_alternative<Table>(member.value.value)) {
      report_.add(path, member.at, must_be("a table", member.value));
      continue;
    }
    Section section{member.value, path, report_};
    read(member.key, section);
    section.finish();
  }
}

void Section::tables(std::string_view key, std::size_t most,
                     const std::function<void(Section&)>& read) {
  const Tree* tree = expect(key, kAlternative<Array>, "an array of tables, as in [{…}, {…}]");
  if (tree == nullptr) return;
  const auto& array = std::get<Array>(tree->value);
  if (array.size() > most) {
    complain(key, "has more than " + std::to_string(most) + " entries");
    return;
  }
  for (std::size_t i = 0; i < array.size(); ++i) {
    const Path path = path_.key(key).item(i);
    if (!std::holds_alternative<Table>(array[i].value)) {
      report_.add(path, array[i].at, must_be("a table", array[i]));
      continue;
    }
    Section section{array[i], path, report_};
    read(section);
    section.finish();
  }
}

void Section::require(std::string_view key) {
  if (find(key) == nullptr) report_.add(path_.key(key), table_.at, "is missing");
}

void Section::require_both(std::pair<const char*, const std::string&> one,
                           std::pair<const char*, const std::string&> other) {
  if (one.second.empty() == other.second.empty()) return;
  const bool has_one = !one.second.empty();
  complain(has_one ? one.first : other.first,
           std::string("needs ") + (has_one ? other.first : one.first) + " too");
}

void Section::later(std::string_view key, std::string_view instead) {
  refused_.emplace_back(key);
  const Member* member = config::find(table_, key);
  if (member == nullptr) return;
  report_.add(
      path_.key(key), member->at,
      "is not supported by this version" + (instead.empty() ? "" : "; " + std::string{instead}));
}

void Section::complain(std::string_view key, std::string_view what) {
  const Tree* tree = find(key);
  report_.add(path_.key(key), tree != nullptr ? tree->at : table_.at, what);
}

std::string Section::suggestion(std::string_view unknown) const {
  static constexpr std::size_t kLongest = 40;
  if (unknown.size() > kLongest) return "";
  std::size_t nearest = unknown.size() < 4 ? 2 : 3;  // less than this is taken for a slip
  std::string_view meant;
  for (const std::string& key : known_) {
    const std::size_t far = distance(unknown, key);
    if (far < nearest) {
      nearest = far;
      meant = key;
    }
  }
  if (!meant.empty()) return "; did you mean \"" + std::string{meant} + "\"?";
  for (const std::string& key : report_.keys) {
    if (last_part(key) == unknown) return "; did you mean \"" + key + "\"?";
  }
  return "";
}

void Section::finish() {
  for (const Member& member : std::get<Table>(table_.value)) {
    const auto is_it = [&member](const std::string& key) { return key == member.key; };
    if (std::any_of(known_.begin(), known_.end(), is_it)) continue;
    if (std::any_of(refused_.begin(), refused_.end(), is_it)) continue;
    report_.add(path_.key(member.key), member.at, "is not a known key" + suggestion(member.key));
  }
}

}  // namespace mayfly::config
