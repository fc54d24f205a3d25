#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "deliver/dispatcher.hpp"
#include "deliver/endpoints.hpp"
#include "deliver/held.hpp"
#include "deliver/intake.hpp"
#include "deliver/retry.hpp"
#include "deliver/secret_log.hpp"
#include "deliver/write_back.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

// What becomes of a dispatcher's claims: decided, counted, logged, told to whoever listens, and passed to WriteBack. One
// thread.
class Outcomes {
public:
    // All outlive it.
    Outcomes(const SenderOptions& options, const Clock& clock, std::uint64_t seed, WriteBack& write_back,
             Intake& intake, Endpoints& endpoints)
        : options_(options),
          clock_(clock),
          rng_(seed),
          write_back_(write_back),
          intake_(intake),
          endpoints_(endpoints) {}

    // They were claimed for this sender.
    void tell_claimed(std::span<const ClaimedDelivery> claimed) const;
    // An attempt has ended. True if with it the deliveries end that go together with this one.
    bool of_attempt(Held& held, const AttemptResult& result);
    // The attempt was not made, since its URL is refused.
    void of_refused_url(const ClaimedDelivery& claimed, const std::string& why);
    // It ends or waits without an attempt; `endpoint` is as for log_outcome().
    void without_attempt(const ClaimedDelivery& claimed, DeliveryOutcome outcome,
                         const std::string& endpoint) {
        write(claimed, std::move(outcome), endpoint, net::HttpError::none);
    }
    // It waits for a key that opens its user's secret.
    void put_off_for_secret(const Held& held, const std::string& reason);
    // It waits for something that we lack ourselves.
    void put_off_for_ourselves(const Held& held, const AttemptResult& result);
    // It goes back to the database until its endpoint has room.
    void defer(const Held& held);
    // Another sender is in charge of its user: it is due, for that one.
    void give_back(const ClaimedDelivery& claimed, Timestamp lease_until);

    void add_to(SenderStats& stats) const;

private:
    void write(const ClaimedDelivery& claimed, DeliveryOutcome outcome, const std::string& endpoint,
               net::HttpError error);

    const SenderOptions& options_;
    const Clock& clock_;
    Rng rng_;
    WriteBack& write_back_;
    Intake& intake_;
    Endpoints& endpoints_;
    log::LineBudget attempts_told_{"webhook attempts", 200};
    SecretLog secrets_told_;
    SenderStats counted_;
};

}  // namespace pricewire::deliver
