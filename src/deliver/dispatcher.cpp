#include "deliver/dispatcher.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "deliver/request.hpp"

namespace pricewire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t claim_batch = 500;
constexpr std::size_t record_batch = 1000;
// Outcomes wait this long for company, unless there are many or nothing else is under way.
constexpr Duration record_delay = milliseconds{2};
constexpr std::size_t record_early = 256;
// Claiming goes on while fewer deliveries than this wait for room at endpoints that move.
constexpr std::size_t refill_mark = 128;
constexpr std::size_t max_waiting = 32'768;
constexpr std::size_t max_waiting_per_endpoint = 8'192;
// How often the database is asked at least, and at most, when it has been found empty.
constexpr Duration poll_interval = seconds{1};
constexpr Duration poll_floor = milliseconds{20};
// A lease is this much longer than an attempt: the time a claimed delivery may wait for room.
constexpr Duration lease_slack = seconds{30};

struct Endpoint;

struct Held {
    ClaimedDelivery claimed;
    Timestamp lease_until;
    Endpoint* endpoint = nullptr;
    MonoTime waiting_since;
    Timestamp started_at;
    bool in_flight = false;
};

// One scheme, host and port.
struct Endpoint {
    std::string name;
    std::string host;
    std::size_t in_flight = 0;
    std::deque<Held*> waiting;
    bool listed = false;  // in ready_
    MonoTime moved_at;    // an attempt ended, or the first one started
};

class RealDispatcher : public Dispatcher {
public:
    RealDispatcher(const SenderOptions& options, std::shared_ptr<const DispatcherWires> wires,
                   Storage& storage, net::HttpClient& client, const Clock& clock, std::uint64_t seed)
        : options_(options),
          concurrency_(std::max<std::size_t>(options.concurrency, 1)),
          per_endpoint_(
              std::clamp<std::size_t>(options.per_endpoint, 1, std::max<std::size_t>(concurrency_ / 4, 1))),
          wires_(std::move(wires)),
          storage_(storage),
          client_(client),
          clock_(clock),
          rng_(seed),
          next_poll_(clock.mono()) {}

    void on_tasks(std::span<const DeliveryTask> tasks, bool complete) override {
        if (stopping_) return;
        const std::size_t room = options_.max_hints - std::min(options_.max_hints, hints_.size());
        const std::size_t taken = std::min(room, tasks.size());
        hints_.insert(hints_.end(), tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(taken));
        if (taken < tasks.size() || !complete) hints_missing_ = true;
    }

    void on_completed(CompletedAttempt completed) override {
        const auto it = held_.find(completed.delivery_id);
        if (it == held_.end() || !it->second.in_flight) return;
        Held& held = it->second;
        Endpoint& endpoint = *held.endpoint;
        endpoint.moved_at = clock_.mono();
        --endpoint.in_flight;
        --in_flight_;
        settle(held.claimed, held.started_at, completed.result, endpoint.host);
        held_.erase(it);
        list_if_ready(endpoint);
        drop_if_unused(endpoint);
    }

    MonoTime step() override {
        record_outcomes();
        start_waiting();
        claim();
        return next_step();
    }

    void begin_stop() override {
        stopping_ = true;
        hints_.clear();
        // What waits was not attempted: finish() gives its claims back.
        ready_.clear();
        for (auto it = endpoints_.begin(); it != endpoints_.end();) {
            Endpoint& endpoint = it->second;
            for (const Held* held : endpoint.waiting) {
                const Uuid id = held->claimed.id;
                held_.erase(id);
            }
            endpoint.waiting.clear();
            endpoint.listed = false;
            it = endpoint.in_flight == 0 ? endpoints_.erase(it) : std::next(it);
        }
        waiting_ = 0;
    }

    bool idle() const override { return in_flight_ == 0 && outcomes_.empty(); }

    void finish() override {
        begin_stop();
        try {
            while (!outcomes_.empty()) record_some();
            storage_.release_claims(options_.owner);
        } catch (const std::exception& e) {
            log::error(
                "the sender could not write its last outcomes; these deliveries are attempted again, under "
                "the same webhook-id, after the next start",
                {{"reason", e.what()}, {"attempts", std::to_string(outcomes_.size())}});
        }
    }

