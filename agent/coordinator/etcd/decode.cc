// Answers, read.
#include <charconv>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "agent/coordinator/etcd/codec.h"
#include "runtime/encoding/base64.h"

namespace mayfly::etcd {
namespace {

using Json = nlohmann::json;

/// Reads members of one object; absent ones are zero, as the gateway leaves them out. What is of
/// another kind is a fault, and the first one stays.
class Reader {
 public:
  explicit Reader(std::string& fault) : fault_(fault) {}

  const Json* object(const Json& in, const char* key) { return of_kind(in, key, &Json::is_object); }
  const Json* array(const Json& in, const char* key) { return of_kind(in, key, &Json::is_array); }

  std::string text(const Json& in, const char* key) {
    const Json* found = of_kind(in, key, &Json::is_string);
    return found == nullptr ? "" : found->get<std::string>();
  }

  bool flag(const Json& in, const char* key) {
    const Json* found = of_kind(in, key, &Json::is_boolean);
    return found != nullptr && found->get<bool>();
  }

  std::string bytes(const Json& in, const char* key) {
    auto decoded = encoding::from_base64(text(in, key));
    if (!decoded) complain(key, "is not base64");
    return decoded.value_or("");
  }

  /// A string of digits, or a number.
  template <class Int>
  Int number(const Json& in, const char* key) {
    const auto found = in.find(key);
    if (found == in.end() || found->is_null()) return 0;
    if (found->is_number_integer()) return found->template get<Int>();
    const auto* digits = found->template get_ptr<const std::string*>();
    Int value = 0;
    if (digits != nullptr && !digits->empty()) {
      const auto* end = digits->data() + digits->size();
      const auto [at, error] = std::from_chars(digits->data(), end, value);
      if (error == std::errc{} && at == end) return value;
    }
    complain(key, "is not a number");
    return 0;
  }

  void complain(const char* key, const char* what) {
    if (fault_.empty()) fault_ = std::string(key) + " " + what;
  }

 private:
  using IsKind = bool (Json::*)() const noexcept;

  const Json* of_kind(const Json& in, const char* key, IsKind is_kind) {
    const auto found = in.find(key);
    if (found == in.end() || found->is_null()) return nullptr;
    if (((*found).*is_kind)()) return &*found;
    complain(key, "is of another kind");
    return nullptr;
  }

  std::string& fault_;
};

/// Parses, reads, and gives the value or what is wrong.
template <class Read>
auto decoded(std::string_view body, Read read)
    -> Decoded<std::invoke_result_t<Read, Reader&, const Json&>> {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return tl::unexpected(std::string("not a JSON object"));
  std::string fault;
  Reader reader{fault};
  auto value = read(reader, json);
  if (!fault.empty()) return tl::unexpected(std::move(fault));
  return value;
}

Header header_of(Reader& in, const Json& json) {
  Header header;
  const Json* found = in.object(json, "header");
  if (found == nullptr) return header;
  header.cluster = in.number<std::uint64_t>(*found, "cluster_id");
  header.member = in.number<std::uint64_t>(*found, "member_id");
  header.revision = in.number<std::int64_t>(*found, "revision");
  return header;
}

KeyValue key_value_of(Reader& in, const Json& json) {
  KeyValue kv;
  kv.key = in.bytes(json, "key");
  kv.value = in.bytes(json, "value");
  kv.create_revision = in.number<std::int64_t>(json, "create_revision");
  kv.mod_revision = in.number<std::int64_t>(json, "mod_revision");
  kv.version = in.number<std::int64_t>(json, "version");
  kv.lease = in.number<std::int64_t>(json, "lease");
  if (kv.key.empty()) in.complain("key", "is missing");
  return kv;
}

RangeAnswer range_of(Reader& in, const Json& json) {
  RangeAnswer answer;
  answer.header = header_of(in, json);
  answer.more = in.flag(json, "more");
  const Json* kvs = in.array(json, "kvs");
  if (kvs == nullptr) return answer;
  for (const Json& each : *kvs) {
    if (each.is_object()) answer.kvs.push_back(key_value_of(in, each));
  }
  return answer;
}

Lease lease_of(Reader& in, const Json& json) {
  return {.header = header_of(in, json),
          .id = in.number<std::int64_t>(json, "ID"),
          .ttl_s = in.number<std::int64_t>(json, "TTL"),
          .granted_s = in.number<std::int64_t>(json, "grantedTTL")};
}

Change change_of(Reader& in, const Json& json) {
  Change change;
  const std::string type = in.text(json, "type");
  if (type == "DELETE") change.kind = Change::Kind::kDelete;
  if (!type.empty() && type != "DELETE" && type != "PUT") in.complain("type", "is not known");
  const Json* kv = in.object(json, "kv");
  if (kv == nullptr) {
    in.complain("kv", "is missing");
    return change;
  }
  change.kv = key_value_of(in, *kv);
  return change;
}

WatchNews news_of(Reader& in, const Json& json) {
  WatchNews news;
  news.header = header_of(in, json);
  news.created = in.flag(json, "created");
  news.canceled = in.flag(json, "canceled");
  news.compact_revision = in.number<std::int64_t>(json, "compact_revision");
  news.reason = in.text(json, "cancel_reason");
  const Json* changes = in.array(json, "events");
  if (changes == nullptr) return news;
  for (const Json& each : *changes) {
    if (each.is_object()) news.changes.push_back(change_of(in, each));
  }
  return news;
}

}  // namespace

Decoded<Header> decode_header(std::string_view body) {
  return decoded(body, header_of);
}

Decoded<RangeAnswer> decode_range(std::string_view body) {
  return decoded(body, range_of);
}

Decoded<DeleteAnswer> decode_delete(std::string_view body) {
  return decoded(body, [](Reader& in, const Json& json) {
    return DeleteAnswer{header_of(in, json), in.number<std::int64_t>(json, "deleted")};
  });
}

Decoded<TxnAnswer> decode_txn(std::string_view body) {
  return decoded(body, [](Reader& in, const Json& json) {
    TxnAnswer answer{header_of(in, json), in.flag(json, "succeeded"), {}};
    const Json* responses = in.array(json, "responses");
    if (responses == nullptr) return answer;
    for (const Json& each : *responses) {
      const Json* range = each.is_object() ? in.object(each, "response_range") : nullptr;
      if (range != nullptr) answer.ranges.push_back(range_of(in, *range));
    }
    return answer;
  });
}

Decoded<Lease> decode_lease(std::string_view body) {
  return decoded(body, lease_of);
}

Decoded<Lease> decode_keepalive(std::string_view body) {
  return decoded(body, [](Reader& in, const Json& json) {
    const Json* result = in.object(json, "result");
    if (result != nullptr) return lease_of(in, *result);
    in.complain("result", "is missing");
    return Lease{};
  });
}

Decoded<std::string> decode_token(std::string_view body) {
  return decoded(body, [](Reader& in, const Json& json) {
    std::string token = in.text(json, "token");
    if (token.empty()) in.complain("token", "is missing");
    return token;
  });
}

Result<WatchNews> decode_watch_line(std::string_view line) {
  auto news = decoded(line, [](Reader& in, const Json& json) {
    const Json* result = in.object(json, "result");
    if (result != nullptr) return news_of(in, *result);
    in.complain("result", "is missing");
    return WatchNews{};
  });
  if (news) return std::move(*news);
  return tl::unexpected(decode_error(0, line, Effect::kNothing));
}

}  // namespace mayfly::etcd
