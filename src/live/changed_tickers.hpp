#pragma once

#include <map>
#include <string_view>
#include <utility>

#include "base/json_writer.hpp"
#include "domain/market.hpp"
#include "live/message.hpp"

namespace pricewire::live {

// The message of that type about what has changed after `sent`: an object for each ticker that is new or different, with
// the members that `write` adds, and null for each that is gone.
template <typename State, typename Write>
Message changed_tickers(std::string_view type, const std::map<Ticker, State>& sent,
                        const std::map<Ticker, State>& now, const Write& write) {
    JsonWriter w;
    w.begin_object().field("type", type).key("tickers").begin_object();
    for (const auto& [ticker, state] : now) {
        const auto before = sent.find(ticker);
        if (before != sent.end() && before->second == state) continue;
        w.key(ticker.view()).begin_object();
        write(w, state);
        w.end_object();
    }
    for (const auto& [ticker, state] : sent) {
        if (!now.contains(ticker)) w.key(ticker.view()).value(nullptr);
    }
    w.end_object().end_object();
    return {type, std::move(w).str()};
}

}  // namespace pricewire::live
