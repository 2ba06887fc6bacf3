// Pulls one image by the driver and says how long that took, as JSON: what `bench pull` measures
// beside other clients.
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/containerd/containerd.h"
#include "runtime/registry/reference.h"

int main(int argc, char** argv) {
  using namespace mayfly;
  using Clock = std::chrono::steady_clock;
  containerd::Options options;
  options.owned = {"mayfly.bench", "pull", "pull-"};
  std::string image;
  CLI::App app{"One pull, without TLS"};
  app.add_option("--socket", options.socket)->required();
  app.add_option("--namespace", options.name_space)->required();
  app.add_option("--layers-parallel", options.registries.layers_parallel);
  app.add_option("image", image)->required();
  CLI11_PARSE(app, argc, argv);

  const auto reference = registry::parse_reference(image);
  if (!reference) {
    std::cerr << reference.error() << "\n";
    return 2;
  }
  options.registries.registries[reference->host].plain_http = true;
  boost::asio::io_context loop;
  const auto driver = containerd::make_driver(loop, options);
  std::optional<runtime::Result<runtime::Image>> result;
  driver->start([](runtime::Hint) {});
  const auto begun = Clock::now();
  driver->prepare_image({image, {}, {}}, [&](runtime::Result<runtime::Image> prepared) {
    result = std::move(prepared);
    loop.stop();
  });
  loop.run();
  if (!*result) {
    std::cerr << result->error().what << "\n";
    return 1;
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
  std::cout << nlohmann::json{{"digest", (*result)->digest},
                              {"bytes", (*result)->size_bytes},
                              {"ms", took.count()}}
            << "\n";
}
