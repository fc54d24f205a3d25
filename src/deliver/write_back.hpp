#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "deliver/breaker.hpp"
#include "domain/delivery.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// Whether the storage may be used: after an error it is not for a while, longer each time. Logs once that it
// is away and once that it is back.
class StorageGate {
public:
    StorageGate(const Clock& clock, std::uint64_t seed) : clock_(clock), rng_(seed) {}

    bool closed() const { return clock_.mono() < retry_at_; }
    MonoTime opens_at() const { return retry_at_; }
    void failed(const std::exception& e);
    void answered();

private:
    const Clock& clock_;
    Rng rng_;
    int failures_ = 0;
    MonoTime retry_at_;
};

// Writes a dispatcher's outcomes and deferrals in batches, and once a second breakers that have changed and what is counted
// by endpoint.
// Keeps them while the storage is away. One thread.
class WriteBack {
public:
    // `changed` gets outcomes and deferrals that were written; may be empty.
    WriteBack(const std::string& owner, storage::Outbox& storage, const Clock& clock, StorageGate& gate,
              std::function<void(std::span<const DeliveryNotice>)> changed = {})
        : owner_(owner), storage_(storage), clock_(clock), gate_(gate), changed_(std::move(changed)) {}

    // An outcome that disables an endpoint is written at the next step, so that later claims see it.
    void add(DeliveryOutcome outcome);
    // Dropped if the lease ends before it could be written: the delivery is then due again anyway.
    void add(Deferral deferral, Timestamp lease_until);
    // Whether so many are kept that claiming has to wait.
    bool full() const;
    std::size_t outcomes() const { return outcomes_.size(); }
    std::size_t deferrals() const { return deferrals_.size(); }
    bool empty() const { return outcomes_.empty(); }

    // Writes what is due: outcomes when there are some, or after a moment, or if nothing starts without that (`at_once`).
    // Errors go to the gate.
    void step(bool at_once);
    // URLs that were disabled for refusing too often, since the last call.
    std::vector<storage::DisabledEndpoint> take_disabled() { return std::exchange(disabled_, {}); }
    // Claims that others have taken over need not be given back.
    void forget_deferrals() { deferrals_.clear(); }
    // Writes deferrals now. Throws what the storage throws.
    void write_deferrals();
    void write_breakers(std::vector<Breaker> breakers);
    bool breakers_due() const { return clock_.mono() >= breakers_at_; }
    // Writes all that is left, and gives every claim back. An error is logged.
    void finish(std::vector<Breaker> breakers);

    // When step() has something to do; nullopt if nothing is left to write.
    std::optional<MonoTime> next_step(bool at_once) const;

private:
    struct Deferred {
        Deferral deferral;
        Timestamp lease_until;
    };

    MonoTime record_at(bool at_once) const;
    MonoTime defer_at() const;
    void record_some();
    void count_calls();
    template <typename Written>
    void tell(std::span<const Written> written);

    const std::string owner_;
    storage::Outbox& storage_;
    const Clock& clock_;
    StorageGate& gate_;
    const std::function<void(std::span<const DeliveryNotice>)> changed_;
    std::vector<DeliveryOutcome> outcomes_;
    MonoTime first_outcome_at_;
    bool urgent_ = false;
    std::vector<storage::DisabledEndpoint> disabled_;
    log::LineBudget told_{"receivers that refuse webhooks", 5};
    std::vector<Deferred> deferrals_;
    MonoTime first_deferral_at_;
    MonoTime breakers_at_;
    MonoTime count_at_;  // if there is something
    bool counting_fails_ = false;
};

}  // namespace pricewire::deliver
