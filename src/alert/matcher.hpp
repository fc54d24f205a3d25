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

// Finds the alerts that a price fires. The algorithm, and why it misses nothing, is described in matcher.cpp.
// Pure; owned by one thread.
class Matcher {
public:
    Matcher();
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    // Adds an alert. True if the ticker's present price fires it at once; it is then not added. An id that
    // is already present is left unchanged (false).
    bool add(const ActiveAlert& alert);
    // Adds many, faster than one by one, without comparing them with the present price: an alert that it
    // would fire stays until the next price. Ids that are already present are left unchanged.
    void load(std::span<const ActiveAlert> alerts);
    // False if there is no alert with this id.
    bool remove(const Uuid& id);
    bool contains(const Uuid& id) const { return by_id_.contains(id); }

    // The ticker's price is now `value`: appends the ids of all alerts that it fires, and removes them. First
    // alerts above by ascending target, then alerts below by descending target; equal targets in any order.
    void on_price(Ticker ticker, Decimal value, std::vector<Uuid>& fired);
    // Removes and returns the alerts that `value` would fire and that were created at or after `made_from`:
    // for a past price that was no longer in effect by then. load() puts them back.
    std::vector<ActiveAlert> take_younger(Ticker ticker, Decimal value, Timestamp made_from);
    // The ticker has no price: alerts added from now on wait for the next one.
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
        Decimal best;  // the target that fires first; valid while keys is not empty
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
    // The id index holds slots and compares the ids stored in them, so that each id is stored once.
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

    // Alerts are stored in pages that never move, so growing copies nothing and wastes at most a page.
    static constexpr std::size_t page_size = 4096;
    std::vector<std::unique_ptr<Stored[]>> pages_;
    std::vector<Slot> free_;
    Slot used_ = 0;
    std::vector<std::unique_ptr<Line>> lines_;
    absl::flat_hash_map<Ticker, std::uint16_t> line_by_ticker_;
    absl::flat_hash_set<Slot, IdHash, IdEqual> by_id_;
};

}  // namespace pricewire::alert
