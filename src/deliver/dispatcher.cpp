#include "deliver/dispatcher.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "deliver/attempt_budget.hpp"
#include "deliver/breaker_log.hpp"
#include "deliver/endpoint_use.hpp"
#include "deliver/endpoints.hpp"
#include "deliver/held.hpp"
#include "deliver/in_charge.hpp"
#include "deliver/intake.hpp"
#include "deliver/last_chance.hpp"
#include "deliver/outcomes.hpp"
#include "deliver/peers.hpp"
#include "deliver/request.hpp"
#include "deliver/requests.hpp"
#include "deliver/write_back.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration longest_sleep = seconds{1};
// Among others: what another sender is in charge of is given back by then.
constexpr Duration longest_sleep_among_others = milliseconds{250};
constexpr Duration shortest_sleep = milliseconds{20};
// What the HTTP client has not begun is served in the order in which it was started, whoever it belongs to: whose
// turn it is is decided as late as keeps the client busy.
constexpr std::size_t most_not_begun = 32;
constexpr Duration client_catches_up_within = milliseconds{1};
// A lease exceeds an attempt by this: the time that a claimed delivery may wait for room.
constexpr Duration lease_slack = seconds{30};
constexpr Duration tidy_every = seconds{10};

class RealDispatcher : public Dispatcher {
public:
    RealDispatcher(const SenderOptions& options, std::shared_ptr<const DispatcherWires> wires,
                   storage::Outbox& storage, net::HttpClient& client, const secrets::SecretBox& secrets,
                   const Clock& clock, std::uint64_t seed)
        : options_(options),
          wires_(std::move(wires)),
          storage_(storage),
          client_(client),
          clock_(clock),
          gate_(clock, seed + 1),
          write_back_(options.owner, storage, clock, gate_, options.changed),
          intake_(options.owner, options.timeout + lease_slack, options.max_hints,
                  options.alive_for > Duration::zero(), storage, clock),
          endpoints_(policy_of(options, client), seed + 2),
          outcomes_(options_, clock, seed, write_back_, intake_, endpoints_),
          peers_(options.owner, options.alive_for, storage, clock),
          in_charge_(options_, endpoints_, storage, clock),
          budget_(options.attempts_by_user),
          requests_(options.push_key, options.push_contact, options.user_agent, secrets,
                    options.traced_percent) {}

    void on_tasks(std::span<const queue::QueuedTask> tasks, bool complete) override {
        if (!stopping_) intake_.on_tasks(tasks, complete);
    }

    std::optional<Offer> offer() override {
        if (!prepared_ || !wants_more() || endpoints_.moving() > 0 || !intake_.idle()) return std::nullopt;
        if (!in_charge_.owns_all()) return std::nullopt;
        return Offer{intake_.new_claim(clock_.now(), {}), std::min(peers_.alive_until(), in_charge_.until())};
    }

    void on_claimed(std::vector<ClaimedDelivery> claimed, Timestamp lease_until) override {
        // finish() gives them back.
        if (stopping_) return;
        std::erase_if(claimed, [&](const ClaimedDelivery& one) { return hear_of_commit(one.id); });
        if (!peers_.alive() || intake_.is_from_earlier_life(lease_until))
            return intake_.doubt(claimed, lease_until);
        outcomes_.tell_claimed(claimed);
        for (ClaimedDelivery& one : claimed) accept(std::move(one), lease_until, false);
    }

    void on_coming(std::vector<ClaimedDelivery> coming, Timestamp lease_until,
                   std::shared_ptr<Launch> launch) override {
        if (stopping_ || !peers_.alive()) return;
        for (ClaimedDelivery& one : coming) {
            if (one.push || held_.contains(one.id) || !in_charge_.owns(one.alert.user_id)) continue;
            const auto url = net::parse_webhook_url(one.alert.webhook_url, wires_->urls);
            if (!url) continue;
            Held held = held_for(std::move(one), *url, lease_until);
            held.launch = launch;
            offer_room(std::move(held), false);
        }
        start_waiting();
        // Others are treated as any that are claimed, once they are.
        drop_if([&](const Held& held) { return held.launch == launch && !held.in_flight; });
    }

