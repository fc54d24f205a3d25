#pragma once

#include <optional>
#include <set>
#include <span>
#include <string_view>

#include "api/exchange.hpp"
#include "api/known_tickers.hpp"
#include "api/responses.hpp"
#include "directory/book.hpp"
#include "domain/rule.hpp"
#include "domain/watch_state.hpp"

// Which tickers there are, and whether prices of them come.
namespace pricewire::api {

// For how many tickers beside the pinned ones there is room.
std::size_t room_beside_pinned(const ApiOptions& options);
// Whether it is pinned, or can be watched on demand. Never blocks.
bool is_known(const Services& services, const Ticker& ticker);
// The known ticker of that name, ignoring case; also one that was delisted, of which there may be history.
std::optional<Ticker> ticker_named(const Services& services, std::string_view name);
// The user looks at it now, so it is to be watched. Returns why it is not going to be; nullopt: prices come, or are
// about to. Never blocks.
std::optional<WatchState> look_at(const Services& services, const Exchange& exchange, const Ticker& ticker);
// Why prices of a ticker that is needed do not come; nullopt if they do, or are about to. Never blocks.
std::optional<WatchState> unwatched(const Services& services, const Ticker& ticker);
// What the venues list, as storage has it. Blocks.
directory::Book::Pointer listed_coins(const Services& services);
// Which tickers a request may name now. Blocks.
KnownTickers known_tickers(const Services& services);

// Whether a user's alerts may name further tickers. Blocks where it asks the storage, once at most.
class TickerRoom {
public:
    TickerRoom(Services& services, const Uuid& user_id) : services_(services), user_id_(user_id) {}
    // Why they may not, for want of room, and none of them counts; else they count for those that are asked for next.
    std::optional<Issue> take(std::span<const Ticker> tickers);

private:
    std::optional<Issue> refusal(std::size_t mine, std::size_t newly_needed) const;
    void load();

    Services& services_;
    const Uuid user_id_;
    bool is_loaded_ = false;
    std::set<Ticker> mine_;    // beside pinned ones, as are the others
    std::set<Ticker> needed_;  // by alerts of anybody
};

// Of an alert that would compare a ticker with more others than a user's alerts may, as the storage has found.
Issue no_room_for_ratios(const Terms& terms);

}  // namespace pricewire::api
