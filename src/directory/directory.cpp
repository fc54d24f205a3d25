#include "directory/directory.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "base/text.hpp"

namespace pricewire::directory {
namespace {

constexpr Duration unread_for = std::chrono::hours{24};
constexpr std::array<std::string_view, 3> currencies{"USD", "USDT", "USDC"};
constexpr std::uint32_t many_venues = 1000;

enum Match : std::uint8_t {
    the_ticker,
    in_a_pair,
    ticker_begins,
    name_begins,
    ticker_contains,
    name_contains
};

// Which pair of a ticker is taken at one source: the least. `chosen` is the operator's symbol, if any.
auto place_of(const ListedPair& pair, std::string_view chosen) {
    return std::tuple(pair.symbol != chosen, pair.status, currency_rank(pair.ticker, pair.currency),
                      std::string_view(pair.symbol));
}

// The operator's symbols at a source; null if there are none.
const std::map<Ticker, std::string>* symbols_at(const SourceName& source, const Choices& choices) {
    const auto found = choices.symbols.find(source);
    return found == choices.symbols.end() ? nullptr : &found->second;
}

std::string_view chosen_for(const Ticker& ticker, const std::map<Ticker, std::string>* symbols) {
    if (symbols == nullptr) return {};
    const auto found = symbols->find(ticker);
    return found == symbols->end() ? std::string_view() : std::string_view(found->second);
}

// "SOL" of "SOLUSDT", "SOL/USD", "sol-usdc"; `text` in capitals.
std::optional<Ticker> ticker_of_pair(std::string text) {
    std::erase_if(text, [](char c) { return !is_alphanumeric(c); });
    for (const std::string_view currency : {"USDT", "USDC", "USD"}) {
        if (!text.ends_with(currency)) continue;
        const std::string_view base = std::string_view(text).substr(0, text.size() - currency.size());
        if (is_ticker(base)) return Ticker(base);
    }
    return std::nullopt;
}

// Whether a word of `name`, in capitals, begins with `text`.
bool word_begins(std::string_view name, std::string_view text) {
    for (std::size_t at = name.find(text); at != std::string_view::npos; at = name.find(text, at + 1)) {
        if (at == 0 || !is_alphanumeric(name[at - 1])) return true;
    }
    return false;
}

// What a search looks for.
struct Wanted {
    explicit Wanted(std::string_view given) : text(upper_case(trimmed(given))), pair(ticker_of_pair(text)) {}

    std::optional<Match> match(const Coin& coin) const {
        const std::string_view ticker = coin.ticker.view();
        if (ticker == text) return the_ticker;
        if (!coin.can_be_watched()) return std::nullopt;
        if (text.empty()) return coin.is_pinned ? the_ticker : ticker_begins;
        if (pair == coin.ticker) return in_a_pair;
        if (ticker.starts_with(text)) return ticker_begins;
        const std::string name = upper_case(coin.name);
        if (word_begins(name, text)) return name_begins;
        if (ticker.contains(text)) return ticker_contains;
        if (name.contains(text)) return name_contains;
        return std::nullopt;
    }

    const std::string text;
    const std::optional<Ticker> pair;
};

std::uint32_t absent_of(const Coin& coin) {
    return many_venues - static_cast<std::uint32_t>(std::min<std::size_t>(
                             many_venues, coin.venues.size() - coin.count(ListingStatus::delisted)));
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// How far a coin is from what was written: the least is the likeliest.
struct Likeness {
    std::size_t distance = 0;  // in letters
    std::size_t unlike = 0;    // letters after the common prefix
    Rank rank;
    friend auto operator<=>(const Likeness&, const Likeness&) = default;
};

// Adds the pairs of a list to `coins`, of each ticker the one to take at that source.
void add_list(std::map<Ticker, Coin>& coins, const SourceList& list, const Choices& choices) {
    const SourceName source = list.source.source;
    const bool is_exchange = list.source.kind == SourceKind::exchange;
    const auto* const symbols = symbols_at(source, choices);
    for (const ListedPair& pair : list.pairs) {
        if (!currency_rank(pair.ticker, pair.currency)) continue;
        // An aggregator's coin that no exchange lists is not watched.
        const auto coin = is_exchange ? coins.try_emplace(pair.ticker).first : coins.find(pair.ticker);
        if (coin == coins.end()) continue;
        auto& places = is_exchange ? coin->second.venues : coin->second.aggregators;
        const auto chosen = chosen_for(pair.ticker, symbols);
        if (places.empty() || places.back().source != source) {
            places.push_back({source, &pair});
        } else if (place_of(pair, chosen) < place_of(*places.back().pair, chosen)) {
            places.back().pair = &pair;
        }
    }
}

// Leaves the aggregators that know the coin for sure, and takes its name from the first that has one.
void settle_aggregators(Coin& coin) {
    std::erase_if(coin.aggregators, [](const Listing& l) {
        return l.pair->status == ListingStatus::delisted || l.pair->disagrees_since;
    });
    const auto named =
        std::ranges::find_if(coin.aggregators, [](const Listing& l) { return !l.pair->name.empty(); });
    if (named != coin.aggregators.end()) coin.name = named->pair->name;
}

}  // namespace

std::optional<std::size_t> currency_rank(Ticker ticker, Currency currency) {
    const auto found = std::ranges::find(currencies, currency.view());
    if (found == currencies.end()) return std::nullopt;
    const auto rank = static_cast<std::size_t>(found - currencies.begin());
    const bool is_dollar_like = std::ranges::find(currencies, ticker.view()) != currencies.end();
    if (is_dollar_like && rank > 0) return std::nullopt;
    return rank;
}

std::size_t Coin::count(ListingStatus status) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(venues, [&](const Listing& l) { return l.pair->status == status; }));
}

