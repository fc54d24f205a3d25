#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <fstream>
#include <sstream>

#include "ops/config_load.hpp"

namespace pricewire::ops {
namespace {

constexpr std::uintmax_t max_file = 1024 * 1024;

std::optional<std::string> scalar(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* yes = node.as_boolean()) return yes->get() ? "true" : "false";
    return std::nullopt;
}

std::string place_of(const toml::node& node, const std::string& name) {
    return fmt::format("{}:{}", name, node.source().begin.line);
}

// market.symbols.coingecko.PEPE = "pepe" becomes an item of market.symbols.
void collect_symbols(const toml::table& sources, const std::string& name, std::vector<FileValue>& out) {
    FileValue all{"market.symbols", {}, place_of(sources, name)};
    for (const auto& [source, symbols] : sources) {
        if (!symbols.is_table()) {
            out.push_back({fmt::format("market.symbols.{}", source.str()), {}, place_of(symbols, name)});
            continue;
        }
        for (const auto& [ticker, symbol] : *symbols.as_table()) {
            if (!all.value.empty()) all.value += ',';
            all.value += fmt::format("{}.{}={}", source.str(), ticker.str(), scalar(symbol).value_or(""));
        }
    }
    out.push_back(std::move(all));
}

void collect(const toml::table& table, const std::string& prefix, const std::string& name,
             std::vector<FileValue>& out) {
    for (const auto& [key, node] : table) {
        const std::string path =
            prefix.empty() ? std::string(key.str()) : fmt::format("{}.{}", prefix, key.str());
        if (path == "market.symbols" && node.is_table()) {
            collect_symbols(*node.as_table(), name, out);
        } else if (node.is_table()) {
            collect(*node.as_table(), path, name, out);
        } else if (const auto* array = node.as_array()) {
            FileValue value{path, {}, place_of(node, name)};
            for (const toml::node& item : *array) {
                if (!value.value.empty()) value.value += ',';
                value.value += scalar(item).value_or("?");
            }
            out.push_back(std::move(value));
        } else {
            out.push_back({path, scalar(node).value_or("?"), place_of(node, name)});
        }
    }
}

}  // namespace

Result<std::vector<FileValue>> parse_toml(std::string_view text, const std::string& name) {
    try {
        const toml::table table = toml::parse(text, name);
        std::vector<FileValue> out;
        collect(table, {}, name, out);
        return out;
    } catch (const toml::parse_error& e) {
        return fail(fmt::format("{}:{}: {}", name, e.source().begin.line, e.description()));
    }
}

Result<std::vector<FileValue>> read_toml(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (error) return fail(fmt::format("{}: cannot be read: {}", file.string(), error.message()));
    if (size > max_file) return fail(fmt::format("{}: is larger than 1 MiB", file.string()));
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return fail(fmt::format("{}: cannot be read", file.string()));
    return parse_toml(text.str(), file.filename().string());
}

}  // namespace pricewire::ops
