#include "agent/cli/pool_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "config/load.h"

namespace mayfly::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = 1024UL * 1024;
constexpr std::size_t kFilesMax = 10'000;

struct Text {
  std::string file;
  std::string bytes;
  bool json = false;
};

Result<std::string> read(std::istream& in, const std::string& file) {
  std::string bytes(kFileMax + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) return fail(ExitCode::kError, file + ": cannot be read");
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > kFileMax) return fail(ExitCode::kError, file + ": larger than 1 MiB");
  return bytes;
}

Result<Text> read_text(const std::string& file) {
  if (file == "-") {
    auto bytes = read(std::cin, "stdin");
    if (!bytes) return tl::unexpected(bytes.error());
    const std::size_t first = bytes->find_first_not_of(" \t\r\n");
    const bool json = first != std::string::npos && (*bytes)[first] == '{';
    return Text{"stdin", std::move(*bytes), json};
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ExitCode::kError, file + ": cannot be opened");
  auto bytes = read(in, file);
  if (!bytes) return tl::unexpected(bytes.error());
  return Text{file, std::move(*bytes), fs::path(file).extension() == ".json"};
}

Result<std::vector<std::string>> expand(const std::string& file) {
  std::error_code error;
  if (file == "-" || !fs::is_directory(file, error)) return std::vector{file};
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(file, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".toml" || extension == ".json") found.push_back(entry.path().string());
    if (found.size() > kFilesMax) return fail(ExitCode::kError, file + ": too many files");
  }
  if (error) return fail(ExitCode::kError, file + ": " + error.message());
  if (found.empty()) return fail(ExitCode::kError, file + ": no .toml and no .json in it");
  std::sort(found.begin(), found.end());
  return found;
}

void add_faults(std::string& all, const config::Faults& faults, const std::string& file) {
  for (config::Fault fault : faults) {
    fault.file = file;
    all += (all.empty() ? "" : "\n") + config::to_string(fault);
  }
}

template <class T>
struct Parsers {
  tl::expected<T, config::Faults> (*json)(std::string_view text);
  tl::expected<T, config::Faults> (*toml)(std::string_view text, const std::string& file);
};

template <class T>
Result<std::vector<T>> read_all(const std::vector<std::string>& files, Parsers<T> parsers) {
  std::vector<T> pools;
  std::string faults;
  for (const std::string& named : files) {
    const auto expanded = expand(named);
    if (!expanded) return tl::unexpected(expanded.error());
    for (const std::string& file : *expanded) {
      const auto text = read_text(file);
      if (!text) return tl::unexpected(text.error());
      auto pool = text->json ? parsers.json(text->bytes) : parsers.toml(text->bytes, text->file);
      if (pool) {
        pools.push_back(std::move(*pool));
      } else {
        add_faults(faults, pool.error(), text->file);
      }
    }
  }
  if (!faults.empty()) return fail(ExitCode::kError, faults);
  return pools;
}

}  // namespace

Result<std::vector<config::Pool>> read_pools(const std::vector<std::string>& files) {
  return read_all<config::Pool>(files, {config::parse_pool_json, config::parse_pool_toml});
}

Result<std::vector<config::FleetPool>> read_fleet_pools(const std::vector<std::string>& files) {
  return read_all<config::FleetPool>(
      files, {config::parse_fleet_pool_json, config::parse_fleet_pool_toml});
}

}  // namespace mayfly::cli
