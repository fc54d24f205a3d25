#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ops/config.hpp"

namespace pricewire::ops {

// One configuration key: how it is read into a Config, how it is shown, and what it means.
struct ConfigKey {
    std::string name;      // "http.listen"
    std::string accepts;   // "host:port", for errors
    std::string help;      // one line, for --help
    bool is_list = false;  // a list in TOML, commas elsewhere
    bool is_text = true;   // a string in TOML; else a number or boolean
    // Error: why the value is not accepted, without the key's name.
    std::function<Result<void>(Config&, const std::string& value)> set;
    std::function<std::string(const Config&)> get;  // as set() reads it
    bool is_secret = false;                         // never shown, only whether it is set
    bool is_secret_url = false;                     // may hold a password, which is masked where it is shown
};

// All keys, for a given list of sources. Immutable.
class ConfigKeys {
public:
    explicit ConfigKeys(std::vector<SourceDefaults> sources = {});

    // In the order of config/pricewire.toml.
    std::span<const ConfigKey> all() const { return keys_; }
    // Null where there is none with that name.
    const ConfigKey* find(std::string_view name) const;
    // The name of the key that is nearest to `name` by edit distance.
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
// One line for each contradiction between keys.
std::vector<std::string> cross_check(const Config& config, std::span<const SourceDefaults> sources);

}  // namespace pricewire::ops
