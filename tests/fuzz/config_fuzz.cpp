#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ops/config_keys.hpp"
#include "ops/config_load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pricewire;
    static const ops::ConfigKeys keys{
        {{.name = "binance", .settings = {.ws_url = "wss://b", .rest_url = "https://b"}}}};
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto values = ops::parse_toml(text, "fuzz.toml");
    if (!values) {
        if (values.error().message.empty()) std::abort();
        return 0;
    }
    ops::Config config = keys.defaults();
    for (const ops::FileValue& v : *values) {
        const ops::ConfigKey* key = keys.find(v.key);
        if (key == nullptr) {
            if (keys.nearest(v.key.substr(0, 100)).empty()) std::abort();
            continue;
        }
        // An accepted value is printed in a form that is accepted again, with the same meaning.
        if (!key->set(config, v.value)) continue;
        const std::string shown = key->get(config);
        ops::Config again = keys.defaults();
        if (!key->set(again, shown) || key->get(again) != shown) std::abort();
    }
    return 0;
}
