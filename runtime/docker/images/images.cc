#include "runtime/docker/images/images.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/docker/images/discard.h"
#include "runtime/docker/images/load.h"

namespace mayfly::docker {
namespace {

using runtime::Fault;
using runtime::FaultKind;
using runtime::Image;
using runtime::ImageWanted;
using runtime::Result;

constexpr std::size_t kSeenMax = 256;

template <class Map>
void keep_bounded(Map& map, const typename Map::key_type& key, typename Map::mapped_type value) {
  if (map.size() >= kSeenMax) map.clear();
  map[key] = std::move(value);
}

/// Also where there is none to have.
bool has_tag(const LocalImage& image, registry::Reference reference) {
  reference.digest.clear();
  return reference.tag.empty() || std::ranges::any_of(image.tags, [&](const std::string& tag) {
           const auto parsed = registry::parse_reference(tag);
           return parsed && parsed->text() == reference.text();
         });
}

}  // namespace

Images::Images(boost::asio::io_context& loop, Backend& backend)
    : loop_(loop),
      backend_(backend),
      alive_(std::make_shared<char>()),
      readers_(loop),
      resolver_(loop, backend.options.registries) {}

void Images::resolve(const ImageWanted& wanted, Done<Image> done) {
  auto located = [this, name = wanted.name, done = std::move(done)](Result<Located> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    note(*found);
    done(Image{name, found->names.digest, found->size_bytes});
  };
  backend_.operations.run(std::make_unique<Locate>(
      backend_, Locate::Registry{&resolver_, Locate::Asks::kAll}, wanted, std::move(located)));
}

void Images::prepare(const ImageWanted& wanted, Done<Image> done) {
  auto located = [this, wanted, done = std::move(done)](Result<Located> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    note(*found);
    if (!found->here) return pull(std::move(*found), {wanted.name, done});
    keep(found->names.digest, *found->here);
    if (found->names.reference && !has_tag(*found->here, *found->names.reference)) {
      give_tag(found->names, *found->here);
    }
    done(Image{wanted.name, found->names.digest, found->here->size_bytes});
  };
  backend_.operations.run(std::make_unique<Locate>(
      backend_, Locate::Registry{&resolver_, Locate::Asks::kMeanings}, wanted, std::move(located)));
}

void Images::pull(Located located, Asked asked) {
  const auto key = located.names.pinned();
  auto& pulled_now = pulls_[key];
  auto name = asked.name;
  pulled_now.askers.push_back(std::move(asked));
  if (pulled_now.pull) return;
  const auto names = located.names;
  pulled_now.pull = std::make_unique<Pull>(
      loop_, backend_, resolver_,
      Pull::Plan{std::move(located.names), std::move(name), located.size_bytes});
  pulled_now.pull->begin(
      [this, key, names](Result<LocalImage> image) { pulled(key, names, std::move(image)); });
}

void Images::pulled(const std::string& key, const Names& names, Result<LocalImage> image) {
  auto node = pulls_.extract(key);
  if (image) {
    keep(names.digest, *image);
    give_tag(names, *image);
  }
  const auto alive = std::weak_ptr(alive_);
  for (auto& asker : node.mapped().askers) {
    if (alive.expired()) return;
    if (image) {
      asker.done(Image{asker.name, names.digest, image->size_bytes});
    } else {
      asker.done(tl::unexpected(image.error()));
    }
  }
}

/// Under its digest alone, nobody would find it by its name. A name that is here already keeps its
/// meaning, unless the registry has said that it has changed. Nobody waits for it.
void Images::give_tag(const Names& names, const LocalImage& image) {
  if (names.reference->tag.empty()) return;
  const auto tag = [this, names, id = image.id] {
    Call call;
    call.method = "POST";
    call.path = image_path(id, "/tag?repo=") +
                http::percent_encoded(names.reference->repository()) +
                "&tag=" + http::percent_encoded(names.reference->tag);
    backend_.engine.call(std::move(call), [](const http::Reply&) {});
  };
  auto tagged = *names.reference;
  tagged.digest.clear();
  const auto meant = meant_.find(tagged.text());
  if (meant != meant_.end() && meant->second == names.digest) return tag();
  Call call;
  call.path = image_path(tagged.text(), "/json");
  backend_.engine.call(std::move(call), [tag](const http::Reply& reply) {
    if (is_answer(reply, 404)) tag();
  });
}

std::vector<runtime::Pulling> Images::pulls() const {
  std::vector<runtime::Pulling> pulls;
  for (const auto& [key, pulled] : pulls_) pulls.push_back(pulled.pull->tell());
  return pulls;
}

void Images::remove(const ImageWanted& wanted, Done<std::monostate> done) {
  auto gone = [this, wanted, done = std::move(done)](Result<std::monostate> result) {
    if (result) seen_.clear();
    done(std::move(result));
  };
  backend_.operations.run(std::make_unique<DiscardCall>(backend_, wanted, std::move(gone)));
}

void Images::import(const std::string& file, const std::optional<std::string>& name,
                    Done<std::vector<Image>> done) {
  backend_.operations.run(
      std::make_unique<LoadCall>(backend_, readers_, LoadCall::Asked{file, name}, std::move(done)));
}

void Images::list(Done<std::vector<Image>> done) {
  Call call;
  call.path = "/images/json";
  backend_.engine.call(std::move(call), [this, done = std::move(done)](const http::Reply& reply) {
    const auto images = is_answer(reply, 200) ? read_images(reply->body) : std::nullopt;
    if (!images) {
      return done(tl::unexpected(fault_of(reply, backend_.doing("list the images"))));
    }
    std::vector<Image> named;
    for (const auto& image : *images) {
      auto each = named_images(image);
      std::ranges::move(each, std::back_inserter(named));
    }
    done(std::move(named));
  });
}

void Images::find(const std::string& digest, const std::string& name, Done<LocalImage> done) {
  if (const auto seen = seen_.find(digest); seen != seen_.end()) return done(seen->second);
  auto located = [this, digest, done = std::move(done)](Result<Located> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    keep(digest, *found->here);
    done(std::move(*found->here));
  };
  backend_.operations.run(std::make_unique<Locate>(backend_, Locate::Registry{},
                                                   ImageWanted{name, digest, runtime::Pull::kNever},
                                                   std::move(located)));
}

void Images::keep(const std::string& digest, const LocalImage& image) {
  keep_bounded(seen_, digest, image);
}

void Images::note(const Located& located) {
  if (!located.is_asked || !located.names.reference) return;
  auto tagged = *located.names.reference;
  if (tagged.tag.empty() || !tagged.digest.empty()) return;
  keep_bounded(meant_, tagged.text(), located.names.digest);
}

}  // namespace mayfly::docker
