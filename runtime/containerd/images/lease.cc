#include "runtime/containerd/images/lease.h"

#include <array>
#include <ctime>
#include <utility>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {
namespace {

// Longer than any pull may take: a lease cannot be renewed.
constexpr std::time_t kLeaseSeconds = 24 * 3600;

std::string prefix(const ImageStore& store) {
  return "mayfly-image-" + store.run() + "-";
}

std::string rfc3339(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace

std::string Lease::new_id(const ImageStore& store) {
  return prefix(store) + random_word();
}

Lease::Lease(ImageStore& store, std::string id)
    : api_(store.api()), id_(std::move(id)), outer_(api_.lease()) {
  wire::CreateLeaseRequest request;
  request.set_id(id_);
  request.mutable_labels()->insert({store.owned().label, store.owned().value});
  request.mutable_labels()->insert(
      {"containerd.io/gc.expire", rfc3339(std::time(nullptr) + kLeaseSeconds)});
  const auto reply = api_.call(method::kCreateLease, request);
  if (!reply && !is_answer(reply.error(), grpc::Code::kAlreadyExists)) {
    fault_ = fault_of(reply.error(), "create a lease");
    return;
  }
  api_.use_lease(id_);
}

Lease::~Lease() {
  api_.use_lease(outer_);
  if (end_ == End::kNot) return;
  wire::LeaseId lease;
  lease.set_id(id_);
  lease.set_sync(end_ == End::kCollect);
  static_cast<void>(api_.work(method::kDeleteLease, lease));  // unanswered, it expires
}

runtime::Result<std::monostate> end_lease(WaitingApi& api, const std::string& id) {
  wire::LeaseId lease;
  lease.set_id(id);
  const auto ended = api.call(method::kDeleteLease, lease);
  if (ended || is_answer(ended.error(), grpc::Code::kNotFound)) return std::monostate{};
  return tl::unexpected(fault_of(ended.error(), "end a lease"));
}

runtime::Result<std::monostate> end_old_leases(ImageStore& store) {
  wire::ListLeasesRequest request;
  request.add_filters(owned_filter(store.owned()));
  const auto listed = store.api().call(method::kListLeases, request);
  if (!listed) return tl::unexpected(fault_of(listed.error(), "list the leases"));
  std::vector<std::string> old;
  for (const auto& lease : listed->leases()) {
    if (!lease.id().starts_with(prefix(store))) old.push_back(lease.id());
  }
  for (const auto& id : old) {
    wire::LeaseId lease;
    lease.set_id(id);
    lease.set_sync(id == old.back());  // then what they kept is collected, once for all
    const auto ended = store.api().work(method::kDeleteLease, lease);
    if (!ended && !is_answer(ended.error(), grpc::Code::kNotFound)) {
      return tl::unexpected(fault_of(ended.error(), "end an old lease"));
    }
  }
  return std::monostate{};
}

}  // namespace mayfly::containerd
