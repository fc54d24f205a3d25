#include "sim/venue_player.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;

// How many trades of a symbol a venue may send of the past, and how far apart they are.
constexpr std::size_t trades_kept = 30;
constexpr auto trades_apart = 1s;
// How many trades the fault batch puts into one message.
constexpr std::size_t trades_in_batch = 5;
// What lies between venues is traded away about that fast.
constexpr double arbitrage_seconds = 20;

// A recorded frame of Binance as of now: a client takes a trade of years ago for what it is.
std::string as_of_now(std::string frame) {
    for (const std::string_view field : {R"("E":)", R"("T":)"}) {
        const std::size_t at = frame.find(field);
        if (at == std::string::npos) continue;
        const std::size_t digits = at + field.size();
        frame.replace(digits, frame.find_first_not_of("0123456789", digits) - digits,
                      std::to_string(unix_ms()));
    }
    return frame;
}

}  // namespace

std::string stream_door(const SimVenue& venue) {
    return std::string(venue.name) + ".stream";
}
std::string rest_door(const SimVenue& venue) {
    return std::string(venue.name) + ".rest";
}

SimMarket market_of(const SimVenue& venue, const Prices& dollars, const MarketState& state,
                    std::chrono::system_clock::time_point at) {
    SimMarket market{.currency = venue.currency};
    for (const auto& [symbol, dollar_price] : dollars) {
        const Decimal price = times(dollar_price, 1 / state.rates.of(venue.currency));
        if (is_dollar_coin(symbol) && !market.lists(symbol)) continue;
        market.prices[symbol] = price;
        market.trades[symbol] = {{symbol, price, 1, at}};
    }
    return market;
}

VenuePlayer::VenuePlayer(const SimVenue& venue, const Faults& faults, SimMarket market, std::uint64_t seed,
                         Past* past)
    : venue_(venue), faults_(faults), door_(stream_door(venue)), market_(std::move(market)), past_(past) {
    std::seed_seq seeds(venue.name.begin(), venue.name.end());
    std::array<std::uint32_t, 1> of_venue{};
    seeds.generate(of_venue.begin(), of_venue.end());
    rng_.seed(seed * 1'000'003 + of_venue[0]);
    faults_changed();
}

// An Ornstein-Uhlenbeck process: normally distributed around the tape's price, and coming back to it.
double VenuePlayer::noise(const std::string& symbol, const MarketState& state, Time now) {
    std::normal_distribution<double> normal;
    auto [found, is_new] = offsets_.try_emplace(symbol, Offset{normal(rng_) * state.noise_bp, now});
    Offset& offset = found->second;
    const double passed = std::chrono::duration<double>(now - offset.at).count() / arbitrage_seconds;
    const double kept = std::exp(-std::max(passed, 0.0));
    offset.bp = offset.bp * kept + normal(rng_) * state.noise_bp * std::sqrt(1 - kept * kept);
    offset.at = now;
    return 1 + offset.bp / 1e4;
}

Decimal VenuePlayer::price_of(const TapeTrade& trade, const MarketState& state, Time now, bool is_exact) {
    if (!trade.venue.empty()) return trade.price;
    const double in_currency = 1 / state.rates.of(venue_.currency);
    return times(trade.price, in_currency * (is_exact ? 1 : noise(trade.symbol, state, now)));
}

