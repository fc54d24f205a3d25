#include "api/known_tickers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/bodies.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t most_pinned = 30;  // shown
constexpr std::size_t most_nearest = 5;

std::string list_of(std::span<const Ticker> tickers, std::size_t most) {
    std::string out;
    for (std::size_t i = 0; i < std::min(tickers.size(), most); ++i)
        out.append(i == 0 ? "" : ", ").append(tickers[i].view());
    return tickers.size() > most ? out + ", …" : out;
}

// "binance since 2026-11-29T12:00:00Z", of the venue that has delisted it last.
std::string last_delisting(const directory::Coin& coin) {
    const auto last = std::ranges::max_element(
        coin.venues, {}, [](const directory::Listing& l) { return l.pair->gone_at.value_or(Timestamp()); });
    const auto at = std::chrono::floor<std::chrono::seconds>(last->pair->gone_at.value_or(Timestamp()));
    return fmt::format("{} since {}", last->source.view(), format_rfc3339(at));
}

}  // namespace

std::expected<Ticker, std::string> KnownTickers::named(std::string_view text) const {
    if (const auto pinned = find_ticker(text, pinned_)) return *pinned;
    const std::string upper = upper_case(text);
    const directory::Coin* const coin = listed_ && is_ticker(upper) ? listed_->find(Ticker(upper)) : nullptr;
    if (coin != nullptr && coin->is_listed()) return coin->ticker;
    return std::unexpected(why_not(upper, coin));
}

std::string KnownTickers::why_not(const std::string& upper, const directory::Coin* coin) const {
    if (!listed_ || listed_->empty()) {
        const std::string pinned = "Input should be one of " + list_of(pinned_, most_pinned);
        return !listed_ ? pinned
                        : pinned + ": no venue's symbol list has been read yet, so no other ticker is known";
    }
    std::string out = "Input should be a ticker that a venue lists";
    if (is_ticker(upper)) {
        out = coin == nullptr || coin->venues.empty()
                  ? fmt::format("No venue lists {}", upper)
                  : fmt::format("No venue lists {} any more, {}", upper, last_delisting(*coin));
    }
    const std::vector<Ticker> nearest = listed_->nearest(upper, most_nearest);
    return nearest.empty() ? out : fmt::format("{}; did you mean {}?", out, list_of(nearest, most_nearest));
}

}  // namespace pricewire::api