    SenderStats stats() const override {
        SenderStats s = stats_;
        s.in_flight = in_flight_;
        s.waiting = waiting_;
        s.unrecorded = outcomes_.size();
        return s;
    }

private:
    // Recording.

    bool storage_paused() const { return clock_.mono() < storage_retry_at_; }

    void storage_failed(const std::exception& e) {
        if (++storage_failures_ == 1) {
            log::error(
                "deliveries can be neither claimed nor recorded; outcomes are kept, and delivery goes on "
                "when the database is back",
                {{"reason", e.what()}});
        }
        static constexpr BackoffPolicy backoff{milliseconds{100}, seconds{5}};
        storage_retry_at_ = clock_.mono() + backoff.equal_jitter(storage_failures_, rng_);
    }

    void storage_answered() {
        if (std::exchange(storage_failures_, 0) > 0) log::info("deliveries are claimed and recorded again");
    }

    MonoTime record_at() const {
        if (outcomes_.size() >= record_early || in_flight_ == 0) return first_outcome_at_;
        return first_outcome_at_ + record_delay;
    }

    void record_outcomes() {
        if (outcomes_.empty() || storage_paused() || clock_.mono() < record_at()) return;
        try {
            while (!outcomes_.empty()) record_some();
            storage_answered();
        } catch (const std::exception& e) {
            storage_failed(e);
        }
    }

    void record_some() {
        const std::size_t n = std::min(outcomes_.size(), record_batch);
        storage_.record(std::span(outcomes_).first(n));
        outcomes_.erase(outcomes_.begin(), outcomes_.begin() + static_cast<std::ptrdiff_t>(n));
    }

    // An attempt has ended, or could not begin.
    void settle(const ClaimedDelivery& delivery, Timestamp started_at, const AttemptResult& result,
                const std::string& host) {
        const Timestamp now = clock_.now();
        DeliveryOutcome outcome =
            decide({.delivery_id = delivery.id, .number = delivery.attempt, .started_at = started_at}, result,
                   options_.retry, now, rng_);
        ++stats_.attempts;
        if (outcome.next == DeliveryState::delivered) ++stats_.delivered;
        if (outcome.next == DeliveryState::pending) {
            next_poll_ = std::min(next_poll_, clock_.mono() + (*outcome.next_attempt_at - now));
        }
        if (outcome.next == DeliveryState::failed) {
            ++stats_.failed;
            log::warn("a webhook could not be delivered; its attempts are spent",
                      {{"delivery_id", delivery.id.to_string()},
                       {"alert_id", delivery.alert.id.to_string()},
                       {"host", host},
                       {"attempts", std::to_string(delivery.attempt)},
                       {"reason", outcome.reason}});
        } else if (log::enabled(log::Level::debug)) {
            log::debug("webhook attempt", {{"delivery_id", delivery.id.to_string()},
                                           {"attempt", std::to_string(delivery.attempt)},
                                           {"host", host},
                                           {"status", std::to_string(result.status)},
                                           {"ms", std::to_string(result.duration / milliseconds{1})},
                                           {"next", std::string(to_string(outcome.next))},
                                           {"reason", outcome.reason}});
        }
        if (outcomes_.empty()) first_outcome_at_ = clock_.mono();
        outcomes_.push_back(std::move(outcome));
    }

    // Claiming.

    bool stalled(const Endpoint& endpoint, MonoTime now) const {
        return now - endpoint.moved_at > milliseconds{250} ||
               now - endpoint.waiting.front()->waiting_since > seconds{1};
    }

    // Whether there is use for more deliveries. Those that wait behind an endpoint which does not move count
    // for nothing: the others must not wait for it.
    bool wants_more() const {
        if (stopping_ || in_flight_ >= concurrency_ || outcomes_.size() >= record_batch || storage_paused() ||
            clock_.mono() < claim_pause_until_) {
            return false;
        }
        if (waiting_ < refill_mark) return true;
        const MonoTime now = clock_.mono();
        std::size_t moving = 0;
        for (const auto& [name, endpoint] : endpoints_) {
            if (!endpoint.waiting.empty() && !stalled(endpoint, now)) moving += endpoint.waiting.size();
        }
        return moving < refill_mark;
    }

