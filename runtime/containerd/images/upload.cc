#include "runtime/containerd/images/upload.h"

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {

using runtime::Fault;
using runtime::FaultKind;

Upload::~Upload() {
  if (!call_) return;
  api_.api().cancel(*call_);
  wire::AbortContentRequest request;
  request.set_ref(ref_);
  static_cast<void>(api_.call(method::kAbortContent, request));
}

runtime::Result<std::monostate> Upload::write(std::string_view bytes) {
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::WRITE);
  message.set_data(bytes.data(), bytes.size());
  message.set_offset(offset_);
  offset_ += static_cast<std::int64_t>(bytes.size());
  return send(std::move(message), grpc::Sending::kMore);
}

runtime::Result<std::monostate> Upload::commit(const std::string& digest, const Labels& labels) {
  wire::WriteContentRequest message;
  message.set_action(wire::WriteContentRequest::COMMIT);
  message.set_offset(offset_);
  message.set_total(offset_);
  message.set_expected(digest);
  message.mutable_labels()->insert(labels.begin(), labels.end());
  auto sent = send(std::move(message), grpc::Sending::kDone);
  if (sent) call_.reset();
  return sent;
}

runtime::Result<std::monostate> Upload::send(wire::WriteContentRequest message,
                                             grpc::Sending sending) {
  if (!call_) {
    ref_ = ImageStore::unique_key("mayfly-upload");
    message.set_ref(ref_);
    call_ = api_.api().exchange<wire::WriteContentRequest, wire::ContentWritten>(
        method::kWriteContent, message, [this](const wire::ContentWritten&) { ++replies_; },
        [this](grpc::Channel::Outcome outcome) { end_ = std::move(outcome); });
  } else {
    api_.api().send_more(*call_, message, sending);
  }
  const auto before = replies_;
  const bool last = sending == grpc::Sending::kDone;
  const bool heard = api_.wait_for([&] { return end_ || (!last && replies_ > before); });
  if (end_ && !*end_) {
    if (is_answer(end_->error(), grpc::Code::kAlreadyExists)) return std::monostate{};
    auto fault = fault_of(end_->error(), "store the image");
    // The one precondition of a commit is that size and digest are as announced.
    if (is_answer(end_->error(), grpc::Code::kFailedPrecondition)) fault.kind = FaultKind::kRefused;
    return tl::unexpected(std::move(fault));
  }
  if (heard && (last || !end_)) return std::monostate{};
  return tl::unexpected(
      Fault{FaultKind::kUnknown, "containerd, store the image: no answer in time"});
}

}  // namespace mayfly::containerd