    void on_not_coming(const std::shared_ptr<Launch>& launch) override {
        drop_if([&](const Held& held) { return held.launch == launch; });
    }

    std::vector<std::uint64_t> take_done() override { return intake_.take_done(); }
    std::vector<queue::QueuedTask> take_foreign() override { return intake_.take_foreign(); }

    void on_completed(CompletedAttempt completed) override {
        const auto it = held_.find(completed.delivery_id);
        if (it == held_.end() || !it->second.in_flight) return;
        in_charge_.ended(completed.delivery_id);
        const AttemptResult& result = completed.result;
        Held held = std::move(held_.extract(it).mapped());
        if (held.launch) ended_early_.insert(held.claimed.id);
        if (result.status != 0) Endpoints::answered(*held.endpoint, result.duration, clock_.mono());
        leave_endpoint(held, sign_of(result), failure_of(result, receiver_of(held.claimed)).value_or(""));
        if (result.error == net::HttpError::cancelled) {
            // The client has ended; the receiver has not failed.
            if (!stopping_) outcomes_.defer(held);
            return;
        }
        if (result.error == net::HttpError::local) {
            // With an address something may have been sent: that is what the budget limits.
            if (result.remote_ip.empty()) budget_.give_back(held.claimed.alert.user_id);
            return outcomes_.put_off_for_ourselves(held, result);
        }
        if (outcomes_.of_attempt(held, result)) end_those_that_wait(*held.endpoint, held.claimed);
    }

    MonoTime step() override {
        ++steps_;
        endpoints_.exposure().age(clock_.mono());
        if (!peers_.alive()) forget_what_waits();
        const bool was_last = endpoints_.in_flight() == 0;
        start_waiting();
        write_back_.step(was_last || waits_for_records() || !in_charge_.is_settled());
        if (write_back_.empty() && write_back_.deferrals() == 0) in_charge_.all_written();
        end_refused();
        meet_peers();
        start_waiting();
        claim();
        if (clock_.mono() >= tidy_at_) {
            endpoints_.tidy(clock_.moment());
            tidy_at_ = clock_.mono() + tidy_every;
        }
        return next_step();
    }

    void begin_stop() override {
        stopping_ = true;
        intake_.clear();
        // Waiting deliveries were not attempted: finish() gives their claims back.
        drop_waiting();
        drop_if([](const Held& held) { return held.launch && held.launch->cancel(); });
    }

    bool idle() const override { return endpoints_.in_flight() == 0 && write_back_.empty(); }

    void finish() override {
        begin_stop();
        write_back_.finish(in_charge_.unwritten_breakers());
    }

    SenderStats stats() const override {
        SenderStats s;
        s.steps = steps_;
        outcomes_.add_to(s);
        s.woken = woken_;
        add_to(s, endpoints_);
        s.ended_early = ended_early_.size();
        s.unrecorded = write_back_.outcomes();
        return s;
    }

private:
    // True if its attempt has ended already: its outcome is written, or about to be.
    bool hear_of_commit(const Uuid& id) {
        if (const auto it = held_.find(id); it != held_.end()) it->second.launch.reset();
        return ended_early_.erase(id) > 0;
    }

    void leave_endpoint(const Held& held, Sign sign, std::string_view reason) {
        Endpoints::Endpoint& endpoint = *held.endpoint;
        const Endpoints::Ended ended =
            endpoints_.ended(endpoint, held.claimed.id, sign, reason, clock_.moment());
        breakers_told_.tell(ended, endpoint, reason, clock_.mono());
        for (const Uuid& id : ended.put_out) {
            const auto it = held_.find(id);
            if (!it->second.launch) outcomes_.defer(it->second);
            held_.erase(it);
        }
    }

