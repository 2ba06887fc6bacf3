#include "config/check.h"
#include "config/decode.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

constexpr std::size_t kEndpointBytesMax = 4 * 1024;

}  // namespace

void decode_coordinator(Section& in, Coordinator& out) {
  in.texts("endpoints", out.endpoints, check_endpoint, kEndpointBytesMax);
  in.text("cluster", out.cluster, check_cluster);
  in.text("ca_file", out.ca_file, check_optional_path);
  in.text("cert_file", out.cert_file, check_optional_path);
  in.text("key_file", out.key_file, check_optional_path);
  in.text("user", out.user, check_username);
  in.text("password_file", out.password_file, check_optional_path);
  in.require_both({"cert_file", out.cert_file}, {"key_file", out.key_file});
  in.require_both({"user", out.user}, {"password_file", out.password_file});
}

}  // namespace mayfly::config
