// What registries, config files and people say: each input is tried as a WWW-Authenticate header, a
// Docker config.json, a credential helper's answer, a registry's explanation, a URL, a reference
// and a manifest.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/oci/image.h"
#include "runtime/oci/manifest.h"
#include "runtime/registry/address.h"
#include "runtime/registry/challenge.h"
#include "runtime/registry/docker_config.h"
#include "runtime/registry/reference.h"
#include "runtime/registry/trouble.h"

namespace {

using namespace mayfly;

/// What must hold of anything that was read.
void require(bool so) {
  if (!so) std::abort();
}

bool is_one_line(std::string_view text) {
  return text.find_first_of("\r\n\x1b") == std::string_view::npos;
}

void read_reference(const std::string& text) {
  const auto reference = registry::parse_reference(text);
  if (!reference) return require(is_one_line(reference.error()));
  const auto again = registry::parse_reference(reference->text());
  require(again && again->text() == reference->text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_reference(text);
  static_cast<void>(registry::read_challenges({text, "Basic", text}));
  if (const auto login = registry::read_docker_config(text, "a.example")) {
    require(login->helper.empty() || registry::is_helper_name(login->helper));
  }
  static_cast<void>(registry::read_helper_answer(text));
  require(is_one_line(registry::registry_words(text)));
  registry::Options options;
  options.registries["a.example"].plain_http = true;
  if (registry::is_allowed(options, text)) require(registry::origin_of(text).has_value());
  static_cast<void>(oci::parse_manifest(text, oci::host_architecture()));
  return 0;
}
