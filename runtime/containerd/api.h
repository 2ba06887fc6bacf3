// containerd's services, typed: which message goes to which path, in which containerd namespace.
// Knows no order of calls and no undo. Borrows the channel; its calls end with the channel's.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "runtime/containerd/containerd.pb.h"
#include "runtime/containerd/grpc/channel.h"

namespace mayfly::containerd {

/// One RPC: its path and the messages that it takes and gives.
template <class RequestMessage, class ReplyMessage>
struct Method {
  const char* path;
  grpc::WhenLate when_late = grpc::WhenLate::kCancel;
};

namespace method {
using namespace wire;  // NOLINT: the messages are meant to read as words here

// What changes containers is not cancelled when it is late: containerd 1.6 then leaves shims behind
// that it does not know.
inline constexpr auto kChanges = grpc::WhenLate::kLetFinish;

#define MAYFLY_SERVICE "/containerd.services."
inline constexpr Method<Empty, VersionReply> kVersion{MAYFLY_SERVICE "version.v1.Version/Version"};

inline constexpr Method<ContainerRequest, Empty> kCreateContainer{
    MAYFLY_SERVICE "containers.v1.Containers/Create", kChanges};
inline constexpr Method<ContainerId, ContainerListed> kGetContainer{MAYFLY_SERVICE
                                                                    "containers.v1.Containers/Get"};
inline constexpr Method<ContainerId, Empty> kDeleteContainer{
    MAYFLY_SERVICE "containers.v1.Containers/Delete", kChanges};
inline constexpr Method<ListContainersRequest, ContainerListed> kListContainers{
    MAYFLY_SERVICE "containers.v1.Containers/ListStream"};

inline constexpr Method<PrepareSnapshotRequest, SnapshotMounts> kPrepareSnapshot{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/Prepare", kChanges};
inline constexpr Method<PrepareSnapshotRequest, SnapshotMounts> kViewSnapshot{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/View"};
inline constexpr Method<CommitSnapshotRequest, Empty> kCommitSnapshot{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/Commit"};
inline constexpr Method<SnapshotKey, StatSnapshotReply> kStatSnapshot{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/Stat"};
inline constexpr Method<SnapshotKey, Empty> kRemoveSnapshot{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/Remove", kChanges};
inline constexpr Method<ListSnapshotsRequest, SnapshotsListed> kListSnapshots{
    MAYFLY_SERVICE "snapshots.v1.Snapshots/List"};

inline constexpr Method<CreateTaskRequest, CreateTaskReply> kCreateTask{
    MAYFLY_SERVICE "tasks.v1.Tasks/Create", kChanges};
inline constexpr Method<TaskId, StartReply> kStartTask{MAYFLY_SERVICE "tasks.v1.Tasks/Start",
                                                       kChanges};
inline constexpr Method<KillRequest, Empty> kKillTask{MAYFLY_SERVICE "tasks.v1.Tasks/Kill",
                                                      kChanges};
inline constexpr Method<TaskId, Empty> kDeleteTask{MAYFLY_SERVICE "tasks.v1.Tasks/Delete",
                                                   kChanges};
inline constexpr Method<TaskId, GetTaskReply> kGetTask{MAYFLY_SERVICE "tasks.v1.Tasks/Get"};
inline constexpr Method<TaskId, WaitReply> kWaitTask{MAYFLY_SERVICE "tasks.v1.Tasks/Wait"};
inline constexpr Method<Empty, TasksListed> kListTasks{MAYFLY_SERVICE "tasks.v1.Tasks/List"};

inline constexpr Method<SubscribeRequest, Envelope> kSubscribe{MAYFLY_SERVICE
                                                               "events.v1.Events/Subscribe"};

inline constexpr Method<ImageName, ImageRequest> kGetImage{MAYFLY_SERVICE "images.v1.Images/Get"};
inline constexpr Method<ImageRequest, Empty> kCreateImage{MAYFLY_SERVICE "images.v1.Images/Create"};
inline constexpr Method<UpdateImageRequest, Empty> kUpdateImage{MAYFLY_SERVICE
                                                                "images.v1.Images/Update"};
inline constexpr Method<DeleteImageRequest, Empty> kDeleteImage{MAYFLY_SERVICE
                                                                "images.v1.Images/Delete"};
inline constexpr Method<ListImagesRequest, ImagesListed> kListImages{MAYFLY_SERVICE
                                                                     "images.v1.Images/List"};

inline constexpr Method<ContentDigest, ContentInfoReply> kContentInfo{MAYFLY_SERVICE
                                                                      "content.v1.Content/Info"};
inline constexpr Method<UpdateContentRequest, Empty> kUpdateContent{MAYFLY_SERVICE
                                                                    "content.v1.Content/Update"};
inline constexpr Method<ReadContentRequest, ContentRead> kReadContent{MAYFLY_SERVICE
                                                                      "content.v1.Content/Read"};
inline constexpr Method<WriteContentRequest, ContentWritten> kWriteContent{
    MAYFLY_SERVICE "content.v1.Content/Write"};
inline constexpr Method<AbortContentRequest, Empty> kAbortContent{MAYFLY_SERVICE
                                                                  "content.v1.Content/Abort"};

inline constexpr Method<ApplyRequest, ApplyReply> kApplyDiff{MAYFLY_SERVICE "diff.v1.Diff/Apply"};

inline constexpr Method<CreateLeaseRequest, Empty> kCreateLease{MAYFLY_SERVICE
                                                                "leases.v1.Leases/Create"};
inline constexpr Method<LeaseId, Empty> kDeleteLease{MAYFLY_SERVICE "leases.v1.Leases/Delete"};
inline constexpr Method<LeaseResourceRequest, Empty> kAddToLease{MAYFLY_SERVICE
                                                                 "leases.v1.Leases/AddResource"};
inline constexpr Method<ListLeasesRequest, LeasesListed> kListLeases{MAYFLY_SERVICE
                                                                     "leases.v1.Leases/List"};

inline constexpr Method<PluginsRequest, PluginsListed> kListPlugins{
    MAYFLY_SERVICE "introspection.v1.Introspection/Plugins"};
#undef MAYFLY_SERVICE
}  // namespace method

class Api {
 public:
  template <class Reply>
  using Done = std::function<void(tl::expected<Reply, grpc::Failure>)>;

  Api(grpc::Channel& channel, std::string name_space, std::chrono::milliseconds deadline)
      : channel_(channel), name_space_(std::move(name_space)), deadline_(deadline) {}

  template <class RequestMessage, class Reply>
  grpc::Channel::CallId call(const Method<RequestMessage, Reply>& method,
                             const RequestMessage& message, Done<Reply> done) {
    return call(method, message, deadline_, std::move(done));
  }

  template <class RequestMessage, class Reply>
  grpc::Channel::CallId call(const Method<RequestMessage, Reply>& method,
                             const RequestMessage& message, std::chrono::milliseconds deadline,
                             Done<Reply> done) {
    return channel_.call(request(method, message), deadline,
                         [done = std::move(done)](grpc::Channel::Reply reply) {
                           if (!reply) return done(tl::unexpected(std::move(reply.error())));
                           done(parse<Reply>(*reply));
                         });
  }

  /// Of a stream: `each` gets every reply that parses, as it comes; `end` is called once, last.
  template <class Reply>
  struct Receiver {
    std::function<void(Reply)> each;
    std::function<void(grpc::Channel::Outcome)> end;
    std::optional<std::chrono::milliseconds> deadline = {};  ///< none: for as long as it lasts
  };

  template <class RequestMessage, class Reply>
  grpc::Channel::CallId stream(const Method<RequestMessage, Reply>& method,
                               const RequestMessage& message, Receiver<Reply> receiver) {
    return receive(request(method, message), std::move(receiver));
  }

  /// As stream(), with the sending side left open for send_more.
  template <class RequestMessage, class Reply>
  grpc::Channel::CallId exchange(const Method<RequestMessage, Reply>& method,
                                 const RequestMessage& first, Receiver<Reply> receiver) {
    auto opening = request(method, first);
    opening.sending = grpc::Sending::kMore;
    return receive(std::move(opening), std::move(receiver));
  }

  template <class RequestMessage>
  void send_more(grpc::Channel::CallId call, const RequestMessage& message, grpc::Sending sending) {
    channel_.send_more(call, grpc::frame(message.SerializeAsString()), sending);
  }

  void cancel(grpc::Channel::CallId call) { channel_.cancel(call); }
  [[nodiscard]] std::chrono::milliseconds deadline() const { return deadline_; }

  /// Objects made by later calls are kept by this lease; "" = none.
  void use_lease(std::string lease) { lease_ = std::move(lease); }

 private:
  template <class Reply>
  grpc::Channel::CallId receive(grpc::Request request, Receiver<Reply> to) {
    auto take = [each = std::move(to.each)](const std::string& bytes) {
      if (auto reply = parse<Reply>(bytes)) each(std::move(*reply));
    };
    return channel_.stream(std::move(request), to.deadline, {std::move(take), std::move(to.end)});
  }

  template <class Reply>
  static tl::expected<Reply, grpc::Failure> parse(const std::string& bytes) {
    Reply reply;
    if (reply.ParseFromString(bytes)) return reply;
    return tl::unexpected(grpc::Failure{grpc::Failure::Kind::kNoAnswer, grpc::Code::kInternal,
                                        "a reply that is no such message"});
  }

  template <class RequestMessage, class Reply>
  grpc::Request request(const Method<RequestMessage, Reply>& method,
                        const RequestMessage& message) const {
    grpc::Request request;
    request.path = method.path;
    request.when_late = method.when_late;
    request.metadata.emplace_back("containerd-namespace", name_space_);
    if (!lease_.empty()) request.metadata.emplace_back("containerd-lease", lease_);
    request.body = grpc::frame(message.SerializeAsString());
    return request;
  }

  grpc::Channel& channel_;
  std::string name_space_;
  std::chrono::milliseconds deadline_;
  std::string lease_;
};

}  // namespace mayfly::containerd
