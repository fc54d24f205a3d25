#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ops/config.hpp"

namespace pricewire::ops {

// One configuration key: how to parse it into a Config, how to print it, and what it means.
struct ConfigKey {
    std::string name;      // "http.listen"
    std::string accepts;   // "host:port"; for errors and --help
    std::string help;      // one line, for --help
    bool is_list = false;  // an array in TOML, comma-separated elsewhere
    bool is_text = true;   // a string in TOML; else a number or boolean
    // Error: what the key accepts, without the key's name.
    std::function<Result<void>(Config&, const std::string& value)> set;
    std::function<std::string(const Config&)> get;  // in the form that set() accepts
    bool is_secret = false;                         // printed as *** if set
    bool is_secret_url = false;                     // may contain a password, which is printed as ***
};

// All keys, including those of the given sources. Immutable.
class ConfigKeys {
public:
    explicit ConfigKeys(std::vector<SourceDefaults> sources = {});

    // In the order of config/pricewire.toml.
    std::span<const ConfigKey> all() const { return keys_; }
    // Null if there is no such key.
    const ConfigKey* find(std::string_view name) const;
    // The name of the key that `name` is likely a misspelling of; empty if none is near. '.' and '_' are alike,
    // so that a variable's name without its prefix will do.
    std::string nearest(std::string_view name) const;
    std::span<const SourceDefaults> sources() const { return sources_; }
    Config defaults() const;

private:
    std::vector<SourceDefaults> sources_;
    std::vector<ConfigKey> keys_;
};

// PRICEWIRE_HTTP_LISTEN
std::string env_name(std::string_view key);
// "postgresql://u:secret@h/d" with its password as ***.
std::string mask_password(std::string_view url);
// How often the source may be asked at the most: nothing is known of servers other than the venue's own.
Duration least_poll(const SourceSettings& used, const SourceDefaults& source);
// One line per contradiction between keys.
std::vector<std::string> cross_check(const Config& config, std::span<const SourceDefaults> sources);

}  // namespace pricewire::ops