    // Those claimed before the URL was disabled, or the device removed, were read without that.
    void end_those_that_wait(Endpoints::Endpoint& endpoint, const ClaimedDelivery ended) {
        const auto other = [&](const Uuid& id) { return !go_together(held_.at(id).claimed, ended); };
        for (const Uuid& id : endpoints_.remove_waiting(endpoint, other)) {
            ClaimedDelivery& claimed = held_.at(id).claimed;
            close_destination(claimed, clock_.now());
            outcomes_.without_attempt(claimed, *ended_before(claimed, clock_.now()),
                                      Endpoints::name(endpoint));
            held_.erase(id);
        }
    }

    void end_refused() {
        for (const auto& [user, url, at, reason] : write_back_.take_disabled()) {
            const auto goes = [&](const auto& entry) { return entry.second.goes_to(user, url); };
            const auto it = std::ranges::find_if(held_, goes);
            if (it != held_.end()) end_those_that_wait(*it->second.endpoint, it->second.claimed);
        }
    }

    // Claiming.

    bool wants_more() {
        return !stopping_ && is_alive() && !write_back_.full() && !gate_.closed() && endpoints_.wants_more();
    }

    void claim() {
        claim_goes_on_ = false;
        if (stopping_ || gate_.closed()) return;
        try {
            if (!prepared_) prepare();
            in_charge_.catch_up(write_back_);
            if (peers_.alive()) intake_.give_back_doubtful();
            Intake::Batch batch;
            if (wants_more() && intake_.claim(batch, endpoints_.users_with_enough(clock_.mono()))) {
                gate_.answered();
                claim_goes_on_ = true;
                // Unless the claim took too long: others may have taken it.
                if (peers_.alive()) accept(batch, false);
            }
            claim_goes_on_ = fetch_from_lane() || claim_goes_on_;
            start_waiting();
            if (endpoints_.breakers_changed() && write_back_.breakers_due())
                in_charge_.write_breakers(write_back_);
        } catch (const std::exception& e) {
            gate_.failed(e);
        }
    }

    // Deliveries whose requests have not started.
    void drop_if(const std::function<bool(const Held&)>& is_one) {
        std::vector<Uuid> dropped;
        for (const auto& [id, held] : held_) {
            if (is_one(held)) dropped.push_back(id);
        }
        for (const Uuid& id : dropped) {
            const Held held = std::move(held_.extract(id).mapped());
            if (held.in_flight) {
                in_charge_.ended(id);
                budget_.give_back(held.claimed.alert.user_id);
                leave_endpoint(held, Sign::none, {});
            } else {
                endpoints_.remove_waiting(*held.endpoint, [&](const Uuid& other) { return other != id; });
            }
        }
    }

    void drop_waiting() {
        for (const Uuid& id : endpoints_.remove_all_waiting()) held_.erase(id);
    }

    // Claims are its own, and so are the users that it is in charge of.
    bool is_alive() const { return peers_.alive() && clock_.mono() < in_charge_.until(); }

    void follow_charge() {
        if (in_charge_.follow(held_, outcomes_)) intake_.set_slots(in_charge_.slots());
    }

    // Another sender may have it, and a deferral would take it away; Peers gives back what nobody has.
    void forget_what_waits() {
        drop_waiting();
        write_back_.forget_deferrals();
    }

    void meet_peers() {
        if (gate_.closed() || !prepared_ || !peers_.due()) return;
        try {
            const int revivals = peers_.revivals();
            if (peers_.step()) intake_.ask_now();
            if (peers_.revivals() > revivals) intake_.revived();
            gate_.answered();
        } catch (const std::exception& e) {
            gate_.failed(e);
        }
    }

    // What this sender, or another on its database, left behind.
    void prepare() {
        const std::size_t left = storage_.release_claims(options_.owner);
        if (!peers_.alone()) peers_.step();
        prepared_ = true;
        gate_.answered();
        if (left > 0) {
            log::info("deliveries that were under way when the sender last ended are attempted again",
                      {{"deliveries", std::to_string(left)}});
        }
    }

    void accept(Intake::Batch& batch, bool from_lane) {
        outcomes_.tell_claimed(batch.claimed);
        std::vector<Uuid> refused;
        for (ClaimedDelivery& claimed : batch.claimed) {
            const Uuid user = claimed.alert.user_id;
            if (!accept(std::move(claimed), batch.lease_until, from_lane)) refused.push_back(user);
        }
        if (!from_lane) intake_.no_room_for(std::move(refused));
    }

