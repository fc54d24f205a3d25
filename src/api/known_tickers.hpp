#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "directory/directory.hpp"
#include "domain/market.hpp"

namespace pricewire::api {

// Which tickers an alert may name: the pinned ones, and those that a venue lists. Pure.
class KnownTickers {
public:
    // Null: the pinned ones alone. `pinned` outlives this.
    explicit KnownTickers(const std::vector<Ticker>& pinned,
                          std::shared_ptr<const directory::Directory> listed = nullptr)
        : pinned_(pinned), listed_(std::move(listed)) {}

    // The ticker of that name, ignoring case; else a sentence that says why there is none, with the nearest names.
    std::expected<Ticker, std::string> named(std::string_view text) const;

private:
    // `coin` is the one of that ticker, if any.
    std::string why_not(const std::string& upper, const directory::Coin* coin) const;

    const std::vector<Ticker>& pinned_;
    const std::shared_ptr<const directory::Directory> listed_;
};

}  // namespace pricewire::api
