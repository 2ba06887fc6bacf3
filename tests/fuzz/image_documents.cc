// The documents of an image, as anybody may write them. The input is cut at NUL bytes: the pieces
// are tried as each kind of document, and together as an archive: name, document, name, document, …
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/archive/plan.h"
#include "runtime/oci/accounts.h"
#include "runtime/oci/spec.h"

namespace {

using namespace mayfly;

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> all;
  for (;;) {
    const auto end = text.find('\0');
    all.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return all;
    text.remove_prefix(end + 1);
  }
}

void read_document(const std::string& text) {
  static_cast<void>(oci::parse_manifest(text, oci::host_architecture()));
  static_cast<void>(oci::resolve_user(text, {text, text}));
  const auto image = oci::parse_image_config(text);
  if (!image) return;
  runtime::ContainerSpec spec;
  spec.name = "fuzz";
  const oci::Host host;
  oci::SeccompProfiles profiles;
  static_cast<void>(oci::write_spec(spec, *image, {text, text}, {host, profiles}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = pieces({reinterpret_cast<const char*>(data), size});
  archive::Contents contents;
  for (const auto& piece : all) read_document(piece);
  for (std::size_t at = 0; at + 1 < all.size(); at += 2) {
    contents.documents[all[at]] = all[at + 1];
    contents.files[all[at]] = static_cast<std::int64_t>(all[at + 1].size());
    contents.links[all[at + 1].substr(0, 64)] = all[at];
  }
  static_cast<void>(archive::plan_import(contents, {}));
  return 0;
}