    // False if it had no room.
    bool accept(ClaimedDelivery&& claimed, Timestamp lease_until, bool from_lane) {
        if (const auto it = held_.find(claimed.id); it != held_.end()) {
            // Its lease ended while it waited here; this is a new one.
            it->second.lease_until = lease_until;
            if (!it->second.in_flight) it->second.claimed = std::move(claimed);
            return true;
        }
        if (!in_charge_.owns(claimed.alert.user_id)) {
            outcomes_.give_back(claimed, lease_until);
            return true;
        }
        if (auto outcome = ended_before(claimed, clock_.now())) {
            outcomes_.without_attempt(claimed, std::move(*outcome), host_in(destination(claimed)));
            return true;
        }
        // Checked again, since the configuration may have changed after the alert was created.
        const auto url = net::parse_webhook_url(destination(claimed), wires_->urls);
        if (!url) {
            outcomes_.of_refused_url(claimed, url.error().message);
            return true;
        }
        return offer_room(held_for(std::move(claimed), *url, lease_until), from_lane);
    }

    Held held_for(ClaimedDelivery&& claimed, const net::WebhookUrl& url, Timestamp lease_until) {
        Endpoints::Endpoint& endpoint =
            endpoints_.at(claimed.alert.user_id, net::endpoint_name(url.url), clock_.moment());
        return {.claimed = std::move(claimed),
                .lease_until = lease_until,
                .endpoint = &endpoint,
                .lane = Endpoints::lane_of(url.url)};
    }

    // False if there was none.
    bool offer_room(Held&& held, bool from_lane) {
        const ClaimedDelivery& claimed = held.claimed;
        const Waiter waiter{.id = claimed.id,
                            .from_lane = from_lane,
                            .last_chance = has_last_chance(claimed, options_.retry.attempts, clock_.now())};
        if (!endpoints_.offer(*held.endpoint, waiter, clock_.mono())) {
            if (!held.launch) outcomes_.defer(held);
            return false;
        }
        held_.emplace(waiter.id, std::move(held));
        return true;
    }

    // Fetches deferred deliveries for which there is room again. False: there are none at present.
    bool fetch_from_lane() {
        if (!wants_more()) return false;
        const auto lane = endpoints_.next_lane(clock_.mono());
        if (!lane) return false;
        if (!in_charge_.owns(Endpoints::user(*lane->endpoint))) {
            endpoints_.fetched(*lane, 0, clock_.mono());
            return true;
        }
        // Deferrals not yet written belong to the lane.
        write_back_.write_deferrals();
        Intake::Batch batch;
        intake_.claim_lane(batch, Endpoints::lane_name(*lane->endpoint, lane->number), lane->count);
        woken_ += batch.claimed.size();
        endpoints_.fetched(*lane, batch.claimed.size(), clock_.mono());
        if (peers_.alive()) accept(batch, true);
        return true;
    }

    // Starting.

    void start_waiting() {
        client_is_behind_ = false;
        follow_charge();
        if (stopping_ || !is_alive()) return;
        endpoints_.exposure().set_unrecorded(write_back_.outcomes());
        while (!(client_is_behind_ = client_.not_begun() >= most_not_begun)) {
            const auto turn = endpoints_.next(clock_.moment());
            if (!turn) return;
            const auto it = held_.find(turn->id);
            if (start(it->second)) continue;
            const Held held = std::move(held_.extract(it).mapped());
            leave_endpoint(held, Sign::none, {});
        }
    }