    void claim() {
        try {
            if (!released_ && !stopping_ && !storage_paused()) {
                const std::size_t left = storage_.release_claims(options_.owner);
                released_ = true;
                storage_answered();
                if (left > 0) {
                    log::info("deliveries under way when the sender ended last are attempted again",
                              {{"deliveries", std::to_string(left)}});
                }
            }
            while (wants_more() && (claim_due() || claim_hinted())) start_waiting();
        } catch (const std::exception& e) {
            storage_failed(e);
        }
    }

    Claim new_claim(Timestamp now) const { return {options_.owner, now + options_.timeout + lease_slack}; }

    // False where the database need not be asked now, or had nothing.
    bool claim_due() {
        if (hints_missing_ && hints_.empty()) {
            hints_missing_ = false;
            next_poll_ = clock_.mono();
        }
        if (clock_.mono() < next_poll_) return false;
        const Timestamp now = clock_.now();
        std::optional<Timestamp> due = storage_.next_due();
        std::size_t claimed = 0;
        if (due && *due <= now) {
            claimed = accept(storage_.claim_due(now, claim_batch, new_claim(now)), now);
            if (claimed < claim_batch) due = storage_.next_due();
        }
        storage_answered();
        if (claimed == claim_batch) return true;
        const Duration wait = due ? std::clamp(*due - now, poll_floor, poll_interval) : poll_interval;
        next_poll_ = clock_.mono() + wait;
        return claimed > 0;
    }

    // False where nothing is hinted at.
    bool claim_hinted() {
        if (hints_.empty()) return false;
        const std::size_t n = std::min(hints_.size(), claim_batch);
        const std::vector<DeliveryTask> tasks(hints_.begin(),
                                              hints_.begin() + static_cast<std::ptrdiff_t>(n));
        const Timestamp now = clock_.now();
        accept(storage_.claim(tasks, now, new_claim(now)), now);
        hints_.erase(hints_.begin(), hints_.begin() + static_cast<std::ptrdiff_t>(n));
        storage_answered();
        return true;
    }

    std::size_t accept(std::vector<ClaimedDelivery> claimed, Timestamp now) {
        const Timestamp lease_until = new_claim(now).lease_until;
        for (ClaimedDelivery& delivery : claimed) accept(std::move(delivery), lease_until);
        return claimed.size();
    }

    void accept(ClaimedDelivery&& delivery, Timestamp lease_until) {
        if (const auto it = held_.find(delivery.id); it != held_.end()) {
            // Its lease had ended while it waited here: now it has a new one.
            it->second.lease_until = lease_until;
            return;
        }
        // Judged again, as the configuration may have changed since the alert was created.
        const auto url = net::parse_webhook_url(delivery.alert.webhook_url, wires_->urls);
        if (!url) {
            settle(delivery, clock_.now(),
                   {.error = net::HttpError::bad_url, .error_text = url.error().message},
                   host_in(delivery.alert.webhook_url));
            return;
        }
        Endpoint& endpoint = endpoint_of(*url);
        if (endpoint.waiting.size() >= max_waiting_per_endpoint || waiting_ >= max_waiting) {
            // Left to its lease: the database offers it again when that ends. The pause keeps a long queue
            // before one endpoint from being claimed in vain as fast as the database can.
            claim_pause_until_ = clock_.mono() + milliseconds{250};
            return;
        }
        const Uuid id = delivery.id;
        Held& held = held_[id];
        held.claimed = std::move(delivery);
        held.lease_until = lease_until;
        held.endpoint = &endpoint;
        held.waiting_since = clock_.mono();
        endpoint.waiting.push_back(&held);
        ++waiting_;
        list_if_ready(endpoint);
    }

    // Starting.

    Endpoint& endpoint_of(const net::WebhookUrl& url) {
        std::string name = url.scheme + "://" + url.host + ":" + std::to_string(url.port);
        const auto [it, fresh] = endpoints_.try_emplace(std::move(name));
        if (fresh) {
            it->second.name = it->first;
            it->second.host = url.host;
            it->second.moved_at = clock_.mono();
        }
        return it->second;
    }

