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
    std::optional<std::string> file;  // --config; else pricewire.toml in `directory`, if there
    std::map<std::string, std::string> environment;
    std::filesystem::path directory = ".";  // where pricewire.toml and .env are looked for
};

struct LoadedConfig {
    Config config;
    std::map<std::string, std::string>
        origins;  // key → "pricewire.toml:12", "environment", "--http.listen"; absent: default
};

// Flags beat the environment, which beats .env, which beats the file, which beats the defaults. The seed's
// variables (DB_USER DB_PASS DB_HOST DB_PORT DB_NAME, REDIS_URL, RABBITMQ_URL) are read where their
// PRICEWIRE_ twins are not set. Error: one line for each thing that is wrong; secret values are not repeated
// in them. Where only one address of a source with two is set (ws_url or rest_url), the other is empty: a source that
// is pointed at another server never contacts the venue's own.
std::expected<LoadedConfig, std::vector<std::string>> load_config(const ConfigInput& input,
                                                                  const ConfigKeys& keys);

// The effective configuration as TOML that reads back the same but for masked passwords, each key with its
// origin.
std::string describe_config(const LoadedConfig& loaded, const ConfigKeys& keys);

// A value found in a file, with its place.
struct FileValue {
    std::string key;
    std::string value;
    std::string place;  // "pricewire.toml:12"
};
// Error: the file cannot be read or is no TOML; with the place.
Result<std::vector<FileValue>> read_toml(const std::filesystem::path& file);
Result<std::vector<FileValue>> parse_toml(std::string_view text, const std::string& name);

// The environment of this process.
std::map<std::string, std::string> process_environment();

}  // namespace pricewire::ops
