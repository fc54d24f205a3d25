#pragma once

#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "deliver/breaker.hpp"
#include "deliver/dispatcher.hpp"
#include "deliver/endpoints.hpp"
#include "deliver/held.hpp"
#include "deliver/outcomes.hpp"
#include "deliver/slots.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// Keeps a dispatcher to the users of whom its sender is in charge: what is known of their endpoints is read when they come,
// and forgotten when they go. One thread.
class InCharge {
public:
    InCharge(const SenderOptions& options, Endpoints& endpoints, storage::Outbox& storage, const Clock& clock)
        : options_(options),
          endpoints_(endpoints),
          storage_(storage),
          clock_(clock),
          slots_(options.timeout) {}

    // Takes over what has changed, and gives back what waits for users of whom another sender is in charge now: at the end of
    // its lease, all. False if no user has come or gone.
    bool follow(HeldById& held, Outcomes& outcomes);
    // An attempt has.
    void ended(const Uuid& delivery) { leaving_.erase(delivery); }
    // What is to be written to the database has been. With nothing under way for users of others, the sender is settled.
    void all_written();

    bool owns(const Uuid& user) const { return is_alone() || slots_.owns(user); }
    bool owns_all() const { return is_alone() || slots_.owned().all(); }
    // For claims; nullopt: all.
    std::optional<UserSlots> slots() const {
        return owns_all() ? std::nullopt : std::optional(slots_.owned());
    }
    // Until when, as far as is known.
    MonoTime until() const {
        if (is_alone()) return MonoTime::max();
        return charge_ ? charge_->until : MonoTime::min();
    }

    bool must_read() const { return read_lanes_.any(); }
    // Reads the breakers and lanes of what was gained. Throws what the storage throws.
    void read();
    // Breakers to write: changes of the others are theirs.
    std::vector<Breaker> take_changed_breakers();

private:
    bool take_charge(HeldById& held, Outcomes& outcomes);
    void let_go(const UserSlots& lost, HeldById& held, Outcomes& outcomes);
    static void give_back(std::span<const Uuid> waiting, HeldById& held, Outcomes& outcomes);
    bool is_alone() const { return !options_.charge; }

    const SenderOptions& options_;
    Endpoints& endpoints_;
    storage::Outbox& storage_;
    const Clock& clock_;
    Slots slots_;
    std::shared_ptr<const Charge> charge_;
    std::unordered_set<Uuid> leaving_;  // under way for users of others
    std::string settled_view_;
    // Slots for which that is to be read; at the start all.
    UserSlots read_breakers_ = UserSlots().set(), read_lanes_ = UserSlots().set();
};

}  // namespace pricewire::deliver
