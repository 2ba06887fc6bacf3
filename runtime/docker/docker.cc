#include "runtime/docker/docker.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/docker/backend.h"
#include "runtime/docker/create.h"
#include "runtime/docker/events.h"
#include "runtime/docker/exit_status.h"
#include "runtime/docker/images/images.h"
#include "runtime/docker/list.h"
#include "runtime/docker/profiles.h"
#include "runtime/docker/remove.h"
#include "runtime/docker/spec.h"

namespace mayfly::docker {
namespace {

using runtime::Done;
using runtime::Fault;
using runtime::FaultKind;
using runtime::Hint;

constexpr std::size_t kNameMax = 128;

Engine::Options engine_options(const Options& options) {
  Engine::Options engine;
  engine.socket = options.socket;
  engine.call_deadline = options.call_deadline;
  engine.calls_waiting_max = options.calls_waiting_max;
  return engine;
}

/// What the Engine API takes for a name, without a slash or a dot in front.
bool is_plain_name(const std::string& name) {
  constexpr const char* kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return name.size() >= 2 && name.size() <= kNameMax &&
         name.find_first_not_of(kPlain) == std::string::npos && name[0] != '.' && name[0] != '-';
}

/// In a sandbox of systemd's our own /tmp and /home are not the host's.
bool is_on_host(const std::string& path) {
  return access(("/proc/1/root" + path).c_str(), F_OK) == 0 || access(path.c_str(), F_OK) == 0;
}

std::vector<runtime::Warning> warnings_of(const Facts& facts) {
  // Podman has no daemon that its containers could go with.
  if (facts.is_podman || facts.live_restore) return {};
  return {{"live-restore is off: workers are killed when dockerd restarts",
           R"(put "live-restore": true into /etc/docker/daemon.json, then: )"
           "systemctl reload docker"}};
}

class Docker final : public runtime::Driver {
 public:
  Docker(boost::asio::io_context& loop, Options options)
      : loop_(loop),
        engine_(loop, engine_options(options),
                [this](Engine::Link link, const std::string& why) { on_link(link, why); }),
        backend_{loop, std::move(options), engine_, operations_, known_},
        images_(loop, backend_),
        events_(loop, engine_, backend_.options.owned,
                [this](const Event& event) { on_event(event); }),
        alive_(std::make_shared<char>()) {}

  void start(std::function<void(Hint)> on_hint) override {
    on_hint_ = std::move(on_hint);
    engine_.start();
  }

  void connect_now() override { engine_.meet_now(); }

  void about(Done<runtime::About> done) override;

  void resolve_image(const runtime::ImageWanted& wanted, Done<runtime::Image> done) override {
    soon([this, wanted, done = std::move(done)] { images_.resolve(wanted, done); });
  }
  void prepare_image(const runtime::ImageWanted& wanted, Done<runtime::Image> done) override {
    soon([this, wanted, done = std::move(done)] { images_.prepare(wanted, done); });
  }
  [[nodiscard]] std::vector<runtime::Pulling> pulls() const override { return images_.pulls(); }
  void remove_image(const runtime::ImageWanted& wanted, Done<std::monostate> done) override {
    soon([this, wanted, done = std::move(done)] { images_.remove(wanted, done); });
  }
  void import_image(const std::string& file, const std::optional<std::string>& name,
                    Done<std::vector<runtime::Image>> done) override {
    soon([this, file, name, done = std::move(done)] { images_.import(file, name, done); });
  }
  void list_images(Done<std::vector<runtime::Image>> done) override {
    images_.list(std::move(done));
  }

  void create(runtime::ContainerSpec spec, Done<runtime::Started> done) override;

  void exit_status(const std::string& name,
                   Done<std::optional<runtime::ExitStatus>> done) override {
    operations_.run(std::make_unique<ExitStatusCall>(backend_, name, std::move(done)));
  }

  void remove(const std::string& name, Done<std::monostate> done) override {
    if (!is_ours(name)) return refuse(done, "not a name of ours: " + name);
    operations_.run(std::make_unique<RemoveCall>(backend_, name, std::move(done)));
  }

  void list(Done<std::vector<runtime::Container>> done) override {
    operations_.run(std::make_unique<ListCall>(backend_, std::move(done)));
  }

 private:
  void create_from(runtime::ContainerSpec spec, const LocalImage& image,
                   Done<runtime::Started> done);
  [[nodiscard]] std::string fault_of_mounts(const runtime::ContainerSpec& spec) const;
  void on_link(Engine::Link link, const std::string& why);
  void on_event(const Event& event);
  [[nodiscard]] bool is_ours(const std::string& name) const {
    return name.starts_with(backend_.options.owned.name_prefix) && is_plain_name(name);
  }

