// From text or files to a checked document, or to all that is wrong with it at once.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/document.h"

namespace mayfly::config {

using Faults = std::vector<Fault>;

/// Reads FILE, conf.d/*.toml and pools.d/*.toml beside it. Never throws.
[[nodiscard]] tl::expected<Document, Faults> load(const std::filesystem::path& file);

/// One pool from TOML; `file` is what faults say.
[[nodiscard]] tl::expected<Pool, Faults> parse_pool_toml(std::string_view text,
                                                         const std::string& file);

/// One pool from JSON of the same shape (the API's). Faults carry a JSON pointer in `what`.
[[nodiscard]] tl::expected<Pool, Faults> parse_pool_json(std::string_view text);

/// The pool as JSON: the canonical form, every key present, keys sorted. parse_pool_json reads it
/// back to an equal pool.
[[nodiscard]] std::string to_json(const Pool& pool);

/// The canonical JSON of what makes a revision (compared and hashed by the agent).
[[nodiscard]] std::string to_json(const Template& worker);

/// The socket that is configured, else where the runtime of this kind has its own.
[[nodiscard]] std::string socket_of(const Runtime& runtime);

/// The systemd unit that serves that socket. "": none is known, or none is to be asked about.
[[nodiscard]] std::string unit_of(const Runtime& runtime);

/// What the pool asks for and this kind of runtime has not, to be read after the key `network`; ""
/// when it has all of it.
[[nodiscard]] std::string misfit(const Runtime& runtime, const Pool& pool);

/// "file:line:column: what", one line.
[[nodiscard]] std::string to_string(const Fault& fault);

}  // namespace mayfly::config
