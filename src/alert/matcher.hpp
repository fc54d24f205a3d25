#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/uuid.hpp"
#include "domain/alert.hpp"

namespace pricewire::alert {

// Finds the alerts that a price fires. How, and why nothing is missed, stands above the code in matcher.cpp.
// Pure; one thread owns it.
class Matcher {
public:
    Matcher();
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    // Adds an alert. True where the ticker's present price fires it at once: then it is not kept. An id that
    // is there already is left as it is (false).
    bool add(const ActiveAlert& alert);
    // Adds many, quicker than one by one; for the start, before prices. Ids that are there already are left
    // as they are. With a present price, those it fires stay until the next price.
    void load(std::span<const ActiveAlert> alerts);
    // False where there is none with this id.
    bool remove(const Uuid& id);
    bool contains(const Uuid& id) const { return by_id_.contains(id); }

    // The ticker's price is now `value`: appends the ids of all alerts it fires, and forgets them. First those
    // above by ascending target, then those below by descending target; equal targets in no particular order.
    void on_price(Ticker ticker, Decimal value, std::vector<Uuid>& fired);
    // Removes and returns the alerts that `value` would fire and that were made at or after `made_from`: for
    // a price of the past, which had ceased to be in effect by then. load() puts them back.
    std::vector<ActiveAlert> take_younger(Ticker ticker, Decimal value, Timestamp made_from);
    // The ticker has no price for now: alerts added from here on wait for the next one.
    void on_price_gone(Ticker ticker);

    std::size_t size() const { return by_id_.size(); }

private:
    using Slot = std::uint32_t;

    // A key of the ordered index: the target encoded so that the smallest key fires first on either side
    // (below, the target is complemented, which reverses the order and cannot overflow), then the slot.
    // Four-byte parts keep it at 20 bytes.
    struct Key {
        std::array<std::uint32_t, 4> target;  // most significant first, offset so that it compares unsigned
        Slot slot;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct Book {
        absl::btree_set<Key> keys;
        Decimal best;  // the target that fires first; meaningful while keys is not empty
    };
    struct Line {
        std::array<Book, side_count> books;
        std::optional<Decimal> price;
    };
    struct Stored {
        Uuid id;
        std::array<std::uint32_t, 4> target;
        std::uint16_t line;
        Condition condition;
    };
    // The id index holds slots and looks through them at the ids, which are stored once.
    struct IdHash {
        using is_transparent = void;
        const Matcher* matcher;
        std::size_t operator()(const Uuid& id) const { return absl::Hash<Uuid>{}(id); }
        std::size_t operator()(Slot slot) const { return (*this)(matcher->stored(slot).id); }
    };
    struct IdEqual {
        using is_transparent = void;
        const Matcher* matcher;
        bool operator()(Slot a, Slot b) const { return a == b; }
        bool operator()(Slot a, const Uuid& b) const { return matcher->stored(a).id == b; }
        bool operator()(const Uuid& a, Slot b) const { return (*this)(b, a); }
    };

    static Key key_of(Side side, Decimal target, Slot slot);
    static Decimal target_of(Side side, const Key& key);
    static void refresh_best(Side side, Book& book);
    std::uint16_t line_of(Ticker ticker);
    Slot take_slot();
    const Stored& stored(Slot slot) const { return pages_[slot / page_size][slot % page_size]; }
    Stored& stored(Slot slot) { return pages_[slot / page_size][slot % page_size]; }
    Key store(const ActiveAlert& alert, std::uint16_t line);
    void take_fired(Side side, Book& book, Decimal value, std::vector<Uuid>& fired);

    // Alerts live in pages that never move, so growth copies nothing and wastes at most a page.
    static constexpr std::size_t page_size = 4096;
    std::vector<std::unique_ptr<Stored[]>> pages_;
    std::vector<Slot> free_;
    Slot used_ = 0;
    std::vector<std::unique_ptr<Line>> lines_;
    absl::flat_hash_map<Ticker, std::uint16_t> line_by_ticker_;
    absl::flat_hash_set<Slot, IdHash, IdEqual> by_id_;
};

}  // namespace pricewire::alert