  /// For what may be answered at once: no answer comes from within the call that asked.
  template <class Work>
  void soon(Work work) {
    boost::asio::post(loop_, [work = std::move(work), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) work();
    });
  }

  template <class T>
  void refuse(const Done<T>& done, std::string why) {
    soon([done, why = std::move(why)] { done(tl::unexpected(Fault{FaultKind::kRefused, why})); });
  }

  boost::asio::io_context& loop_;
  std::function<void(Hint)> on_hint_;
  runtime::Operations operations_;  ///< before the engine: they are dropped after it, never called
  Known known_;
  Profiles profiles_;
  Engine engine_;
  Backend backend_;
  Images images_;
  Events events_;
  std::shared_ptr<char> alive_;
};

void Docker::about(Done<runtime::About> done) {
  Call call;
  call.path = "/info";
  engine_.call(std::move(call), [this, done = std::move(done)](const http::Reply& reply) {
    if (!is_answer(reply, 200)) {
      return done(tl::unexpected(fault_of(reply, backend_.doing("ask about itself"))));
    }
    auto facts = *engine_.facts();
    if (const auto read = read_info(reply->body, facts); !read) {
      return done(tl::unexpected(fault_of(reply, backend_.doing("ask about itself"))));
    }
    done(runtime::About{facts.name(), facts.version, facts.storage, warnings_of(facts)});
  });
}

void Docker::create(runtime::ContainerSpec spec, Done<runtime::Started> done) {
  if (!is_ours(spec.name)) return refuse(done, "not a name of ours: " + spec.name);
  soon([this, spec = std::move(spec), done = std::move(done)] {
    images_.find(spec.image, spec.image_name,
                 [this, spec, done](const runtime::Result<LocalImage>& image) {
                   if (!image) return done(tl::unexpected(image.error()));
                   create_from(spec, *image, done);
                 });
  });
}

/// The image was found, so the daemon has been met.
void Docker::create_from(runtime::ContainerSpec spec, const LocalImage& image,
                         Done<runtime::Started> done) {
  const auto parent = cgroup_parent(backend_.options.cgroup_parent, *engine_.facts());
  if (!parent) return refuse(done, parent.error());
  if (auto fault = fault_of_mounts(spec); !fault.empty()) return refuse(done, std::move(fault));
  spec.labels[backend_.options.owned.label] = backend_.options.owned.value;
  const auto as = engine_.facts()->is_podman ? Profiles::As::kPath : Profiles::As::kText;
  const auto profile = profiles_.profile(spec.security.capabilities, as);
  if (profile.empty()) return refuse(done, "no memory for a seccomp profile");
  auto body = write_spec(spec, image, {*parent, profile});
  if (!body) return refuse(done, std::move(body.error()));
  auto tell = [this, digest = spec.image,
               done = std::move(done)](runtime::Result<runtime::Started> result) {
    // The image is gone, or was built anew: look for it before the next.
    if (!result && result.error().kind == FaultKind::kNotFound) images_.forget(digest);
    done(std::move(result));
  };
  operations_.run(std::make_unique<CreateCall>(
      backend_, CreateCall::Plan{std::move(spec.name), std::move(*body)}, std::move(tell)));
}

/// Podman (4.3) makes a folder where the source of a mount is missing.
std::string Docker::fault_of_mounts(const runtime::ContainerSpec& spec) const {
  if (!engine_.facts()->is_podman) return {};
  for (const auto& mount : spec.mounts) {
    if (is_on_host(mount.source)) continue;
    return mount.source + ": " + std::strerror(errno);
  }
  return {};
}

void Docker::on_link(Engine::Link link, const std::string& why) {
  const bool is_up = link == Engine::Link::kUp;
  if (is_up) events_.subscribe();
  if (!on_hint_) return;
  on_hint_(is_up ? Hint{Hint::Kind::kFound, {}}
                 : Hint{Hint::Kind::kLost, std::string(engine_.name()) + ": " + why});
}

void Docker::on_event(const Event& event) {
  if (!is_ours(event.name)) return;
  known_.forget_pid(event.name, event.id);
  if (on_hint_) on_hint_({Hint::Kind::kChanged, event.name});
}

}  // namespace

std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop, Options options) {
  return std::make_unique<Docker>(loop, std::move(options));
}

}  // namespace mayfly::docker