Directory::Directory(Lists lists, const Choices& choices) : lists_(std::move(lists)) {
    Timestamp newest = Timestamp::min();
    for (const auto& list : lists_) newest = std::max(newest, list->source.read_at);
    if (!choices.old_lists_count)
        std::erase_if(lists_, [&](const auto& list) { return newest - list->source.read_at > unread_for; });
    // Exchanges first: aggregators only add to their coins.
    std::ranges::sort(lists_, {},
                      [](const auto& list) { return std::tuple(list->source.kind, list->source.source); });
    has_exchange_ = !lists_.empty() && lists_.front()->source.kind == SourceKind::exchange;

    std::map<Ticker, Coin> coins;
    for (const Ticker& ticker : choices.pinned) coins[ticker].is_pinned = true;
    for (const auto& list : lists_) add_list(coins, *list, choices);
    coins_.reserve(coins.size());
    for (auto& [ticker, coin] : coins) {
        if (choices.only_pinned && !coin.is_pinned) continue;
        coin.ticker = ticker;
        settle_aggregators(coin);
        coins_.push_back(std::move(coin));
    }
}

const Coin* Directory::find(Ticker ticker) const {
    const auto found = std::ranges::lower_bound(coins_, ticker, {}, &Coin::ticker);
    return found == coins_.end() || found->ticker != ticker ? nullptr : &*found;
}

std::vector<Hit> Directory::search(std::string_view text, std::size_t limit,
                                   const std::optional<Rank>& after) const {
    const Wanted wanted(text);
    std::vector<Hit> hits;
    for (const Coin& coin : coins_) {
        const auto match = wanted.match(coin);
        if (!match) continue;
        const Rank rank{*match, absent_of(coin), coin.ticker};
        if (!after || rank > *after) hits.push_back({&coin, rank});
    }
    const auto middle = hits.begin() + static_cast<std::ptrdiff_t>(std::min(limit, hits.size()));
    std::ranges::partial_sort(hits, middle, {}, &Hit::rank);
    hits.erase(middle, hits.end());
    return hits;
}

std::vector<Ticker> Directory::nearest(std::string_view text, std::size_t most) const {
    const Wanted wanted(text);
    if (wanted.text.empty()) return {};
    // Half of the letters may differ; a longer text is never a misspelled ticker.
    const std::size_t differs =
        wanted.text.size() > 2 * Ticker::max_size ? 0 : std::max<std::size_t>(1, wanted.text.size() / 2);
    std::vector<Likeness> found;
    for (const Coin& coin : coins_) {
        if (!coin.can_be_watched()) continue;
        const std::string_view ticker = coin.ticker.view();
        const auto match = wanted.match(coin);
        const std::size_t longer = std::max(ticker.size(), wanted.text.size());
        const std::size_t shorter = std::min(ticker.size(), wanted.text.size());
        std::size_t distance = differs + 1;
        if (match && *match <= in_a_pair) {
            distance = 0;
        } else if (longer - shorter <= differs) {
            distance = edit_distance(ticker, wanted.text);
        }
        if (match && *match <= name_begins) distance = std::min<std::size_t>(distance, 1);
        if (distance > differs) continue;
        found.push_back({distance, longer - common_prefix(ticker, wanted.text),
                         Rank{match.value_or(name_contains), absent_of(coin), coin.ticker}});
    }
    const auto middle = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
    std::ranges::partial_sort(found, middle);
    std::vector<Ticker> out;
    for (auto at = found.begin(); at != middle; ++at) {
        // What is clearly farther off than the first was not meant.
        if (at->distance <= found.front().distance + 1) out.push_back(at->rank.ticker);
    }
    return out;
}

}  // namespace pricewire::directory
