#include "live/market_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace pricewire::live {
namespace {

std::string price_json(const std::optional<TickerBoard>& board) {
    if (!board || !board->price) return "null";
    JsonWriter w;
    w.begin_object();
    write_price(w, *board);
    w.end_object();
    return std::move(w).str();
}

// Ages always change; quotes count as changed if a source has another price or verdict.
std::string print_of(const TickerBoard& board) {
    std::string out;
    for (const JudgedQuote& q : board.quotes) {
        fmt::format_to(std::back_inserter(out), "{} {} {};", q.quote.source.view(),
                       to_micros(q.quote.received_at), to_string(q.verdict));
    }
    return out;
}

std::string sources_print(const std::vector<SourceReport>& sources) {
    std::string out;
    for (const SourceReport& s : sources) {
        fmt::format_to(std::back_inserter(out), "{} {} {};", s.name.view(), to_string(s.condition), s.detail);
    }
    return out;
}

Message sources_message(const std::vector<SourceReport>& sources) {
    JsonWriter w;
    w.begin_object().field("type", "sources").key("sources").begin_object();
    for (const SourceReport& s : sources) {
        w.key(s.name.view())
            .begin_object()
            .field("status", to_string(s.condition))
            .field("detail", s.detail)
            .field("last_quote_at", s.last_quote_at)
            .field("kind", to_string(s.kind))
            .field("title", s.title.empty() ? s.name.view() : std::string_view(s.title))
            .field("state", s.state)
            .end_object();
    }
    w.end_object().end_object();
    return {"sources", std::move(w).str()};
}

}  // namespace

void write_price(JsonWriter& w, const TickerBoard& board) {
    w.field("price", board.price->value).field("time", board.price->time);
    if (board.band) {
        w.key("band")
            .begin_object()
            .field("low", board.band->low)
            .field("high", board.band->high)
            .end_object();
    }
    if (board.sources > 0) w.field("agreeing", board.sources);
    if (!board.note.empty()) w.field("note", board.note);
}

void MarketView::Kind::put(std::size_t i, std::string json, bool& bumped) {
    if (!std::exchange(bumped, true)) {
        ++version;
        made.clear();
    }
    text[i] = std::move(json);
    changed[i] = version;
}

void MarketView::Kind::resize(std::size_t places) {
    text.resize(places);
    changed.resize(places);
}

MarketView::MarketView(const bus::PriceBus& bus, const std::vector<Ticker>& pinned, QuotesJson quotes_json)
    : bus_(bus),
      pinned_(pinned.size()),
      quotes_json_(std::move(quotes_json)),
      sources_message_(sources_message({})) {
    for (const Ticker& ticker : pinned) {
        held_.emplace(ticker, places_.size());
        places_.push_back({.ticker = ticker});
    }
    prices_.resize(pinned_);
    quotes_.resize(pinned_);
}

std::size_t MarketView::hold(const Ticker& ticker) {
    if (const auto place = place_of(ticker)) {
        ++places_[*place].holders;
        return *place;
    }
    const auto free = std::ranges::find(places_, 0U, &Place::holders);
    const auto place = static_cast<std::size_t>(free - places_.begin());
    if (free == places_.end()) {
        places_.emplace_back();
        prices_.resize(places_.size());
        quotes_.resize(places_.size());
    }
    places_[place] = {.ticker = ticker};
    held_.emplace(ticker, place);
    prices_.text[place].clear();
    quotes_.text[place].clear();
    bool prices_bumped = false, quotes_bumped = false;
    look_at_price(place, prices_bumped);
    look_at_quotes(place, quotes_bumped);
    return place;
}

void MarketView::drop(const Ticker& ticker) {
    const auto place = place_of(ticker);
    if (place && --places_[*place].holders == 0) held_.erase(ticker);
}

std::optional<std::size_t> MarketView::place_of(const Ticker& ticker) const {
    const auto found = held_.find(ticker);
    return found == held_.end() ? std::nullopt : std::optional(found->second);
}

bool MarketView::has_price_now(const Ticker& ticker) const {
    const auto board = bus_.board(ticker);
    return board && board->price;
}

void MarketView::look_at_prices() {
    bool bumped = false;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].holders > 0) look_at_price(i, bumped);
    }
}

void MarketView::look_at_price(std::size_t i, bool& bumped) {
    const auto board = bus_.board(places_[i].ticker);
    places_[i].is_watched = board.has_value();
    std::string json = price_json(board);
    if (json != prices_.text[i]) prices_.put(i, std::move(json), bumped);
}

void MarketView::look_at_quotes() {
    bool bumped = false;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].holders > 0) look_at_quotes(i, bumped);
    }
}

void MarketView::look_at_quotes(std::size_t i, bool& bumped) {
    Place& place = places_[i];
    const TickerBoard board = bus_.board(place.ticker).value_or(TickerBoard{.ticker = place.ticker});
    std::string print = print_of(board);
    if (print == place.quotes_seen) return;
    place.quotes_seen = std::move(print);
    quotes_.put(i, quotes_json_(board), bumped);
}

void MarketView::look_at_sources() {
    const std::vector<SourceReport> sources = bus_.sources();
    std::string print = sources_print(sources);
    if (print == sources_seen_) return;
    sources_seen_ = std::move(print);
    ++sources_version_;
    sources_message_ = sources_message(sources);
}

std::optional<Message> MarketView::prices(const TickerSet& wanted, Version seen) {
    return message(prices_, wanted, seen);
}

std::optional<Message> MarketView::quotes(const TickerSet& wanted, Version seen) {
    return message(quotes_, wanted, seen);
}

std::optional<Message> MarketView::message(Kind& kind, const TickerSet& wanted, Version seen) {
    if (seen >= kind.version) return std::nullopt;
    const auto [known, fresh] = kind.made.try_emplace({seen, wanted});
    if (!fresh) return known->second;
    JsonWriter w;
    w.begin_object().field("type", kind.name).key(kind.name).begin_object();
    bool any = false;
    for (std::size_t i = 0; i < std::min(wanted.size(), places_.size()); ++i) {
        if (!wanted[i] || kind.changed[i] <= seen) continue;
        w.key(places_[i].ticker.view()).raw(kind.text[i]);
        any = true;
    }
    w.end_object().end_object();
    if (any) known->second.emplace(kind.name, std::move(w).str());
    return known->second;
}

}  // namespace pricewire::live
