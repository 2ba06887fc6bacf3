#include "runtime/containerd/containerd.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/containerd/backend.h"
#include "runtime/containerd/create.h"
#include "runtime/containerd/exit_status.h"
#include "runtime/containerd/images/images.h"
#include "runtime/containerd/list.h"
#include "runtime/containerd/remnants.h"
#include "runtime/containerd/remove.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {
namespace {

using runtime::Done;
using runtime::Fault;
using runtime::FaultKind;
using runtime::Hint;

constexpr std::size_t kThreadsMax = 4;    ///< for work that must wait: images, remnants
constexpr std::size_t kPullsMax = 4;      ///< at a time
constexpr std::size_t kWaitingMax = 256;  ///< such work in the queue

/// Of the loop's own channel; what sends layers has its pings answered at once, for by them the
/// server finds how much it may take at a time.
constexpr std::chrono::seconds kPingAnswerWait{1};

grpc::Channel::Options channel_options(const Options& options) {
  grpc::Channel::Options channel;
  channel.socket = options.socket;
  channel.calls_queued_max = options.calls_queued_max;
  return channel;
}

grpc::Channel::Options loop_channel_options(const Options& options) {
  auto channel = channel_options(options);
  channel.ping_answer_wait = kPingAnswerWait;
  return channel;
}

Errands::Options errand_options(const Options& options, std::size_t threads_max) {
  return {channel_options(options),
          options.name_space,
          {options.call_deadline, options.image_deadline},
          threads_max,
          kWaitingMax};
}

class Containerd final : public runtime::Driver {
 public:
  Containerd(boost::asio::io_context& loop, Options options)
      : loop_(loop),
        channel_(loop, loop_channel_options(options),
                 [this](grpc::Channel::Link link, const std::string& why) { on_link(link, why); }),
        api_(channel_, options.name_space, options.call_deadline),
        errands_(loop, errand_options(options, kThreadsMax)),
        images_(loop, errands_, errand_options(options, kPullsMax), options),
        backend_{options, oci::this_host(options.cgroup_parent), api_, operations_, errands_},
        alive_(std::make_shared<char>()) {}

  void start(std::function<void(Hint)> on_hint) override {
    on_hint_ = std::move(on_hint);
    channel_.start();
  }

  void connect_now() override { channel_.connect_now(); }

  void about(Done<runtime::About> done) override {
    api_.call(method::kVersion, wire::Empty{},
              Api::Done<wire::VersionReply>([this, done = std::move(done)](auto reply) {
                if (!reply) return done(tl::unexpected(fault_of(reply.error(), "ask its version")));
                ask_storage({"containerd", reply->version(), {}, {}}, done);
              }));
  }

  void resolve_image(const runtime::ImageWanted& wanted, Done<runtime::Image> done) override {
    images_.resolve(wanted, std::move(done));
  }

  void prepare_image(const runtime::ImageWanted& wanted, Done<runtime::Image> done) override {
    images_.prepare(wanted, [done = std::move(done)](runtime::Result<PreparedImage> prepared) {
      done(std::move(prepared).map([](PreparedImage image) { return image.image; }));
    });
  }

  [[nodiscard]] std::vector<runtime::Pulling> pulls() const override { return images_.pulls(); }

  void remove_image(const runtime::ImageWanted& wanted, Done<std::monostate> done) override {
    images_.remove(wanted, std::move(done));
  }

  void import_image(const std::string& file, const std::optional<std::string>& name,
                    Done<std::vector<runtime::Image>> done) override {
    images_.import(file, name, std::move(done));
  }

  void list_images(Done<std::vector<runtime::Image>> done) override {
    images_.list(std::move(done));
  }

  void create(runtime::ContainerSpec spec, Done<runtime::Started> done) override;

  void exit_status(const std::string& name,
                   Done<std::optional<runtime::ExitStatus>> done) override {
    operations_.run(std::make_unique<ExitStatusCall>(backend_, name, std::move(done)));
  }

  void remove(const std::string& name, Done<std::monostate> done) override;

  void list(Done<std::vector<runtime::Container>> done) override {
    operations_.run(std::make_unique<ListCall>(backend_, std::move(done)));
  }

 private:
  void ask_storage(runtime::About about, const Done<runtime::About>& done);
  void create_from(runtime::ContainerSpec spec, const PreparedImage& image,
                   Done<runtime::Started> done);
  void on_link(grpc::Channel::Link link, const std::string& why);
  void subscribe();
  void on_event(const wire::Envelope& event);
  [[nodiscard]] bool is_ours(const std::string& name) const {
    return name.starts_with(backend_.options.owned.name_prefix) && is_plain_name(name);
  }

