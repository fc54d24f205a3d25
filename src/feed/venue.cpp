#include "feed/venue.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "base/text.hpp"
#include "feed/binance/binance.hpp"
#include "feed/bitfinex/bitfinex.hpp"
#include "feed/bitget/bitget.hpp"
#include "feed/bitstamp/bitstamp.hpp"
#include "feed/bybit/bybit.hpp"
#include "feed/coinbase/coinbase.hpp"
#include "feed/coingecko/coingecko.hpp"
#include "feed/coinpaprika/coinpaprika.hpp"
#include "feed/crypto_com/crypto_com.hpp"
#include "feed/gateio/gateio.hpp"
#include "feed/gemini/gemini.hpp"
#include "feed/htx/htx.hpp"
#include "feed/kraken/kraken.hpp"
#include "feed/kucoin/kucoin.hpp"
#include "feed/mexc/mexc.hpp"
#include "feed/okx/okx.hpp"
#include "feed/status.hpp"

namespace pricewire::feed {

VenueTypes venue_types() {
    // clang-format off
    static constexpr std::array all{
        &binance_type,
        &binance_us_type,
        &coinbase_type,
        &kraken_type,
        &okx_type,
        &bybit_type,
        &bitstamp_type,
        &bitfinex_type,
        &gemini_type,
        &kucoin_type,
        &gateio_type,
        &htx_type,
        &crypto_com_type,
        &bitget_type,
        &mexc_type,
        &coingecko_type,
        &coinpaprika_type,
    };
    // clang-format on
    return all;
}

const VenueType* find_venue_type(std::string_view name, VenueTypes venues) {
    const auto found =
        std::find_if(venues.begin(), venues.end(), [&](auto* type) { return type->name.view() == name; });
    return found == venues.end() ? nullptr : *found;
}

bool has_each_interval(Duration interval) {
    return interval == std::chrono::minutes{1} || interval == std::chrono::hours{1} ||
           interval == std::chrono::hours{24};
}

namespace {

Currency currency_of(const VenueType& type, const Instrument& instrument) {
    if (type.currency_of == nullptr) return "USD";
    const Currency by_rule = type.currency_of(instrument.symbol);
    // A symbol without a separator may be read in two ways: BNBUSD is BNB in USD, not BN in BUSD.
    const std::string symbol = upper_case(instrument.symbol);
    const std::string_view ticker = instrument.ticker.view();
    if (!symbol.starts_with(ticker)) return by_rule;
    const std::string_view behind = std::string_view(symbol).substr(ticker.size());
    return by_rule.view().ends_with(behind) && !behind.empty() ? Currency(behind) : by_rule;
}

}  // namespace

Venue::Venue(const VenueType& type, std::vector<Instrument> instruments, Endpoints endpoints)
    : type_(type), instruments_(std::move(instruments)), endpoints_(std::move(endpoints)) {
    for (const Instrument& instrument : instruments_) currencies_.push_back(currency_of(type, instrument));
    by_symbol_.resize(instruments_.size());
    std::iota(by_symbol_.begin(), by_symbol_.end(), std::size_t{0});
    std::sort(by_symbol_.begin(), by_symbol_.end(),
              [&](std::size_t a, std::size_t b) { return instruments_[a].symbol < instruments_[b].symbol; });
}

std::size_t Venue::add(Instrument instrument) {
    if (const auto known = find(instrument.symbol)) {
        instruments_[*known].ticker = instrument.ticker;
        return *known;
    }
    const auto free = std::ranges::find(instruments_, std::string(), &Instrument::symbol);
    const auto index = static_cast<std::size_t>(free - instruments_.begin());
    const Currency currency = currency_of(type_, instrument);
    if (free == instruments_.end()) {
        instruments_.push_back(std::move(instrument));
        currencies_.push_back(currency);
    } else {
        *free = std::move(instrument);
        currencies_[index] = currency;
    }
    const auto symbol_at = [&](std::size_t i) -> const std::string& { return instruments_[i].symbol; };
    by_symbol_.insert(std::ranges::lower_bound(by_symbol_, symbol_at(index), {}, symbol_at), index);
    changed(index);
    return index;
}

void Venue::remove(std::size_t index) {
    std::erase(by_symbol_, index);
    instruments_[index] = {};
    changed(index);
}

Currency currency_behind(char separator, std::string_view symbol) {
    const std::size_t at = symbol.rfind(separator);
    return at == std::string_view::npos ? Currency() : Currency(symbol.substr(at + 1));
}

Currency currency_at_end(std::string_view symbol) {
    static constexpr std::array<std::string_view, 9> known{"FDUSD", "USDT", "USDC", "TUSD", "BUSD",
                                                           "USD",   "EUR",  "BTC",  "ETH"};
    return currency_at_end(symbol, known);
}

Currency currency_at_end(std::string_view symbol, std::span<const std::string_view> known) {
    const std::string upper = upper_case(symbol);
    for (const std::string_view currency : known) {
        if (upper.size() > currency.size() && upper.ends_with(currency)) return currency;
    }
    return {};
}

std::optional<std::string> usdt_market(Ticker ticker, std::string_view separator) {
    if (ticker == Ticker("USDT") || ticker == Ticker("USDC")) return std::nullopt;
    return std::string(ticker.view()).append(separator) + "USDT";
}

std::optional<std::size_t> Venue::find(std::string_view symbol) const {
    const auto found =
        std::lower_bound(by_symbol_.begin(), by_symbol_.end(), symbol,
                         [&](std::size_t i, std::string_view s) { return instruments_[i].symbol < s; });
    if (found == by_symbol_.end() || instruments_[*found].symbol != symbol) return std::nullopt;
    return *found;
}

std::expected<std::string, ParseError> Venue::parse_address(std::string_view) const {
    return std::unexpected(ParseError{ParseError::Kind::wrong_shape, "its addresses are not asked for"});
}

std::string_view to_string(ParseError::Kind kind) {
    switch (kind) {
        case ParseError::Kind::not_json:
            return "not_json";
        case ParseError::Kind::wrong_shape:
            return "wrong_shape";
        case ParseError::Kind::bad_quote:
            return "bad_quote";
        case ParseError::Kind::unknown_symbol:
            return "unknown_symbol";
        case ParseError::Kind::rate_limited:
            return "rate_limited";
        case ParseError::Kind::venue_error:
            return "venue_error";
    }
    return "unknown";
}

std::string_view to_string(SourceState state) {
    switch (state) {
        case SourceState::disabled:
            return "disabled";
        case SourceState::idle:
            return "idle";
        case SourceState::starting:
            return "starting";
        case SourceState::connecting:
            return "connecting";
        case SourceState::streaming:
            return "streaming";
        case SourceState::polling_fallback:
            return "polling_fallback";
        case SourceState::polling:
            return "polling";
        case SourceState::refused:
            return "refused";
        case SourceState::unavailable_here:
            return "unavailable_here";
        case SourceState::maintenance:
            return "maintenance";
        case SourceState::silent:
            return "silent";
    }
    return "unknown";
}

}  // namespace pricewire::feed
