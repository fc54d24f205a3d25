#include "deliver/write_back.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "base/log.hpp"
#include "deliver/request.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t record_batch = 1000;
constexpr std::size_t defer_batch = 2000;
// Outcomes wait this long for more, unless there are some already: a transaction of few costs most of one of many, and the
// longest wait is shorter than the transaction.
constexpr Duration record_delay = milliseconds{1};
constexpr std::size_t record_early = 16;
// Deferrals can wait: until their leases end nobody else claims them.
constexpr Duration defer_delay = milliseconds{50};
constexpr std::size_t defer_early = 500;
constexpr Duration breakers_every = seconds{1};
// What is counted by endpoint is written at once where nothing was for this long, and is then not written again for as long:
// in a burst it would be a third of the work.
constexpr Duration count_every = seconds{1};

}  // namespace

void StorageGate::failed(const std::exception& e) {
    if (++failures_ == 1) {
        log::error(
            "deliveries can be neither claimed nor recorded; outcomes are kept, and delivery continues "
            "when the database is back",
            {{"reason", e.what()}});
    }
    static constexpr BackoffPolicy backoff{milliseconds{100}, seconds{5}};
    retry_at_ = clock_.mono() + backoff.equal_jitter(failures_, rng_);
}

void StorageGate::answered() {
    if (std::exchange(failures_, 0) > 0) log::info("deliveries are claimed and recorded again");
}

void WriteBack::add(DeliveryOutcome outcome) {
    if (outcomes_.empty()) first_outcome_at_ = clock_.mono();
    urgent_ = urgent_ || outcome.disable_endpoint || outcome.push_gone;
    outcomes_.push_back(std::move(outcome));
}

void WriteBack::add(Deferral deferral, Timestamp lease_until) {
    if (deferrals_.empty()) first_deferral_at_ = clock_.mono();
    deferrals_.push_back({std::move(deferral), lease_until});
}

bool WriteBack::full() const {
    return outcomes_.size() >= record_batch || deferrals_.size() >= 2 * defer_batch;
}

MonoTime WriteBack::record_at(bool at_once) const {
    if (urgent_ || at_once || outcomes_.size() >= record_early) return first_outcome_at_;
    return first_outcome_at_ + record_delay;
}

MonoTime WriteBack::defer_at() const {
    if (deferrals_.size() >= defer_early) return first_deferral_at_;
    return first_deferral_at_ + defer_delay;
}

void WriteBack::step(bool at_once) {
    if (gate_.closed()) return;
    const MonoTime now = clock_.mono();
    try {
        if (!outcomes_.empty() && now >= record_at(at_once)) {
            while (!outcomes_.empty()) record_some();
            gate_.answered();
        }
        if (!deferrals_.empty() && now >= defer_at()) write_deferrals();
        count_calls();
    } catch (const std::exception& e) {
        gate_.failed(e);
    }
}

template <typename Written>
void WriteBack::tell(std::span<const Written> written) {
    if (!changed_) return;
    std::vector<DeliveryNotice> notices;
    notices.reserve(written.size());
    for (const Written& w : written) notices.push_back({w.user_id, w.delivery_id});
    changed_(notices);
}

void WriteBack::record_some() {
    const std::size_t n = std::min(outcomes_.size(), record_batch);
    const std::span<const DeliveryOutcome> written = std::span(outcomes_).first(n);
    for (storage::DisabledEndpoint& gone : storage_.record(written)) {
        if (told_.take(clock_.mono())) {
            log::warn("a receiver refuses its user's webhooks; the user's deliveries to this URL end",
                      {{"user_id", gone.user_id.to_string()},
                       {"endpoint", host_in(gone.webhook_url)},
                       {"reason", gone.reason}});
        }
        disabled_.push_back(std::move(gone));
    }
    count_calls();
    tell(written);
    outcomes_.erase(outcomes_.begin(), outcomes_.begin() + static_cast<std::ptrdiff_t>(n));
    if (outcomes_.empty()) urgent_ = false;
}

void WriteBack::count_calls() {
    if (clock_.mono() < count_at_ || storage_.uncounted() == 0) return;
    try {
        storage_.count_calls();
    } catch (const std::exception& e) {
        // Deliveries do not wait for it.
        if (!std::exchange(counting_fails_, true)) {
            log::error(
                "attempts cannot be counted by endpoint; they are counted later, as far as there is room",
                {{"reason", e.what()}});
        }
        count_at_ = clock_.mono() + count_every;
        return;
    }
    if (std::exchange(counting_fails_, false)) log::info("attempts are counted by endpoint again");
    // Others come after what has gathered meanwhile.
    if (storage_.uncounted() == 0) count_at_ = clock_.mono() + count_every;
}

void WriteBack::write_deferrals() {
    const Timestamp now = clock_.now();
    std::erase_if(deferrals_, [&](const Deferred& d) { return d.lease_until <= now; });
    while (!deferrals_.empty()) {
        const std::size_t n = std::min(deferrals_.size(), defer_batch);
        std::vector<Deferral> batch;
        batch.reserve(n);
        for (std::size_t i = 0; i < n; ++i) batch.push_back(deferrals_[i].deferral);
        storage_.defer(batch);
        tell(std::span<const Deferral>(batch));
        deferrals_.erase(deferrals_.begin(), deferrals_.begin() + static_cast<std::ptrdiff_t>(n));
        gate_.answered();
    }
}

void WriteBack::write_breakers(std::vector<Breaker> breakers) {
    breakers_at_ = clock_.mono() + breakers_every;
    storage_.save_breakers(breakers);
}

void WriteBack::finish(std::vector<Breaker> breakers) {
    try {
        while (!outcomes_.empty()) record_some();
        write_deferrals();
        storage_.release_claims(owner_);
        if (!breakers.empty()) write_breakers(std::move(breakers));
    } catch (const std::exception& e) {
        log::error(
            "the sender could not write its last outcomes; these deliveries are attempted again with the "
            "same webhook-id after the next start",
            {{"reason", e.what()}, {"attempts", std::to_string(outcomes())}});
        return;
    }
    try {
        while (storage_.uncounted() > 0) storage_.count_calls();
    } catch (const std::exception& e) {
        log::warn("the last attempts could not be counted by endpoint", {{"reason", e.what()}});
    }
}

std::optional<MonoTime> WriteBack::next_step(bool at_once) const {
    std::optional<MonoTime> at;
    if (!outcomes_.empty()) at = record_at(at_once);
    if (!deferrals_.empty()) at = at ? std::min(*at, defer_at()) : defer_at();
    if (storage_.uncounted() > 0) at = at ? std::min(*at, count_at_) : count_at_;
    if (at) at = std::max(*at, gate_.opens_at());
    return at;
}

}  // namespace pricewire::deliver
