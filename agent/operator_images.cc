// What operators ask about images.
#include <chrono>
#include <utility>

#include "agent/operator.h"

namespace mayfly::agent {
namespace {

using control::ImageRow;
using control::Reply;

/// What is refused is wrong with the input, unless `refused` says otherwise.
control::Error to_error(const runtime::Fault& fault,
                        control::Refusal refused = control::Refusal::kInvalid) {
  switch (fault.kind) {
    case runtime::FaultKind::kRefused:
      return {refused, fault.what};
    case runtime::FaultKind::kFailed:
      return {control::Refusal::kFailed, fault.what};
    case runtime::FaultKind::kNotFound:
      return {control::Refusal::kNotFound, fault.what};
    case runtime::FaultKind::kUnknown:
      return {control::Refusal::kTimedOut, fault.what};
  }
  return {control::Refusal::kFailed, fault.what};
}

ImageRow to_row(const runtime::Image& image) {
  ImageRow row;
  row.name = image.name;
  row.digest = image.digest;
  row.size_bytes = image.size_bytes;
  return row;
}

std::vector<ImageRow> to_rows(const std::vector<runtime::Image>& images) {
  std::vector<ImageRow> rows;
  for (const runtime::Image& image : images) rows.push_back(to_row(image));
  return rows;
}

ImageRow to_row(const ListedImage& listed) {
  ImageRow row = to_row(listed.image);
  row.ours = listed.ours;
  row.unused_unix_ms = listed.unused_ms;
  for (const ImageUse& use : listed.uses) {
    row.used_by.push_back(
        {use.pool, use.revision, use.role == UseRole::kCurrent ? "current" : "previous"});
  }
  return row;
}

bool is_of(const runtime::Pulling& pulling, const KnownRevision& known) {
  if (!known.row.image.empty() && !pulling.digest.empty()) {
    return known.row.image == pulling.digest;
  }
  return known.worker.image == pulling.name;
}

control::Pull to_pull(const runtime::Pulling& pulling) {
  const auto took = std::chrono::steady_clock::now() - pulling.since;
  control::Pull pull;
  pull.image = pulling.name;
  pull.digest = pulling.digest;
  pull.bytes_done = pulling.bytes_done;
  pull.bytes_total = pulling.bytes_total;
  pull.layers_done = pulling.layers_done;
  pull.layers_total = pulling.layers_total;
  pull.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  pull.waiting_for = pulling.waiting_for;
  return pull;
}

}  // namespace

std::vector<control::Pull> Operator::pulls() const {
  std::vector<control::Pull> pulls;
  for (const runtime::Pulling& pulling : parts_.images.pulls()) {
    control::Pull pull = to_pull(pulling);
    for (const auto& [name, pool] : model().pools) {
      if (pool.dropped || pool.prepared >= pool.settings.revision) continue;
      const KnownRevision* known = parts_.catalog.revision(name, pool.settings.revision);
      if (known != nullptr && is_of(pulling, *known)) {
        pull.wanted_by.push_back({name, known->row.number});
      }
    }
    pulls.push_back(std::move(pull));
  }
  return pulls;
}

void Operator::import_image(const std::string& file, const std::optional<std::string>& name,
                            Reply<std::vector<ImageRow>> reply) {
  parts_.images.import(
      file, name,
      [reply = std::move(reply)](const runtime::Result<std::vector<runtime::Image>>& images) {
        if (!images) return reply(tl::unexpected(to_error(images.error())));
        reply(to_rows(*images));
      });
}

void Operator::images(Reply<std::vector<ImageRow>> reply) {
  parts_.images.list(
      [reply = std::move(reply)](const runtime::Result<std::vector<ListedImage>>& images) {
        if (!images) return reply(tl::unexpected(to_error(images.error())));
        std::vector<ImageRow> rows;
        for (const ListedImage& listed : *images) rows.push_back(to_row(listed));
        reply(std::move(rows));
      });
}

void Operator::pull_image(const std::string& name, Reply<ImageRow> reply) {
  parts_.images.prepare({name, {}, runtime::Pull::kAlways},
                        [reply = std::move(reply)](const runtime::Result<runtime::Image>& image) {
                          if (!image) return reply(tl::unexpected(to_error(image.error())));
                          reply(to_row(*image));
                        });
}

void Operator::remove_image(const std::string& name, Reply<std::vector<ImageRow>> reply) {
  parts_.images.remove(
      name, [reply = std::move(reply)](const runtime::Result<std::vector<runtime::Image>>& gone) {
        if (!gone) {
          return reply(tl::unexpected(to_error(gone.error(), control::Refusal::kRefused)));
        }
        reply(to_rows(*gone));
      });
}

void Operator::collect_images(control::CollectOptions options,
                              Reply<std::vector<control::CollectedRow>> reply) {
  parts_.images.collect(
      options.dry_run ? Images::Mode::kDryRun : Images::Mode::kRemove,
      [reply = std::move(reply)](const runtime::Result<std::vector<CollectedImage>>& images) {
        if (!images) return reply(tl::unexpected(to_error(images.error())));
        std::vector<control::CollectedRow> rows;
        for (const CollectedImage& each : *images) {
          const store::Image& image = each.removal.image;
          rows.push_back(
              {image.name, image.digest, image.size_bytes, each.removal.why, each.fault});
        }
        reply(std::move(rows));
      });
}

}  // namespace mayfly::agent
