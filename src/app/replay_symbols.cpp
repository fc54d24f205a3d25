#include "app/replay_symbols.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace pricewire::app {
namespace {

// A symbol has no more parts than this, as BTC-USD-220527 does.
constexpr std::size_t most_parts = 3;

bool is_well_known(Currency currency) {
    static constexpr std::array<std::string_view, 14> known{"USD",  "USDT", "USDC", "FDUSD", "TUSD",
                                                            "BUSD", "EUR",  "GBP",  "JPY",   "TRY",
                                                            "BRL",  "KRW",  "BTC",  "ETH"};
    return std::ranges::find(known, currency.view()) != known.end();
}

Currency currency_in(const feed::VenueType& type, std::string_view symbol) {
    return type.currency_of == nullptr ? Currency() : type.currency_of(symbol);
}

}  // namespace

// Every run of one to three words, with what is between them.
void NamedSymbols::note(std::string_view text, bool is_out) {
    std::array<std::size_t, most_parts> starts{};
    std::size_t words = 0;  // behind each other, with one character between two
    for (std::size_t at = 0; at < text.size();) {
        if (!is_alphanumeric(text[at])) {
            if (at > 0 && !is_alphanumeric(text[at - 1])) words = 0;
            ++at;
            continue;
        }
        const std::size_t begin = at;
        while (at < text.size() && is_alphanumeric(text[at])) ++at;
        if (words == most_parts) {
            std::ranges::rotate(starts, starts.begin() + 1);
            --words;
        }
        starts[words++] = begin;
        for (std::size_t i = 0; i < words; ++i) note_one(text.substr(starts[i], at - starts[i]), is_out);
    }
}

void NamedSymbols::note_one(std::string_view word, bool is_out) {
    auto& into = is_out ? sent_ : received_;
    if (into.size() >= most || into.contains(word)) return;
    // Binance subscribes to "btcusdt@trade", and sends trades of BTCUSDT.
    std::string symbol(word);
    if (!type_.is_symbol(symbol)) symbol = upper_case(word);
    if (!type_.is_symbol(symbol)) return;
    if (is_out || is_well_known(currency_in(type_, symbol))) into.insert(std::move(symbol));
}

std::vector<std::string> NamedSymbols::symbols() const {
    const bool are_sent = std::ranges::any_of(
        sent_, [&](const std::string& symbol) { return is_well_known(currency_in(type_, symbol)); });
    const auto& from = are_sent || type_.currency_of == nullptr ? sent_ : received_;
    return {from.begin(), from.end()};
}

std::string ticker_in(const feed::VenueType& type, std::string_view symbol) {
    // What the venue puts before a ticker.
    static constexpr std::string_view any = "ZZZZ";
    if (const auto pattern = type.symbol_of(any)) {
        const std::size_t before = upper_case(*pattern).find(any);
        if (before != pattern->npos && symbol.starts_with(pattern->substr(0, before)))
            symbol.remove_prefix(before);
    }
    const std::string upper = upper_case(symbol);
    std::string_view rest = upper;
    const std::string currency = upper_case(currency_in(type, symbol).view());
    if (rest.size() > currency.size() && rest.ends_with(currency)) rest.remove_suffix(currency.size());
    while (!rest.empty() && !is_alphanumeric(rest.back())) rest.remove_suffix(1);
    return std::string(rest.empty() ? std::string_view(upper) : rest);
}

}  // namespace pricewire::app
