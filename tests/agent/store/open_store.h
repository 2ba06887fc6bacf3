// What the tests of the store share: a temporary directory, and a store with a loop to ask it on.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "agent/store/store.h"

namespace mayfly::store {

/// Removed with all in it at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "mayfly-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline Store::Options in_directory(const std::filesystem::path& directory) {
  Store::Options options;
  options.directory = directory;
  return options;
}

inline Exit exit_of(const std::string& worker, const std::string& pool = "encode") {
  Exit exit;
  exit.worker = worker;
  exit.pool = pool;
  exit.revision = 1;
  exit.exit_class = "done";
  exit.code = 0;
  exit.ended_ms = 4'000'000'000'000;  // far ahead: not trimmed by age
  return exit;
}

/// A store with a loop of its own; each call runs the loop until all is answered.
struct OpenStore {
  explicit OpenStore(Store::Options options) {
    auto opened = Store::open(loop, std::move(options));
    if (opened) store = std::move(*opened);
    if (!opened) error = opened.error();
  }

  void run() {
    loop.restart();
    loop.run();
  }
  bool record(Exit exit) {
    bool written = false;
    store->record(std::move(exit), [&](bool good) { written = good; });
    run();
    return written;
  }
  std::vector<Exit> exits(ExitQuery query = {.pool = "", .worker = "", .limit = 100'000}) {
    std::vector<Exit> rows;
    store->exits(std::move(query), [&](std::vector<Exit> found) { rows = std::move(found); });
    run();
    return rows;
  }

  boost::asio::io_context loop;
  std::unique_ptr<Store> store;
  std::string error;
};

}  // namespace mayfly::store