    void list_if_ready(Endpoint& endpoint) {
        if (endpoint.listed || endpoint.waiting.empty() || endpoint.in_flight >= per_endpoint_) return;
        endpoint.listed = true;
        ready_.push_back(&endpoint);
    }

    void drop_if_unused(Endpoint& endpoint) {
        if (endpoint.in_flight > 0 || endpoint.listed || !endpoint.waiting.empty()) return;
        const std::string name = endpoint.name;
        endpoints_.erase(name);
    }

    // One of each endpoint in turn, while there is room.
    void start_waiting() {
        while (in_flight_ < concurrency_ && !ready_.empty()) {
            Endpoint& endpoint = *ready_.front();
            ready_.pop_front();
            endpoint.listed = false;
            Held& held = *endpoint.waiting.front();
            endpoint.waiting.pop_front();
            --waiting_;
            // An attempt that could outlast its lease might be made by two: its claim is left to end.
            if (clock_.now() + options_.timeout > held.lease_until || !start(held)) {
                const Uuid id = held.claimed.id;
                held_.erase(id);
            }
            list_if_ready(endpoint);
            drop_if_unused(endpoint);
        }
    }

    // False where the attempt ended before it began.
    bool start(Held& held) {
        const ClaimedDelivery& delivery = held.claimed;
        held.started_at = clock_.now();
        auto request = webhook_request(delivery, held.started_at, options_.user_agent);
        if (!request) {
            settle(delivery, held.started_at,
                   {.error = net::HttpError::bad_url, .error_text = request.error().message},
                   held.endpoint->host);
            return false;
        }
        request->timeout = options_.timeout;
        request->verify_tls = options_.verify_tls;
        request->guard = &wires_->urls.guard;

        held.in_flight = true;
        ++held.endpoint->in_flight;
        ++in_flight_;
        client_.start(std::move(*request), [wires = wires_,
                                            delivery_id = delivery.id](net::HttpResult result) {
            wires->completed(
                {delivery_id, {result.error, std::move(result.error_text), result.status, result.duration}});
        });
        return true;
    }

    MonoTime next_step() const {
        const MonoTime now = clock_.mono();
        MonoTime next = now + poll_interval;
        if (!stopping_ && !released_) {
            next = std::max(now, storage_retry_at_);
        } else if (!stopping_ && in_flight_ < concurrency_) {
            // Without room, results are what brings it, and they come by themselves.
            const MonoTime allowed = std::max(storage_retry_at_, claim_pause_until_);
            next = std::min(next, std::max(next_poll_, allowed));
            // Endpoints may count as stalled a moment later.
            if (!hints_.empty()) next = std::min(next, std::max(now + milliseconds{50}, allowed));
            next = std::max(next, now + poll_floor);
        }
        if (!outcomes_.empty()) next = std::min(next, std::max(record_at(), storage_retry_at_));
        return next;
    }

    const SenderOptions options_;
    const std::size_t concurrency_;
    const std::size_t per_endpoint_;
    const std::shared_ptr<const DispatcherWires> wires_;
    Storage& storage_;
    net::HttpClient& client_;
    const Clock& clock_;
    Rng rng_;

    std::unordered_map<Uuid, Held> held_;  // claimed: waiting or in flight
    std::unordered_map<std::string, Endpoint> endpoints_;
    std::deque<Endpoint*> ready_;  // something waits, and there is room for it at the endpoint
    std::size_t in_flight_ = 0;
    std::size_t waiting_ = 0;

    std::deque<DeliveryTask> hints_;
    bool hints_missing_ = false;
    MonoTime next_poll_;
    MonoTime claim_pause_until_;

    std::vector<DeliveryOutcome> outcomes_;
    MonoTime first_outcome_at_;

    int storage_failures_ = 0;
    MonoTime storage_retry_at_;

    bool released_ = false;
    bool stopping_ = false;
    SenderStats stats_;
};

}  // namespace

std::unique_ptr<Dispatcher> create_dispatcher(const SenderOptions& options,
                                              std::shared_ptr<const DispatcherWires> wires, Storage& storage,
                                              net::HttpClient& client, const Clock& clock,
                                              std::uint64_t seed) {
    return std::make_unique<RealDispatcher>(options, std::move(wires), storage, client, clock, seed);
}

}  // namespace pricewire
