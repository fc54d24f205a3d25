#include "ops/config_load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/text.hpp"
#include "ops/config_keys.hpp"

namespace pricewire::ops {
namespace {

constexpr std::string_view prefix = "PRICEWIRE_";
constexpr std::size_t max_dot_env = 64 * 1024;
constexpr std::size_t max_value = 64 * 1024;

constexpr std::string_view blanks = " \t\r";
constexpr std::array<std::string_view, 3> protocols{"TCP", "UDP", "SCTP"};

using Variables = std::map<std::string, std::string>;

// KEY=VALUE lines, with optional `export`, quotes and # comments.
Variables read_dot_env(const std::filesystem::path& file, std::vector<std::string>& errors) {
    Variables out;
    std::ifstream in(file);
    std::size_t size = 0;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        size += line.size();
        if (size > max_dot_env) {
            errors.push_back(fmt::format("{}: is larger than 64 KiB", file.filename().string()));
            break;
        }
        std::string_view text = trimmed(line, blanks);
        if (text.starts_with("export ")) text = trimmed(text.substr(7), blanks);
        if (text.empty() || text.starts_with('#')) continue;
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos) {
            errors.push_back(fmt::format("{}:{}: expected KEY=VALUE", file.filename().string(), number));
            continue;
        }
        std::string_view value = trimmed(text.substr(equals + 1), blanks);
        const bool quoted = value.size() >= 2 && (value[0] == '"' || value[0] == '\'') &&
                            value.find(value[0], 1) != std::string::npos;
        if (quoted) {
            value = value.substr(1, value.find(value[0], 1) - 1);
        } else if (const std::size_t comment = value.find(" #"); comment != std::string::npos) {
            value = trimmed(value.substr(0, comment), blanks);
        }
        out[std::string(trimmed(text.substr(0, equals), blanks))] = value;
    }
    return out;
}

// Whether the variable is one of those by which Kubernetes (and once Docker) tells a pod where a Service is. They
// begin with the Service's name, so that a Service named pricewire-api sets PRICEWIRE_API_SERVICE_HOST,
// …_SERVICE_PORT[_NAME], …_PORT=tcp://10.0.0.1:80, …_PORT_80_TCP[_PROTO|_PORT|_ADDR].
bool is_service_link(std::string_view name, std::string_view value) {
    const auto all_digits = [](std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    };
    if (name.ends_with("_SERVICE_HOST")) return true;
    if (name.find("_SERVICE_PORT") != name.npos) return all_digits(value);
    const bool is_address = std::any_of(protocols.begin(), protocols.end(), [&](std::string_view protocol) {
        return value.starts_with(lower_case(protocol) + "://");
    });
    if (name.ends_with("_PORT") && is_address) return true;
    const std::size_t port = name.rfind("_PORT_");
    if (port == name.npos) return false;
    std::string_view rest = name.substr(port + 6);  // "80_TCP", "80_TCP_ADDR"
    if (!all_digits(take_part(rest, '_'))) return false;
    return std::find(protocols.begin(), protocols.end(), take_part(rest, '_')) != protocols.end();
}

class Loader {
public:
    Loader(const ConfigInput& input, const ConfigKeys& keys) : input_(input), keys_(keys) {
        loaded_.config = keys.defaults();
    }

    std::expected<LoadedConfig, std::vector<std::string>> load() {
        from_file();
        from_environment();
        for (const auto& [key, value] : input_.flags) apply(key, value, "--" + key, "unknown flag --" + key);
        for (const SourceDefaults& source : keys_.sources()) {
            drop_other_address(source);
            follow_quote_ttl(source);
        }
        if (errors_.empty()) errors_ = cross_check(loaded_.config, keys_.sources());
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(loaded_);
    }

private:
    void apply(const std::string& name, const std::string& value, const std::string& origin,
               const std::string& unknown) {
        const ConfigKey* key = keys_.find(name);
        if (key == nullptr) {
            const std::string nearest = keys_.nearest(name);
            errors_.push_back(nearest.empty() ? unknown + "; config/pricewire.toml lists the keys"
                                              : fmt::format("{}: did you mean {}?", unknown, nearest));
            return;
        }
        const auto set =
            value.size() > max_value ? Result<void>(fail("at most 64 KiB")) : key->set(loaded_.config, value);
        if (!set) {
            const std::string shown =
                key->is_secret_url || key->is_secret || value.size() > 200 ? "" : " '" + value + "'";
            errors_.push_back(fmt::format("{}: invalid value{} for {}: expected {}", origin, shown, name,
                                          set.error().message));
            return;
        }
        loaded_.origins[name] = origin;
    }

    void drop_other_address(const SourceDefaults& source) {
        SourceSettings& used = loaded_.config.sources.at(source.name);
        const std::string ws = "sources." + source.name + ".ws_url";
        const std::string rest = "sources." + source.name + ".rest_url";
        const bool has_ws = loaded_.origins.contains(ws);
        const bool has_rest = loaded_.origins.contains(rest);
        if (used.ws_url.empty() || used.rest_url.empty() || has_ws == has_rest) return;
        (has_ws ? used.rest_url : used.ws_url).clear();
        loaded_.origins[has_ws ? rest : ws] =
            fmt::format("empty, because only {} is set", has_ws ? ws : rest);
    }

    void follow_quote_ttl(const SourceDefaults& source) {
        const Duration ttl = loaded_.config.market.quote_ttl;
        SourceSettings& used = loaded_.config.sources.at(source.name);
        std::string key = "sources." + source.name + ".poll_interval";
        if (source.is_aggregator || used.poll_interval < ttl || loaded_.origins.contains(key)) return;
        // Where that is longer than its prices count, they count for a part of the time, unless the stream
        // brings some.
        const Duration least = std::min(least_poll(used, source), used.poll_interval);
        used.poll_interval = std::max<Duration>(ttl / 2, least);
        loaded_.origins[std::move(key)] =
            used.poll_interval > ttl / 2 ? "the shortest that it allows" : "half of market.quote_ttl";
    }

