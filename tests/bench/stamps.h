// Where the workers of a benchmark leave their stamps: one file, mapped by every worker, made by
// tests/bench/stamps.py, which reads it too. The layout is plain little-endian 64-bit words.
#pragma once

#include <atomic>
#include <cstdint>

namespace mayfly::bench {

/// CLOCK_MONOTONIC, nanoseconds.
struct Stamp {
  std::int64_t slot;
  std::int64_t first;  ///< at the first instruction that is ours
  std::int64_t last;   ///< just before exit; 0 while it lives
  char worker[40];     ///< $MAYFLY_WORKER, cut and padded with zeroes
};
static_assert(sizeof(Stamp) == 64);

struct StampFile {
  std::atomic<std::int64_t> used;  ///< stamps taken so far; may exceed `size`
  std::int64_t size;
  std::int64_t reserved[6];
  Stamp stamps[1];  ///< `size` of them
};
static_assert(sizeof(StampFile) == 128);

}  // namespace mayfly::bench
