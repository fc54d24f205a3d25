#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
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
#include "deliver/write_back.hpp"
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
    // its lease, all. True if slots() may have changed.
    bool follow(HeldById& held, Outcomes& outcomes);
    // An attempt has.
    void ended(const Uuid& delivery) { leaving_.erase(delivery); }
    // Whether it has said that it has nothing of others by this view; until then outcomes are written at once.
    bool is_settled() const { return !charge_ || settled_view_ == charge_->view; }
    // Outcomes and deferrals have been written to the database. With nothing under way for users of others, and what was
    // learnt of their endpoints written too, the sender is settled.
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

    // Writes the breakers of what was lost, and reads breakers and lanes of what was gained: of these as many as one step may.
    // Throws what the storage throws.
    void catch_up(WriteBack& write_back);
    // Writes those that have changed; of users of others these do. Throws what the storage throws.
    void write_breakers(WriteBack& write_back);
    std::vector<Breaker> unwritten_breakers();

private:
    bool take_charge(HeldById& held, Outcomes& outcomes);
    void let_go(const UserSlots& lost, HeldById& held, Outcomes& outcomes);
    static void give_back(std::span<const Uuid> waiting, HeldById& held, Outcomes& outcomes);
    void read();
    void keep(Breaker&& breaker);
    bool is_alone() const { return !options_.charge; }

    const SenderOptions& options_;
    Endpoints& endpoints_;
    storage::Outbox& storage_;
    const Clock& clock_;
    Slots slots_;
    std::shared_ptr<const Charge> charge_;
    std::unordered_set<Uuid> leaving_;  // under way for users of others
    std::string settled_view_;
    std::map<std::pair<Uuid, std::string>, Breaker> unwritten_;  // by user and endpoint
    UserSlots to_read_ = UserSlots().set();  // whose breakers and lanes are to be read; at the start all
    std::string lanes_after_;                // those up to this one have been; empty: none, nor breakers
};

}  // namespace pricewire::deliver