  /// Answers later, as every answer comes.
  template <class T>
  void refuse(const Done<T>& done, std::string why) {
    boost::asio::post(loop_, [done, why = std::move(why), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) done(tl::unexpected(Fault{FaultKind::kRefused, why}));
    });
  }

  boost::asio::io_context& loop_;
  std::function<void(Hint)> on_hint_;
  Operations operations_;  ///< before the channel: they are dropped after it, and so never called
  grpc::Channel channel_;
  Api api_;
  Errands errands_;
  Images images_;
  Backend backend_;
  oci::SeccompProfiles profiles_;
  std::shared_ptr<char> alive_;
};

/// The snapshotter says where its root is, from containerd 1.6 on.
void Containerd::ask_storage(runtime::About about, const Done<runtime::About>& done) {
  wire::PluginsRequest request;
  request.add_filters("type==io.containerd.snapshotter.v1,id==" + backend_.options.snapshotter);
  api_.call(method::kListPlugins, request,
            Api::Done<wire::PluginsListed>([about = std::move(about), done](auto listed) mutable {
              if (listed && listed->plugins_size() == 1) {
                const auto& exports = listed->plugins(0).exports();
                const auto root = exports.find("root");
                if (root != exports.end()) about.storage = root->second;
              }
              done(std::move(about));
            }));
}

/// An agent that has just adopted its workers may ask for an image that this run has not seen yet.
/// One that is gone is for the agent to have prepared again: a pull may take long.
void Containerd::create(runtime::ContainerSpec spec, Done<runtime::Started> done) {
  if (!is_ours(spec.name)) return refuse(done, "not a name of ours: " + spec.name);
  if (const auto* image = images_.find(spec.image)) {
    return create_from(std::move(spec), *image, std::move(done));
  }
  const runtime::ImageWanted wanted{spec.image_name, spec.image, runtime::Pull::kNever};
  images_.prepare(wanted, [this, spec = std::move(spec),
                           done = std::move(done)](runtime::Result<PreparedImage> image) mutable {
    if (!image) return done(tl::unexpected(std::move(image.error())));
    create_from(std::move(spec), *image, std::move(done));
  });
}

void Containerd::create_from(runtime::ContainerSpec spec, const PreparedImage& image,
                             Done<runtime::Started> done) {
  auto json = oci::write_spec(spec, image.config, image.accounts, {backend_.host, profiles_});
  if (!json) return refuse(done, std::move(json.error()));
  auto tell = [this, digest = spec.image,
               done = std::move(done)](runtime::Result<runtime::Started> result) {
    // The layers are gone, or something else is: read it anew before the next.
    if (!result && result.error().kind == FaultKind::kNotFound) images_.forget(digest);
    done(std::move(result));
  };
  operations_.run(std::make_unique<CreateCall>(
      backend_,
      CreateCall::Plan{std::move(spec.name), std::move(spec.image), std::move(spec.labels),
                       image.chain_id, std::move(*json)},
      std::move(tell)));
}

void Containerd::remove(const std::string& name, Done<std::monostate> done) {
  if (!is_ours(name)) return refuse(done, "not a name of ours: " + name);
  operations_.run(std::make_unique<RemoveCall>(backend_, name, std::move(done)));
}

void Containerd::on_link(grpc::Channel::Link link, const std::string& why) {
  if (link == grpc::Channel::Link::kUp) {
    subscribe();
    images_.clear_up();
  }
  if (!on_hint_) return;
  const bool up = link == grpc::Channel::Link::kUp;
  on_hint_(up ? Hint{Hint::Kind::kFound, {}} : Hint{Hint::Kind::kLost, "containerd: " + why});
}

/// The server says nothing until the first event, so nobody can know from when on events come; they
/// are hints. The stream ends with the connection, and the next connection brings the next stream.
void Containerd::subscribe() {
  wire::SubscribeRequest request;
  for (const auto* topic : {"/tasks/exit", "/tasks/oom", "/tasks/delete"}) {
    request.add_filters("topic==\"" + std::string(topic) + "\",namespace==\"" +
                        backend_.options.name_space + "\"");
  }
  api_.stream(method::kSubscribe, request,
              Api::Receiver<wire::Envelope>{
                  [this](const wire::Envelope& event) { on_event(event); }, [](const auto&) {}});
}

void Containerd::on_event(const wire::Envelope& event) {
  wire::TaskEvent task;
  if (!on_hint_ || !task.ParseFromString(event.event().value())) return;
  if (is_ours(task.container_id())) on_hint_({Hint::Kind::kChanged, task.container_id()});
}

}  // namespace

std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop, Options options) {
  return std::make_unique<Containerd>(loop, std::move(options));
}

}  // namespace mayfly::containerd
