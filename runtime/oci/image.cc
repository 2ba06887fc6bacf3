#include "runtime/oci/image.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mayfly::oci {
namespace {

using nlohmann::json;

constexpr std::size_t kEntriesMax = 4096;  ///< of any list in an image's configuration

/// The member, or null where it is absent: Docker writes null for an empty list.
const json& member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

tl::expected<std::string, std::string> text(const json& object, const char* key) {
  const auto& value = member(object, key);
  if (value.is_null()) return std::string();
  if (!value.is_string()) return tl::unexpected(std::string(key) + " is not a string");
  auto string = value.get<std::string>();
  if (string.find('\0') == std::string::npos) return string;
  return tl::unexpected(std::string(key) + " has a NUL in it");
}

tl::expected<std::vector<std::string>, std::string> texts(const json& object, const char* key) {
  std::vector<std::string> list;
  const auto& value = member(object, key);
  if (value.is_null()) return list;
  if (!value.is_array() || value.size() > kEntriesMax) {
    return tl::unexpected(std::string(key) + " is not a list of at most " +
                          std::to_string(kEntriesMax));
  }
  for (const auto& entry : value) {
    if (!entry.is_string() || entry.get_ref<const std::string&>().find('\0') != std::string::npos) {
      return tl::unexpected(std::string(key) + " holds what is not a string");
    }
    list.push_back(entry.get<std::string>());
  }
  return list;
}

/// Reads fields one after the other and keeps the first fault.
class Reader {
 public:
  void read(const json& object, const char* key, std::string& into) {
    keep(text(object, key), into);
  }
  void read(const json& object, const char* key, std::vector<std::string>& into) {
    keep(texts(object, key), into);
  }
  void fail(std::string why) {
    if (fault_.empty()) fault_ = std::move(why);
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  template <class T>
  void keep(tl::expected<T, std::string> value, T& into) {
    if (value) {
      into = std::move(*value);
    } else {
      fail(std::move(value.error()));
    }
  }

  std::string fault_;
};

}  // namespace

tl::expected<ImageConfig, std::string> parse_image_config(std::string_view bytes) {
  const auto document = json::parse(bytes, nullptr, false);
  if (!document.is_object())
    return tl::unexpected(std::string("the image's config is no JSON object"));
  ImageConfig image;
  Reader reader;
  reader.read(document, "architecture", image.architecture);
  reader.read(document, "os", image.os);
  if (const auto& config = member(document, "config"); config.is_object()) {
    std::vector<std::string> env;
    reader.read(config, "Env", env);
    for (const auto& entry : env) {
      const auto equals = entry.find('=');
      if (equals == 0 || equals == std::string::npos) continue;  // as Docker does
      image.env.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    reader.read(config, "Entrypoint", image.entrypoint);
    reader.read(config, "Cmd", image.cmd);
    reader.read(config, "User", image.user);
    reader.read(config, "WorkingDir", image.working_directory);
  }
  if (const auto& rootfs = member(document, "rootfs"); rootfs.is_object()) {
    reader.read(rootfs, "diff_ids", image.diff_ids);
  }
  if (!std::ranges::all_of(image.diff_ids, is_digest))
    reader.fail("diff_ids holds no sha256 digest");
  if (!reader.fault().empty()) return tl::unexpected("the image's config: " + reader.fault());
  return image;
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!text.starts_with(kAlgorithm)) return false;
  text.remove_prefix(kAlgorithm.size());
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
#error "Mayfly runs on x86_64 and on arm64"
#endif
}

}  // namespace mayfly::oci
