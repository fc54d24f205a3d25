#include "feed/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

// Between the starts of the first runners.
constexpr Duration apart = 3s;

int badness(SourceState state) {
    switch (state) {
        case SourceState::streaming:
            return 0;
        case SourceState::polling:
            return 1;
        case SourceState::polling_fallback:
            return 2;
        case SourceState::disabled:
        case SourceState::idle:
            return 3;
        case SourceState::starting:
        case SourceState::connecting:
            return 4;
        case SourceState::silent:
            return 5;
        case SourceState::maintenance:
            return 6;
        case SourceState::refused:
            return 7;
        case SourceState::unavailable_here:
            return 8;
    }
    return 9;
}

// Whether the state may mean that nobody trades the tickers, rather than that the venue is down.
bool may_be_quiet(SourceState state) {
    return badness(state) >= badness(SourceState::polling_fallback) &&
           badness(state) <= badness(SourceState::silent);
}

void add_counts(SourceStatus& sum, const SourceStatus& of) {
    sum.lost_trades += of.lost_trades;
    sum.lost_frames += of.lost_frames;
    sum.connections += of.connections;
    sum.last_quote_at = std::max(sum.last_quote_at, of.last_quote_at);
    for (std::size_t kind = 0; kind < parse_error_kinds; ++kind) sum.left_out[kind] += of.left_out[kind];
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

bool is_in_dollars(const VenueType& type, std::string_view symbol) {
    return type.currency_of == nullptr || type.currency_of(symbol) == Currency("USD");
}

}  // namespace

Result<Instruments> instruments_of(const VenueType& type, const SourceOptions& options,
                                   std::span<const Ticker> tickers, std::span<const Ticker> references) {
    Instruments found;
    std::map<std::string, Ticker> taken;
    for (const Ticker ticker : tickers) {
        const auto named = options.symbols.find(std::string(ticker.view()));
        const auto symbol = named == options.symbols.end() ? type.symbol_of(ticker) : named->second;
        if (!symbol) {
            found.unnamed += (found.unnamed.empty() ? "" : ", ") + std::string(ticker.view());
            continue;
        }
        if (!type.is_symbol(*symbol)) {
            return fail(fmt::format("market.symbols: '{}' is not a valid symbol of {} at {}", *symbol,
                                    ticker.view(), options.name));
        }
        if (const auto [other, fresh] = taken.emplace(*symbol, ticker); !fresh) {
            return fail(fmt::format("market.symbols: {} and {} have the same symbol '{}' at {}",
                                    other->second.view(), ticker.view(), *symbol, options.name));
        }
        found.list.push_back({ticker, *symbol});
    }
    for (const Ticker ticker : references) {
        if (std::ranges::find(tickers, ticker) != tickers.end()) continue;
        const auto symbol = type.symbol_of(ticker);
        if (symbol && type.is_symbol(*symbol) && is_in_dollars(type, *symbol) &&
            taken.emplace(*symbol, ticker).second)
            found.list.push_back({ticker, *symbol});
    }
    return found;
}

Source::Source(const Surroundings& around, const VenueType& type, const SourceOptions& options)
    : around_(around),
      type_(type),
      options_(options),
      is_on_(options.enabled && !(options.ws_url.empty() && options.rest_url.empty())) {
    without_runners_.name = type.name;
    without_runners_.since = around.clock.now();
    without_runners_.state = SourceState::disabled;
    without_runners_.detail = "switched off";
    if (!options.enabled) return;
    without_runners_.state = SourceState::idle;
    const auto [instruments, unnamed] =
        instruments_of(type, options, around.options.tickers, around.options.references).value();
    if (!unnamed.empty())
        log::warn(fmt::format("{} has no symbol for {}: set one in market.symbols", options.name, unnamed));
    without_runners_.detail = is_on_ ? "no symbol for any ticker" : "neither a stream nor REST is configured";
    if (!is_on_) return;
    std::span<const Instrument> left = instruments;
    while (!left.empty()) {
        const auto part = left.first(std::min(type.stream.max_instruments, left.size()));
        left = left.subspan(part.size());
        Runner& runner = open({part.begin(), part.end()}, true, apart * static_cast<int>(runners_.size()));
        for (const Instrument& instrument : part) {
            places_[instrument.ticker] = {&runner, instrument.symbol, true};
            symbols_.insert(instrument.symbol);
        }
    }
}