std::vector<VenuePlayer::Telling> VenuePlayer::make(const TapeTrade& of_tape, const MarketState& state,
                                                    Time now, bool by_hand) {
    const auto renamed = renamed_.find(of_tape.symbol);
    TapeTrade under_new_name;
    if (renamed != renamed_.end()) {
        under_new_name = of_tape;
        under_new_name.symbol = renamed->second;
        under_new_name.frame.clear();
    }
    const TapeTrade& trade = renamed != renamed_.end() ? under_new_name : of_tape;
    if (is_dollar_coin(trade.symbol) && !market_.lists(trade.symbol)) return {};
    if (market_.removed.contains(trade.symbol) || market_.unlisted.contains(trade.symbol) ||
        market_.halted.contains(trade.symbol))
        return {};
    if (!trade.venue.empty() && trade.venue != venue_.name) return {};
    const bool has_arbitrage = state.noise_bp > 0 && !by_hand && trade.venue.empty();
    if (has_arbitrage && venue_.share < 1 &&
        std::uniform_real_distribution<double>(0, 1)(rng_) >= venue_.share)
        return {};
    // What the venue's REST interface shows is not touched by a fault of the stream.
    Decimal price = market_.prices[trade.symbol] = price_of(trade, state, now, !has_arbitrage);
    const Fault fault = faults_.at(door_, trade.symbol);
    // While it is closed nothing is traded.
    if (past_ != nullptr && !trade.again && fault.kind != Kind::maintenance)
        past_->record(venue_, trade.symbol, price, now - trade.age);
    if (fault.kind == Kind::deaf || fault.kind == Kind::unacknowledged || fault.kind == Kind::silence)
        return {};
    if (const SimTrade* last = market_.last(trade.symbol)) {
        if (fault.kind == Kind::stuck || trade.again) return {{.trades = {*last}, .is_repeat = true}};
        if (fault.kind == Kind::stale) price = last->price;
    }
    Telling telling{.trades = {{trade.symbol, times(price, fault.factor()), 0, now - trade.age}},
                    .delay = fault.delay()};
    if (has_arbitrage) telling.delay += venue_.delay;
    if (fault.kind == Kind::none && venue_.plays_recordings && state.noise_bp == 0 &&
        state.rates.of(venue_.currency) == 1)
        telling.frame = as_of_now(trade.frame);
    if (fault.kind == Kind::duplicate) {
        Telling again = telling;
        again.is_repeat = true;
        return {std::move(telling), std::move(again)};
    }
    if (fault.kind == Kind::batch) {
        auto& gathered = gathered_[trade.symbol];
        gathered.push_back(std::move(telling.trades.front()));
        if (gathered.size() < trades_in_batch) return {};
        telling.trades = std::exchange(gathered, {});
    }
    return {std::move(telling)};
}

void VenuePlayer::tell(Telling& telling) {
    for (SimTrade& trade : telling.trades) {
        auto& trades = market_.trades[trade.symbol];
        if (telling.is_repeat) {
            if (trade.id == 0 && !trades.empty()) trade = trades.back();
            continue;
        }
        trade.id = trades.empty() ? 1 : trades.back().id + 1;
        // The latest is always kept, those before it some time apart.
        const std::size_t many = trades.size();
        if (many >= 2 && trades[many - 1].at - trades[many - 2].at < trades_apart) trades.pop_back();
        if (trades.size() == trades_kept) trades.erase(trades.begin());
        trades.push_back(trade);
    }
}

std::vector<VenuePlayer::Telling> VenuePlayer::old_trades(Time now) const {
    std::vector<Telling> out;
    for (const auto& [symbol, trades] : market_.trades) {
        Telling telling{.is_repeat = true};
        std::copy_if(trades.begin(), trades.end(), std::back_inserter(telling.trades),
                     [&](const SimTrade& t) { return now - t.at > 10s; });
        if (!telling.trades.empty()) out.push_back(std::move(telling));
    }
    return out;
}

SimMarket VenuePlayer::shown_by_rest() const {
    return {.prices = market_.prices,
            .unlisted = market_.unlisted,
            .halted = market_.halted,
            .currency = market_.currency,
            .past = market_.past};
}

void VenuePlayer::list(const std::string& symbol, const ListingState& state) {
    using State = ListingState::Kind;
    market_.unlisted.erase(symbol);
    market_.halted.erase(symbol);
    if (state.kind == State::halted) market_.halted.insert(symbol);
    if (state.kind == State::delisted || state.kind == State::renamed) market_.unlisted.insert(symbol);
    if (state.kind != State::renamed) {
        renamed_.erase(symbol);
        return;
    }
    renamed_[symbol] = state.renamed;
    if (const auto price = market_.prices.find(symbol); price != market_.prices.end())
        market_.prices.insert_or_assign(state.renamed, price->second);
}

void VenuePlayer::faults_changed() {
    market_.removed.clear();
    for (const auto& [door, fault] : faults_.all()) {
        if (fault.kind == Kind::removed && door.starts_with(door_ + "/"))
            market_.removed.insert(door.substr(door_.size() + 1));
    }
    gathered_.clear();
}

}  // namespace pricewire::sim
