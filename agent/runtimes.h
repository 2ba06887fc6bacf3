// Which driver a configuration asks for, and what it is told. The one place that knows all of them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "config/document.h"
#include "runtime/driver.h"
#include "runtime/registry/options.h"

namespace mayfly::agent {

/// REQUIRES: `loop` outlives it.
[[nodiscard]] std::unique_ptr<runtime::Driver> open_driver(boost::asio::io_context& loop,
                                                           const config::Daemon& config,
                                                           runtime::Ownership owned);

[[nodiscard]] registry::Options registry_options(const config::Daemon& config);

}  // namespace mayfly::agent
