#include "runtime/containerd/images/upload.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {

using runtime::Fault;
using runtime::FaultKind;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kPieceBytes = 1
                                    << 20;  // small messages cost containerd more than their bytes
constexpr std::uint64_t kPiecesAhead = 2;   // sent and not acknowledged
// Nobody writes the same blob beside us; what is locked is an upload that was cut a moment ago.
constexpr auto kLockedPause = 100ms;
constexpr int kLockedTries = 100;

void pause(const std::stop_token& stop, std::chrono::milliseconds duration) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
}

Fault fault_in(const grpc::Failure& failure) {
  auto fault = fault_of(failure, "store the image");
  // The one precondition of a commit is that size and digest are as announced.
  if (is_answer(failure, grpc::Code::kFailedPrecondition)) fault.kind = FaultKind::kRefused;
  return fault;
}

}  // namespace

Upload::Upload(WaitingApi& api) : api_(api), ref_("mayfly-upload-" + random_word()) {}

Upload::Upload(WaitingApi& api, const oci::Blob& blob)
    : api_(api), ref_("mayfly-blob-" + blob.digest), blob_(blob) {}

Upload::~Upload() {
  // What is on its way would be lost with the call.
  if (leave_ && call_ && !end_ && send_piece()) static_cast<void>(wait_until(sent_));
  if (call_ && !end_) api_.api().cancel(*call_);
  if (!written_ || leave_) return;
  wire::AbortContentRequest request;
  request.set_ref(ref_);
  static_cast<void>(api_.call(method::kAbortContent, request));
}

bool Upload::is_there() const {
  return end_ && !*end_ && is_answer(end_->error(), grpc::Code::kAlreadyExists);
}

bool Upload::is_locked() const {
  return end_ && !*end_ && is_answer(end_->error(), grpc::Code::kUnavailable) &&
         end_->error().what.find("locked") != std::string::npos;
}

runtime::Result<Upload::Begun> Upload::begin() {
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::STAT);
  message.set_ref(ref_);
  message.set_expected(blob_->digest);
  message.set_total(blob_->size);
  for (int tries = kLockedTries; tries > 0; --tries) {
    const auto opened = open(message);
    if (opened && is_there()) return Begun::kThere;
    if (opened) {
      written_ = true;
      offset_ = offset_told_;
      return Begun::kMissing;
    }
    if (!is_locked() || api_.stopped()) return tl::unexpected(opened.error());
    pause(api_.stop_token(), kLockedPause);
  }
  return tl::unexpected(
      Fault{FaultKind::kFailed, "containerd, store the image: its last upload does not end"});
}

runtime::Result<std::monostate> Upload::write(std::string_view bytes) {
  unsent_ += bytes;
  if (unsent_.size() < kPieceBytes) return std::monostate{};
  return send_piece();
}

runtime::Result<std::monostate> Upload::send_piece() {
  if (unsent_.empty()) return std::monostate{};
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::WRITE);
  message.set_offset(offset_);
  offset_ += static_cast<std::int64_t>(unsent_.size());
  message.set_data(std::move(unsent_));
  unsent_.clear();
  return send(message, grpc::Sending::kMore);
}

runtime::Result<std::monostate> Upload::restart() {
  if (end_ || !call_) {
    const auto begun = begin();
    if (!begun) return tl::unexpected(begun.error());
  }
  offset_ = 0;
  unsent_.clear();
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::WRITE);
  if (auto sent = send(message, grpc::Sending::kMore); !sent) return sent;
  return wait_until(sent_);
}

runtime::Result<std::monostate> Upload::commit(const std::string& digest, const Labels& labels) {
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::COMMIT);
  message.set_offset(offset_);
  offset_ += static_cast<std::int64_t>(unsent_.size());
  message.set_data(std::move(unsent_));
  unsent_.clear();
  message.set_total(offset_);
  message.set_expected(digest);
  message.mutable_labels()->insert(labels.begin(), labels.end());
  auto sent = send(message, grpc::Sending::kDone);
  if (sent) written_ = false;
  if (sent && is_there()) return add_to_lease(api_, "content", digest);
  return sent;
}

runtime::Result<std::monostate> Upload::open(const wire::WriteContentRequest& first) {
  end_.reset();
  sent_ = 1;
  replies_ = 0;
  Api::Receiver<wire::ContentWritten> receiver;
  receiver.each = [this](const wire::ContentWritten& reply) {
    ++replies_;
    offset_told_ = reply.offset();
  };
  receiver.end = [this](grpc::Channel::Outcome outcome) { end_ = std::move(outcome); };
  call_ = api_.api().exchange(method::kWriteContent, first, std::move(receiver));
  return wait_until(sent_);
}

runtime::Result<std::monostate> Upload::send(wire::WriteContentRequest& message,
                                             grpc::Sending sending) {
  if (!call_) {
    message.set_ref(ref_);
    written_ = true;
    return open(message);
  }
  const bool last = sending == grpc::Sending::kDone;
  if (!end_) {
    api_.api().send_more(*call_, message, sending);
    ++sent_;
  }
  return wait_until(last ? UINT64_MAX : sent_ - std::min(sent_, kPiecesAhead));
}

/// Until so many have been acknowledged, or the call has ended.
runtime::Result<std::monostate> Upload::wait_until(std::uint64_t replies) {
  const bool heard = api_.wait_for([&] { return end_ || replies_ >= replies; });
  if (end_ && !*end_) {
    if (is_there()) return std::monostate{};
    return tl::unexpected(fault_in(end_->error()));
  }
  const bool ended_well = end_ && (replies == UINT64_MAX || replies_ >= replies);
  if (heard && (!end_ || ended_well)) return std::monostate{};
  return tl::unexpected(
      Fault{FaultKind::kUnknown, "containerd, store the image: no answer in time"});
}

runtime::Result<std::monostate> upload_document(WaitingApi& api, const oci::Blob& blob,
                                                const std::string& bytes,
                                                const Upload::Labels& labels) {
  Upload upload(api);
  if (auto written = upload.write(bytes); !written) return written;
  return upload.commit(blob.digest, labels);
}

runtime::Result<std::monostate> add_to_lease(WaitingApi& api, const std::string& type,
                                             const std::string& id) {
  if (api.lease().empty()) return std::monostate{};
  wire::LeaseResourceRequest request;
  request.set_id(api.lease());
  request.mutable_resource()->set_id(id);
  request.mutable_resource()->set_type(type);
  const auto added = api.call(method::kAddToLease, request);
  if (!added) return tl::unexpected(fault_of(added.error(), "keep what is there"));
  return std::monostate{};
}

}  // namespace mayfly::containerd
