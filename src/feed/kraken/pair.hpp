#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pricewire::feed::kraken {

// REST's names of a pair, which are not those of the stream.
struct Pair {
    std::string name;               // in a request: "XBTUSD"
    std::vector<std::string> keys;  // that an answer may have instead: "XXBTZUSD"

    bool has(std::string_view key) const;
};

// Of "BTC/USD".
Pair pair_of(std::string_view symbol);

}  // namespace pricewire::feed::kraken
