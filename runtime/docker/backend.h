// What every operation works with: the engine's calls, the operations under way, what is known of
// containers, and how this node wants them. Owned by the driver.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <utility>

#include "runtime/docker/answers.h"
#include "runtime/docker/docker.h"
#include "runtime/docker/engine.h"
#include "runtime/docker/known.h"
#include "runtime/docker/translate.h"
#include "runtime/operation.h"

namespace mayfly::docker {

struct Backend {
  boost::asio::io_context& loop;
  Options options;
  Engine& engine;
  runtime::Operations& operations;
  Known& known;

  [[nodiscard]] bool is_ours(const Labels& labels) const {
    const auto label = labels.find(options.owned.label);
    return label != labels.end() && label->second == options.owned.value;
  }

  [[nodiscard]] Doing doing(std::string_view what) const { return {engine.name(), what}; }

  /// "" where it cannot be told.
  [[nodiscard]] std::string cgroup(const std::string& id) const {
    if (engine.facts() == nullptr) return {};
    const auto parent = cgroup_parent(options.cgroup_parent, *engine.facts());
    return parent ? cgroup_of(*parent, id, *engine.facts()) : std::string();
  }
};

/// Of one container: "/containers/NAME", `rest` after it.
[[nodiscard]] inline std::string container_path(const std::string& name, const char* rest) {
  return "/containers/" + http::percent_encoded(name) + rest;
}

/// Binds the reply of a call to an operation's next step.
template <class Steps>
Engine::Done then(Steps* steps, void (Steps::*next)(http::Reply)) {
  return [steps, next](http::Reply reply) { (steps->*next)(std::move(reply)); };
}

}  // namespace mayfly::docker
