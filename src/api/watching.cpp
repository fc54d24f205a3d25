#include "api/watching.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "watch/watch_list.hpp"

namespace pricewire::api {
namespace {

bool is_pinned(const Services& services, const Ticker& ticker) {
    return std::ranges::find(services.options.tickers, ticker) != services.options.tickers.end();
}

// Empty if only pinned tickers are watched.
directory::Book::Pointer listed_now(const Services& services) {
    static const auto nothing = std::make_shared<const directory::Directory>();
    if (!services.options.on_demand || services.use.directory == nullptr) return nothing;
    return services.use.directory->latest();
}

}  // namespace

std::size_t room_beside_pinned(const ApiOptions& options) {
    return options.max_tickers - std::min(options.max_tickers, options.tickers.size());
}

bool is_known(const Services& services, const Ticker& ticker) {
    if (is_pinned(services, ticker)) return true;
    if (!services.options.on_demand) return false;
    const auto listed = listed_now(services);
    const directory::Coin* const coin = listed->find(ticker);
    return (coin != nullptr && coin->can_be_watched()) || services.use.bus.board(ticker);
}

std::optional<Ticker> ticker_named(const Services& services, std::string_view name) {
    const std::string upper = upper_case(name);
    if (!is_ticker(upper)) return std::nullopt;
    const Ticker ticker(upper);
    const bool exists = is_known(services, ticker) || listed_now(services)->find(ticker) != nullptr;
    return exists ? std::optional(ticker) : std::nullopt;
}

std::optional<WatchState> look_at(const Services& services, const Exchange& exchange, const Ticker& ticker) {
    const bool known = is_known(services, ticker);
    const bool is_taken = is_pinned(services, ticker) || services.use.demand == nullptr ||
                          (known && services.use.demand->look(ticker, exchange.user.id.to_string()));
    auto state = unwatched(services, ticker);
    if (state || is_taken || services.use.bus.board(ticker)) return state;
    if (!known) return WatchState{ticker, Unwatchable::delisted, "No source lists it any more.", {}};
    return WatchState{ticker,
                      Unwatchable::no_room,
                      "You have looked at too many other tickers within the last ten minutes.",
                      {}};
}

std::optional<WatchState> unwatched(const Services& services, const Ticker& ticker) {
    const ApiOptions& options = services.options;
    const bool pinned = is_pinned(services, ticker);
    if (!pinned && !options.on_demand)
        return WatchState{ticker, Unwatchable::switched_off, std::string(only_pinned_reason), {}};
    if (pinned && options.watched && std::ranges::find(*options.watched, ticker) == options.watched->end())
        return WatchState{ticker, Unwatchable::unlisted, "No enabled source has it.", {}};
    auto state = services.use.demand == nullptr ? std::nullopt : services.use.demand->unwatched(ticker);
    if (!state) return std::nullopt;
    // Where two feeds differ, the one that has a price is right.
    const auto board = services.use.bus.board(ticker);
    return board && board->price ? std::nullopt : state;
}

directory::Book::Pointer listed_coins(const Services& services) {
    if (services.use.directory != nullptr) return services.use.directory->current();
    return std::make_shared<const directory::Directory>(
        directory::Directory::Lists{}, directory::Choices{.pinned = services.options.tickers});
}

KnownTickers known_tickers(const Services& services) {
    return KnownTickers(services.options.tickers,
                        services.options.on_demand ? listed_coins(services) : nullptr);
}

std::optional<Issue> TickerRoom::take(std::span<const Ticker> tickers) {
    std::set<Ticker> added, newly_needed;
    for (const Ticker& ticker : tickers) {
        if (is_pinned(services_, ticker) || services_.use.demand == nullptr) continue;
        if (!is_loaded_) load();
        if (mine_.contains(ticker) || !added.insert(ticker).second) continue;
        if (!needed_.contains(ticker)) newly_needed.insert(ticker);
        if (auto issue = refusal(mine_.size() + added.size(), newly_needed.size())) return issue;
    }
    mine_.merge(added);
    needed_.merge(newly_needed);
    return std::nullopt;
}

// Of one alert more, with which its user names `mine` tickers, `newly_needed` of them as the first.
std::optional<Issue> TickerRoom::refusal(std::size_t mine, std::size_t newly_needed) const {
    const ApiOptions& options = services_.options;
    const std::size_t room = room_beside_pinned(options);
    const std::size_t most = watch::most_named_by_alerts(room);
    const auto issue = [](std::string text) { return Issue{{"body", "ticker"}, std::move(text), "no_room"}; };
    if (newly_needed > 0 && needed_.size() + newly_needed > room) {
        return issue(
            fmt::format("There is no room for another ticker: {} are watched already, as many as this server "
                        "allows (market.max_tickers)",
                        options.tickers.size() + needed_.size()));
    }
    if (mine > most) {
        return issue(
            fmt::format("Your active alerts may name {} tickers beside those that are always watched, and "
                        "they do; delete those of another ticker first",
                        most));
    }
    return std::nullopt;
}

void TickerRoom::load() {
    is_loaded_ = true;
    for (const Ticker& ticker : services_.use.storage.alert_tickers(user_id_)) {
        if (!is_pinned(services_, ticker)) mine_.insert(ticker);
    }
    for (const NeededTicker& need : services_.use.storage.needed_tickers(services_.use.clock.now())) {
        if (need.by_alert && !is_pinned(services_, need.ticker)) needed_.insert(need.ticker);
    }
}

Issue no_room_for_ratios(const Terms& terms) {
    std::set<Ticker> compared;
    for (const Rule& rule : terms.rules) {
        if (rule.watched != Watched::ratio) continue;
        compared.insert(rule.ticker);
        compared.insert(rule.other);
    }
    std::string names;
    for (const Ticker& ticker : compared) names.append(names.empty() ? "" : " or ").append(ticker.view());
    return {
        {"body", "when"},
        fmt::format("Your active alerts compare {} with {} other tickers, as many as they may; delete those "
                    "of another one first",
                    names, max_ratios),
        "no_room"};
}

}  // namespace pricewire::api
