#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "ops/config.hpp"
#include "ops/config_keys.hpp"

namespace pricewire::ops {

struct ConfigInput {
    std::vector<std::pair<std::string, std::string>> flags;  // key, value; as given on the command line
    std::optional<std::string> file;  // --config; nullopt: pricewire.toml in `directory`, if it exists
    std::map<std::string, std::string> environment;
    std::filesystem::path directory = ".";  // of pricewire.toml and .env
};

struct LoadedConfig {
    Config config;
    // key → "pricewire.toml:12", "environment: PRICEWIRE_HTTP_LISTEN", "--http.listen"; absent: default
    std::map<std::string, std::string> origins;
    // Lines about what was left out; for the log.
    std::vector<std::string> warnings;
};

// Precedence: flags, environment, .env, file, defaults. The seed's variables (DB_USER DB_PASS DB_HOST DB_PORT
// DB_NAME, REDIS_URL, RABBITMQ_URL) count if their PRICEWIRE_ counterparts are not set. If only one of a
// source's ws_url and rest_url is set, the other becomes empty: a source that is pointed at another server
// never contacts the venue's own. A poll_interval that is not set follows a market.quote_ttl that is shorter.
// Variables that Kubernetes sets beside a Service named pricewire… are passed over; other unknown variables are
// warnings, since the environment is shared with others. Error: one line per mistake, without secret values.
std::expected<LoadedConfig, std::vector<std::string>> load_config(const ConfigInput& input,
                                                                  const ConfigKeys& keys);

// The effective configuration as TOML that loads to the same values, except masked secrets. Each key is
// followed by its origin.
std::string describe_config(const LoadedConfig& loaded, const ConfigKeys& keys);

// A value in a file and its position.
struct FileValue {
    std::string key;
    std::string value;
    std::string place;  // "pricewire.toml:12"
};
// Error: the file cannot be read or is not valid TOML; with the position.
Result<std::vector<FileValue>> read_toml(const std::filesystem::path& file);
Result<std::vector<FileValue>> parse_toml(std::string_view text, const std::string& name);

// The environment of this process.
std::map<std::string, std::string> process_environment();

}  // namespace pricewire::ops
