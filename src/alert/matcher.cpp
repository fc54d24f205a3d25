#include "alert/matcher.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/uuid_time.hpp"

// Why a price that fires nothing costs two comparisons
//
// An alert "BTC above 70,000" fires at the first price above its target. Among all such alerts of a ticker,
// the one with the lowest target always fires first: a price that does not exceed the lowest target exceeds
// none. So alerts that wait above the price are kept in order of their target, those below in the opposite
// order, and a price is compared with the best target of each side. If that fires, alerts are taken from the
// front until one does not hold. The cost depends on how many fire, not on how many there are.
//
// Why no crossing is missed
//
// The condition is a level, not an edge: after a price P no alert with a target on P's side is left, whatever
// prices came before or were never seen. A jump over ten thousand targets fires all of them, at the price
// after the jump. A new alert must be compared with the prices since it was created before it enters the
// index: add() compares it with the present one, the checker with RecentPrices, since prices and alerts
// arrive by different ways.
//
// Why no alert fires twice
//
// An alert that fires leaves the index in the same step, and an id is added once. Across processes and
// restarts the database's conditional update decides.
//
// What it costs
//
// An ordered key is 20 bytes in a B-tree of 256-byte nodes; the alert itself is 36 bytes in a page; the id
// index is a 4-byte slot and a control byte at a load of 7/16 to 7/8. tests/perf/matcher_bench measures both
// time and bytes.

namespace pricewire::alert {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Preserves the order: two's complement with the sign bit flipped compares as an unsigned number.
Words to_words(Decimal::Raw raw) {
    const auto bits = static_cast<Decimal::Unsigned>(raw) ^ (static_cast<Decimal::Unsigned>(1) << 127);
    return {static_cast<std::uint32_t>(bits >> 96), static_cast<std::uint32_t>(bits >> 64),
            static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)};
}

Decimal::Raw from_words(const Words& words) {
    Decimal::Unsigned bits = 0;
    for (const std::uint32_t word : words) bits = bits << 32 | word;
    return static_cast<Decimal::Raw>(bits ^ (static_cast<Decimal::Unsigned>(1) << 127));
}

constexpr std::array<Side, side_count> sides{Side::above, Side::below};

constexpr std::size_t index_of(Side side) {
    return static_cast<std::size_t>(side);
}

}  // namespace

Matcher::Matcher() : by_id_(0, IdHash{this}, IdEqual{this}) {}
Matcher::~Matcher() = default;

Matcher::Key Matcher::key_of(Side side, Decimal target, Slot slot) {
    return {to_words(side == Side::above ? target.raw() : ~target.raw()), slot};
}

Decimal Matcher::target_of(Side side, const Key& key) {
    const Decimal::Raw raw = from_words(key.target);
    return Decimal::from_raw(side == Side::above ? raw : ~raw);
}

void Matcher::refresh_best(Side side, Book& book) {
    if (!book.keys.empty()) book.best = target_of(side, *book.keys.begin());
}

std::uint16_t Matcher::line_of(Ticker ticker) {
    if (const auto found = line_by_ticker_.find(ticker); found != line_by_ticker_.end()) return found->second;
    if (lines_.size() > 0xffff) throw std::length_error("more than 65,536 tickers");
    const auto line = static_cast<std::uint16_t>(lines_.size());
    lines_.push_back(std::make_unique<Line>());
    line_by_ticker_.emplace(ticker, line);
    return line;
}

Matcher::Slot Matcher::take_slot() {
    if (!free_.empty()) {
        const Slot slot = free_.back();
        free_.pop_back();
        return slot;
    }
    if (used_ % page_size == 0) pages_.push_back(std::make_unique<Stored[]>(page_size));
    return used_++;
}

bool Matcher::add(const ActiveAlert& alert) {
    if (by_id_.contains(alert.id)) return false;
    const std::uint16_t line_index = line_of(alert.ticker);
    Line& line = *lines_[line_index];
    if (line.price && holds(alert.condition, *line.price, alert.target)) return true;
    const Side side = kind_of(alert.condition).side;
    Book& book = line.books[index_of(side)];
    book.keys.insert(store(alert, line_index));
    refresh_best(side, book);
    return false;
}

Matcher::Key Matcher::store(const ActiveAlert& alert, std::uint16_t line) {
    const Slot slot = take_slot();
    const Key key = key_of(kind_of(alert.condition).side, alert.target, slot);
    stored(slot) = {alert.id, key.target, line, alert.condition};
    by_id_.insert(slot);
    return key;
}

void Matcher::load(std::span<const ActiveAlert> alerts) {
    // Sorted, so that each key is inserted beside the last one, without a search through cold memory.
    std::vector<std::pair<std::uint32_t, Key>> keys;  // the number of its book, key
    keys.reserve(alerts.size());
    by_id_.reserve(by_id_.size() + alerts.size());
    for (const ActiveAlert& alert : alerts) {
        if (by_id_.contains(alert.id)) continue;
        const std::uint16_t line = line_of(alert.ticker);
        const auto book = line * side_count + index_of(kind_of(alert.condition).side);
        keys.emplace_back(static_cast<std::uint32_t>(book), store(alert, line));
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 0; i < keys.size();) {
        const std::uint32_t number = keys[i].first;
        Book& book = lines_[number / side_count]->books[number % side_count];
        auto hint = book.keys.lower_bound(keys[i].second);
        for (; i < keys.size() && keys[i].first == number; ++i) {
            hint = book.keys.insert(hint, keys[i].second);
            ++hint;
        }
        refresh_best(sides[number % side_count], book);
    }
}

bool Matcher::remove(const Uuid& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return false;
    const Slot slot = *found;
    const Stored& alert = stored(slot);
    const Side side = kind_of(alert.condition).side;
    Book& book = lines_[alert.line]->books[index_of(side)];
    book.keys.erase(Key{alert.target, slot});
    refresh_best(side, book);
    by_id_.erase(found);
    free_.push_back(slot);
    return true;
}

void Matcher::on_price(Ticker ticker, Decimal value, std::vector<Uuid>& fired) {
    Line& line = *lines_[line_of(ticker)];
    line.price = value;
    for (const Side side : sides) {
        Book& book = line.books[index_of(side)];
        if (!book.keys.empty() && is_beyond(side, value, book.best)) take_fired(side, book, value, fired);
    }
}

void Matcher::take_fired(Side side, Book& book, Decimal value, std::vector<Uuid>& fired) {
    auto end = book.keys.begin();
    for (; end != book.keys.end() && is_beyond(side, value, target_of(side, *end)); ++end) {
        const auto found = by_id_.find(stored(end->slot).id);
        fired.push_back(stored(end->slot).id);
        by_id_.erase(found);
        free_.push_back(end->slot);
    }
    book.keys.erase(book.keys.begin(), end);
    refresh_best(side, book);
}

std::vector<ActiveAlert> Matcher::take_younger(Ticker ticker, Decimal value, Timestamp made_from) {
    std::vector<ActiveAlert> out;
    Line& line = *lines_[line_of(ticker)];
    for (const Side side : sides) {
        const Book& book = line.books[index_of(side)];
        for (const Key& key : book.keys) {
            const Decimal target = target_of(side, key);
            if (!is_beyond(side, value, target)) break;
            const Stored& alert = stored(key.slot);
            if (made_at(alert.id) >= made_from) out.push_back({alert.id, ticker, alert.condition, target});
        }
    }
    for (const ActiveAlert& alert : out) remove(alert.id);
    return out;
}

void Matcher::on_price_gone(Ticker ticker) {
    lines_[line_of(ticker)]->price.reset();
}

}  // namespace pricewire::alert
