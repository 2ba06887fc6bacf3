// What etcd, or something in its place, says: each input is tried as every kind of answer, as a
// line of a watch and as an error.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/coordinator/etcd/codec.h"
#include "runtime/encoding/base64.h"

namespace {

using namespace mayfly::etcd;
namespace encoding = mayfly::encoding;

void require(bool so) {
  if (!so) std::abort();
}

void check_error(const Error& error) {
  require(!error.what.empty() && error.what.size() <= 512);
  require(std::all_of(error.what.begin(), error.what.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  }));
}

void check_keys(const RangeAnswer& answer) {
  for (const KeyValue& kv : answer.kvs) {
    require(!kv.key.empty());
    require(encoding::from_base64(encoding::to_base64(kv.value)) == kv.value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto bytes = encoding::from_base64(text)) require(encoding::to_base64(*bytes) == text);
  if (const auto range = decode_range(text)) check_keys(*range);
  if (const auto txn = decode_txn(text)) {
    for (const RangeAnswer& range : txn->ranges) check_keys(range);
  }
  static_cast<void>(decode_header(text));
  static_cast<void>(decode_delete(text));
  static_cast<void>(decode_lease(text));
  static_cast<void>(decode_keepalive(text));
  if (const auto token = decode_token(text)) require(!token->empty());
  const auto news = decode_watch_line(text);
  if (!news) check_error(news.error());
  for (const Effect effect : {Effect::kNothing, Effect::kWrites}) {
    check_error(decode_error(500, text, effect));
  }
  return 0;
}