void Source::start() {
    is_started_ = true;
    for (auto& runner : runners_) runner->start();
}

void Source::stop() {
    is_started_ = false;
    for (auto& runner : runners_) runner->stop();
}

void Source::revive() {
    for (auto& runner : runners_) runner->revive();
}

void Source::watch(Ticker ticker, const std::string& symbol) {
    if (!is_on_) return;
    if (const auto found = places_.find(ticker); found != places_.end()) {
        if (found->second.is_pinned || found->second.symbol == symbol) return;
        remove(ticker);
    }
    if (symbol.empty()) return;
    if (!type_.is_symbol(symbol) || symbols_.contains(symbol)) {
        log::warn("a source's symbol cannot be asked for: it is not valid, or is another ticker's",
                  {{"source", options_.name}, {"ticker", std::string(ticker.view())}, {"symbol", symbol}});
        return;
    }
    add(ticker, symbol);
}

void Source::add(Ticker ticker, const std::string& symbol) {
    const auto found = std::ranges::find_if(runners_, [](const auto& runner) { return runner->has_room(); });
    Runner* runner = found == runners_.end() ? nullptr : found->get();
    if (runner != nullptr) {
        runner->watch({ticker, symbol});
    } else {
        runner = &open({{ticker, symbol}}, false, 0s);
        if (is_started_) runner->start();
    }
    places_[ticker] = {runner, symbol, false};
    symbols_.insert(symbol);
}

void Source::remove(Ticker ticker) {
    const auto found = places_.find(ticker);
    Runner& runner = *found->second.runner;
    symbols_.erase(found->second.symbol);
    places_.erase(found);
    runner.unwatch(ticker);
    if (runner.is_empty()) close(runner);
}

Runner& Source::open(std::vector<Instrument> instruments, bool is_pinned, Duration start_after) {
    SessionOptions session = around_.options.session;
    session.poll_interval = options_.poll_interval;
    const RestType& rest = type_.rest;
    const bool has_key = !options_.api_key.empty() && rest.least_interval_with_key > Duration{};
    const Duration least = has_key ? rest.least_interval_with_key : rest.least_interval;
    // Half of what the venue allows an address is left to requests for its past.
    const Duration shared = type_.past.candles_per_request > 0 ? 2 * least : least;
    session.polls_apart = std::min(options_.poll_interval, least > Duration{} ? shared : session.polls_apart);
    session.start_after = start_after;
    session.may_be_thin = !is_pinned;
    runners_.push_back(std::make_unique<Runner>(
        around_, options_,
        type_.create(std::move(instruments), {options_.ws_url, without_slash(options_.rest_url)}), session,
        pace_, [this](const Runner& from, const OverheardAnswer& answer) {
            for (auto& runner : runners_) {
                if (runner.get() != &from) runner->overhear(answer);
            }
        }));
    MutexLock lock(mutex_);
    shown_.push_back({runners_.back().get(), is_pinned});
    return *runners_.back();
}

void Source::close(const Runner& runner) {
    {
        MutexLock lock(mutex_);
        add_counts(closed_, runner.status());
        std::erase_if(shown_, [&](const Shown& shown) { return shown.runner == &runner; });
    }
    std::erase_if(runners_, [&](const auto& own) { return own.get() == &runner; });
}

SourceStatus Source::status() const {
    MutexLock lock(mutex_);
    std::optional<SourceStatus> worst;
    std::optional<SourceStatus> quiet;  // the worst of those whose tickers may not be traded
    SourceStatus sum = closed_;
    for (const auto& [runner, is_pinned] : shown_) {
        SourceStatus status = runner->status();
        add_counts(sum, status);
        auto& place = !is_pinned && may_be_quiet(status.state) ? quiet : worst;
        if (!place || badness(status.state) > badness(place->state)) place = std::move(status);
    }
    SourceStatus out = worst ? *std::move(worst) : quiet ? *std::move(quiet) : without_runners_;
    out.lost_trades = out.lost_frames = out.connections = 0;
    out.last_quote_at.reset();
    out.left_out = {};
    add_counts(out, sum);
    return out;
}

void Source::note(HeardTickers& heard) const {
    for (const auto& [ticker, place] : places_) heard.note(ticker, type_.kind, place.runner->heard(ticker));
}

}  // namespace pricewire::feed
