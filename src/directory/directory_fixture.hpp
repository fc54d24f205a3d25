#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "directory/directory.hpp"

// Short ways to write lists and directories in tests.
namespace pricewire::directory {

inline const Timestamp list_time{std::chrono::seconds{1'700'000'000}};

// "SOL/USDT", "SOL/USDT!" (halted), "SOL/USDT-" (delisted).
inline ListedPair listed(std::string_view text) {
    ListedPair pair;
    if (text.ends_with('!')) pair.status = ListingStatus::halted;
    if (text.ends_with('-')) pair.status = ListingStatus::delisted;
    if (pair.status != ListingStatus::trading) text.remove_suffix(1);
    if (pair.status == ListingStatus::delisted) pair.gone_at = list_time;
    const std::size_t slash = text.find('/');
    pair.symbol = text;
    pair.ticker = text.substr(0, slash);
    pair.currency = text.substr(slash + 1);
    return pair;
}

inline std::shared_ptr<const SourceList> list_of(SourceName source, const std::vector<std::string>& pairs,
                                                 Timestamp read_at = list_time) {
    SourceList list{{source, SourceKind::exchange, read_at}, {}};
    for (const std::string& pair : pairs) list.pairs.push_back(listed(pair));
    return std::make_shared<const SourceList>(std::move(list));
}

// Of an aggregator: tickers and names.
inline std::shared_ptr<const SourceList> names_of(
    SourceName source, const std::vector<std::pair<std::string_view, std::string>>& coins) {
    SourceList list{{source, SourceKind::aggregator, list_time}, {}};
    for (const auto& [ticker, name] : coins)
        list.pairs.push_back({.symbol = "id-of-" + name, .ticker = ticker, .currency = "USD", .name = name});
    return std::make_shared<const SourceList>(std::move(list));
}

}  // namespace pricewire::directory