    void from_file() {
        std::filesystem::path file = input_.directory / "pricewire.toml";
        if (input_.file) {
            file = *input_.file;
        } else if (!std::filesystem::exists(file)) {
            return;
        }
        const auto values = read_toml(file);
        if (!values) {
            errors_.push_back(values.error().message);
            return;
        }
        for (const FileValue& v : *values)
            apply(v.key, v.value, v.place, fmt::format("{}: unknown key {}", v.place, v.key));
    }

    void from_environment() {
        Variables variables = read_dot_env(input_.directory / ".env", errors_);
        std::map<std::string, std::string> origin;
        for (const auto& [name, value] : variables) origin[name] = ".env: " + name;
        for (const auto& [name, value] : input_.environment) {
            variables[name] = value;
            origin[name] = "environment: " + name;
        }
        from_seed(variables, origin);
        for (const auto& [name, value] : variables) {
            if (!name.starts_with(prefix) || is_for_tests(name) || is_service_link(name, value)) continue;
            if (const ConfigKey* key = key_of(name)) {
                apply(key->name, value, origin[name], {});
            } else {
                ignored(name);
            }
        }
    }

    void ignored(const std::string& variable) {
        const std::string nearest = keys_.nearest(std::string_view(variable).substr(prefix.size()));
        const std::string hint =
            nearest.empty() ? std::string() : fmt::format(": did you mean {}?", env_name(nearest));
        loaded_.warnings.push_back(fmt::format("unknown variable {} is ignored{}", variable, hint));
    }

    // Variables of the test suite, which may be set in a developer's environment.
    static bool is_for_tests(std::string_view name) {
        static constexpr std::array<std::string_view, 5> known{
            "PRICEWIRE_RECORDINGS", "PRICEWIRE_LONG", "PRICEWIRE_FUZZ_SECONDS", "PRICEWIRE_KEEP_TEST_FILES",
            "PRICEWIRE_WRITE_EXPECTED"};
        return name.starts_with("PRICEWIRE_TEST_") ||
               std::find(known.begin(), known.end(), name) != known.end();
    }

    // Looks the variable up, since any underscore of PRICEWIRE_DELIVERY_BACKOFF_MIN may be the dot.
    const ConfigKey* key_of(const std::string& variable) const {
        for (const ConfigKey& key : keys_.all()) {
            if (env_name(key.name) == variable) return &key;
        }
        return nullptr;
    }

    void from_seed(const Variables& v, const std::map<std::string, std::string>& origin) {
        const auto get = [&](const char* name) {
            const auto found = v.find(name);
            // Kubernetes sets DB_PORT beside a Service named db.
            return found == v.end() || is_service_link(name, found->second) ? std::string() : found->second;
        };
        const bool whole = !get("DB_USER").empty() && !get("DB_HOST").empty() && !get("DB_NAME").empty();
        if (whole) {
            const std::string port = get("DB_PORT").empty() ? "5432" : get("DB_PORT");
            apply("storage.database_url",
                  fmt::format("postgresql://{}:{}@{}:{}/{}", percent_encode(get("DB_USER")),
                              percent_encode(get("DB_PASS")), get("DB_HOST"), port,
                              percent_encode(get("DB_NAME"))),
                  origin.at("DB_HOST"), {});
        }
        if (!get("REDIS_URL").empty())
            apply("storage.redis_url", get("REDIS_URL"), origin.at("REDIS_URL"), {});
        if (!get("RABBITMQ_URL").empty())
            apply("storage.rabbitmq_url", get("RABBITMQ_URL"), origin.at("RABBITMQ_URL"), {});
    }

    const ConfigInput& input_;
    const ConfigKeys& keys_;
    LoadedConfig loaded_;
    std::vector<std::string> errors_;
};

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string as_toml(const ConfigKey& key, const std::string& value) {
    if (key.is_list) {
        std::string out = "[";
        std::size_t from = 0;
        while (from < value.size()) {
            const std::size_t comma = std::min(value.find(',', from), value.size());
            out += (from == 0 ? "" : ", ") + toml_string(value.substr(from, comma - from));
            from = comma + 1;
        }
        return out + "]";
    }
    return key.is_text ? toml_string(value) : value;
}

}  // namespace

std::expected<LoadedConfig, std::vector<std::string>> load_config(const ConfigInput& input,
                                                                  const ConfigKeys& keys) {
    return Loader(input, keys).load();
}

std::string describe_config(const LoadedConfig& loaded, const ConfigKeys& keys) {
    std::string out;
    std::string section;
    for (const ConfigKey& key : keys.all()) {
        const std::size_t dot = key.name.rfind('.');
        const std::string in = key.name.substr(0, dot);
        if (in != section) {
            out += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", in);
            section = in;
        }
        std::string value = key.get(loaded.config);
        if (key.is_secret_url) value = mask_password(value);
        if (key.is_secret && !value.empty()) value = "***";
        const auto origin = loaded.origins.find(key.name);
        out += fmt::format("{} = {}  # {}\n", key.name.substr(dot + 1), as_toml(key, value),
                           origin == loaded.origins.end() ? "default" : origin->second);
    }
    return out;
}

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> out;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view entry(*at);
        const std::size_t equals = entry.find('=');
        if (equals != std::string_view::npos) out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return out;
}

}  // namespace pricewire::ops