    // False if no attempt was made.
    bool start(Held& held) {
        const ClaimedDelivery& claimed = held.claimed;
        const Timestamp now = clock_.now();
        // What is not committed yet has no outcome.
        const bool is_written = held.launch == nullptr;
        const auto end = [&](DeliveryOutcome&& outcome) {
            if (is_written)
                outcomes_.without_attempt(claimed, std::move(outcome), Endpoints::name(*held.endpoint));
            return false;
        };
        if (auto outcome = ended_before(claimed, now)) return end(std::move(*outcome));
        // An attempt that outlasts its lease could be made twice.
        if (now + options_.timeout > held.lease_until) {
            if (is_written) outcomes_.defer(held);
            return false;
        }
        auto request = requests_.make(claimed, now);
        if (!request) {
            if (is_written) outcomes_.put_off_for_secret(held, request.error().message);
            return false;
        }
        if (auto over = budget_.refuses(claimed, clock_.moment())) return end(std::move(*over));
        request->timeout = options_.timeout;
        request->verify_tls = options_.verify_tls;
        request->guard = &wires_->urls.guard;
        held.begin_attempt(*request, now);
        auto begin = [&client = client_, request = std::move(*request), wires = wires_,
                      delivery_id = claimed.id]() mutable {
            client.start(std::move(request), [wires, delivery_id](net::HttpResult result) {
                wires->completed({delivery_id, attempt_result(std::move(result))});
            });
        };
        is_written ? begin() : held.launch->add(std::move(begin));
        return true;
    }

    // Whether nothing ends or starts before outcomes are written.
    bool waits_for_records() const { return endpoints_.in_flight() == 0 || !endpoints_.exposure().has(0); }

    MonoTime next_step() const {
        const MonoTime now = clock_.mono();
        MonoTime next = now + (options_.charge ? longest_sleep_among_others : longest_sleep);
        if (!stopping_ && !prepared_) {
            next = std::max(now, gate_.opens_at());
        } else if (!stopping_ && endpoints_.wants_more()) {
            // If there is no room, only results make some, and they cause the next step.
            MonoTime wanted = intake_.next_poll();
            // Users may no longer have enough a moment later, as endpoints become stuck.
            if (intake_.passed_over()) wanted = std::min<MonoTime>(wanted, now + milliseconds{50});
            if (const auto lane = endpoints_.next_lane_at()) wanted = std::min(wanted, *lane);
            const MonoTime soonest = claim_goes_on_ ? now : now + shortest_sleep;
            if (claim_goes_on_) wanted = now;
            next = std::min(next, std::max({wanted, gate_.opens_at(), soonest}));
        }
        if (client_is_behind_) next = std::min(next, now + client_catches_up_within);
        if (prepared_) next = std::min(next, std::max(peers_.next_step(), gate_.opens_at()));
        if (const auto at = write_back_.next_step(waits_for_records())) next = std::min(next, *at);
        const auto aged = endpoints_.exposure().next_age();
        if (aged && endpoints_.waiting() > 0) next = std::min(next, *aged);
        return next;
    }

    const SenderOptions options_;
    const std::shared_ptr<const DispatcherWires> wires_;
    storage::Outbox& storage_;
    net::HttpClient& client_;
    const Clock& clock_;
    StorageGate gate_;
    WriteBack write_back_;
    Intake intake_;
    Endpoints endpoints_;
    Outcomes outcomes_;
    Peers peers_;
    InCharge in_charge_;
    AttemptBudget budget_;
    Requests requests_;

    HeldById held_;                         // claimed: waiting or in flight
    std::unordered_set<Uuid> ended_early_;  // attempts that ended before on_claimed()
    bool claim_goes_on_ = false;
    bool client_is_behind_ = false;  // deliveries that may start wait for it
    MonoTime tidy_at_;
    BreakerLog breakers_told_;

    std::uint64_t steps_ = 0;
    bool prepared_ = false;
    bool stopping_ = false;
    std::uint64_t woken_ = 0;
};

}  // namespace

std::unique_ptr<Dispatcher> create_dispatcher(const SenderOptions& options,
                                              std::shared_ptr<const DispatcherWires> wires,
                                              storage::Outbox& storage, net::HttpClient& client,
                                              const secrets::SecretBox& secrets, const Clock& clock,
                                              std::uint64_t seed) {
    return std::make_unique<RealDispatcher>(options, std::move(wires), storage, client, secrets, clock, seed);
}

}  // namespace pricewire::deliver
