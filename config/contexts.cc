#include "config/contexts.h"

#include <sstream>

#include "config/check.h"
#include "config/decode.h"
#include "config/file.h"
#include "config/report.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

constexpr std::size_t kContextsMax = 256;

void decode_context(Section& in, Coordinator& out) {
  decode_coordinator(in, out);
  const Tree* given = in.find("endpoints");
  const auto* endpoints = given == nullptr ? nullptr : std::get_if<Array>(&given->value);
  const bool is_empty = given == nullptr || (endpoints != nullptr && endpoints->empty());
  if (is_empty) in.complain("endpoints", "must name at least one, as in [\"https://host:2379\"]");
}

void decode_contexts(const Tree& root, Contexts& contexts, Report& report) {
  Section in{root, {}, report};
  in.members({check_cluster, kContextsMax}, [&contexts](const std::string& name, Section& section) {
    Coordinator context;
    context.cluster = name;
    decode_context(section, context);
    contexts.emplace(name, std::move(context));
  });
}

void decode_file(const tl::expected<Tree, Fault>& tree, Contexts& contexts, Report& report) {
  if (!tree) return report.add(tree.error());
  decode_contexts(*tree, contexts, report);
}

Tree parted(const std::string& list) {
  Array items;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');) items.push_back({.at = {}, .value = item});
  return {.at = {}, .value = std::move(items)};
}

template <class T>
tl::expected<T, Faults> result_of(T value, Faults faults) {
  if (faults.empty()) return value;
  return tl::unexpected(std::move(faults));
}

}  // namespace

tl::expected<Contexts, Faults> load_contexts(const std::vector<std::filesystem::path>& files) {
  Contexts contexts;
  Faults faults;
  for (const auto& file : files) {
    Report report{file.string(), Report::Style::kDotted};
    decode_file(read_file(file).and_then([](const std::string& text) { return parse_toml(text); }),
                contexts, report);
    for (Fault& fault : report.take()) faults.push_back(std::move(fault));
  }
  return result_of(std::move(contexts), std::move(faults));
}

tl::expected<Contexts, Faults> parse_contexts(std::string_view text, const std::string& file) {
  Contexts contexts;
  Report report{file, Report::Style::kDotted};
  decode_file(parse_toml(text), contexts, report);
  return result_of(std::move(contexts), report.take());
}

tl::expected<Coordinator, Faults> context_of(const std::map<std::string, std::string>& values,
                                             const std::string& cluster,
                                             const std::string& source) {
  Table table;
  for (const auto& [key, value] : values) {
    Tree given{.at = {}, .value = value};
    table.push_back({key, {}, key == "endpoints" ? parted(value) : std::move(given)});
  }
  const Tree root{.at = {}, .value = std::move(table)};
  Report report{source, Report::Style::kDotted};
  Section in{root, {}, report};
  Coordinator context;
  context.cluster = cluster;
  decode_context(in, context);
  if (const std::string wrong = check_cluster(context.cluster); !wrong.empty()) {
    report.add(Path{}.key("cluster"), {}, wrong);
  }
  in.finish();
  return result_of(std::move(context), report.take());
}

}  // namespace mayfly::config
