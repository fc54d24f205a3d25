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
    for (const Ticker& ticker : tickers) {
        if (auto issue = take(ticker)) return issue;
    }
    return std::nullopt;
}

std::optional<Issue> TickerRoom::take(const Ticker& ticker) {
    if (is_pinned(services_, ticker) || services_.use.demand == nullptr) return std::nullopt;
    if (!is_loaded_) load();
    if (mine_.contains(ticker)) return std::nullopt;
    const ApiOptions& options = services_.options;
    const std::size_t room = room_beside_pinned(options);
    const std::size_t most = watch::most_named_by_alerts(room);
    const auto issue = [](std::string text) { return Issue{{"body", "ticker"}, std::move(text), "no_room"}; };
    if (!needed_.contains(ticker) && needed_.size() >= room) {
        return issue(
            fmt::format("There is no room for another ticker: {} are watched already, as many as this server "
                        "allows (market.max_tickers)",
                        options.tickers.size() + needed_.size()));
    }
    if (mine_.size() >= most) {
        return issue(
            fmt::format("Your active alerts may name {} tickers beside those that are always watched, and "
                        "they do; delete those of another ticker first",
                        most));
    }
    mine_.insert(ticker);
    needed_.insert(ticker);
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

std::optional<Issue> RatioRoom::take(const Terms& terms) {
    for (const Rule& rule : terms.rules) {
        if (rule.watched != Watched::ratio) continue;
        if (!is_loaded_) load();
        for (const auto& [ticker, other] : {std::pair(rule.ticker, rule.other), {rule.other, rule.ticker}}) {
            const auto& others = compared_[ticker];
            if (others.contains(other) || others.size() < max_ratios) continue;
            return Issue{
                {"body", "when"},
                fmt::format("Your active alerts compare {} with {} other tickers, as many as they may; "
                            "delete those of another one first",
                            ticker.view(), max_ratios),
                "no_room"};
        }
        add(terms);
    }
    return std::nullopt;
}

void RatioRoom::add(const Terms& terms) {
    for (const Rule& rule : terms.rules) {
        if (rule.watched != Watched::ratio) continue;
        compared_[rule.ticker].insert(rule.other);
        compared_[rule.other].insert(rule.ticker);
    }
}

void RatioRoom::load() {
    is_loaded_ = true;
    storage::AlertFilter filter{.is_active = true, .limit = 1000};
    while (true) {
        const auto alerts = services_.use.storage.alerts(user_id_, filter);
        for (const Alert& alert : alerts) {
            if (alert.terms && alert.id != changed_) add(*alert.terms);
        }
        if (alerts.size() < filter.limit) return;
        filter.before = alerts.back().id;
    }
}

}  // namespace pricewire::api
