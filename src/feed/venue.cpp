#include "feed/venue.hpp"

#include <algorithm>
#include <array>

#include "feed/binance/binance.hpp"
#include "feed/coingecko/coingecko.hpp"
#include "feed/status.hpp"

namespace pricewire::feed {

std::span<const VenueType* const> venue_types() {
    static constexpr std::array<const VenueType*, 2> all{&binance_type, &coingecko_type};
    return all;
}

const VenueType* find_venue_type(std::string_view name) {
    const auto all = venue_types();
    const auto found = std::find_if(all.begin(), all.end(), [&](auto* t) { return t->name.view() == name; });
    return found == all.end() ? nullptr : *found;
}

SymbolIndex::SymbolIndex(std::span<const Instrument> instruments) {
    by_symbol_.reserve(instruments.size());
    for (const Instrument& i : instruments) by_symbol_.push_back(&i);
    std::sort(by_symbol_.begin(), by_symbol_.end(), [](auto* a, auto* b) { return a->symbol < b->symbol; });
}

const Instrument* SymbolIndex::find(std::string_view symbol) const {
    const auto found = std::lower_bound(by_symbol_.begin(), by_symbol_.end(), symbol,
                                        [](auto* i, std::string_view s) { return i->symbol < s; });
    return found != by_symbol_.end() && (*found)->symbol == symbol ? *found : nullptr;
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
        case SourceState::silent:
            return "silent";
    }
    return "unknown";
}

}  // namespace pricewire::feed
