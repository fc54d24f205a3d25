#include "recover/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/stop_signal.hpp"
#include "base/uuid.hpp"
#include "outbox/firing_log.hpp"
#include "recover/recoverable.hpp"
#include "recover/recovery.hpp"
#include "recover/ruled_recovery.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch = 50;
// Longer than all waits of a round.
constexpr Duration lease = 45s;
// Of one span: the other minutes are told by their bars.
constexpr std::size_t most_minutes_by_trade = 20;
constexpr int most_rounds_of_trades = 4;
// Alerts that watch more than that many tickers beside the span's are left out.
constexpr std::size_t most_others = 20;
constexpr Duration warm_up = 30s;
// A venue's bar is there this long after its end.
constexpr Duration settles_within = 2s;
constexpr BackoffPolicy retries{5s, 10min};
constexpr int most_tries = 40;  // some five hours
constexpr int most_tries_for_others = 5;

// Answers that are awaited together. Those that come after the wait has ended are dropped.
template <typename Answer>
class Answers {
public:
    // To be called for each before the wait.
    std::move_only_function<void(Answer)> slot() {
        return [arrived = arrived_, place = size_++](Answer answer) {
            arrived->push({place, std::move(answer)});
        };
    }
    // All of them, in the order of the slots; nullopt if it was stopped.
    std::optional<std::vector<Answer>> wait(const StopSignal& stop) {
        std::vector<Answer> all(size_);
        std::vector<std::pair<std::size_t, Answer>> some;
        for (std::size_t count = 0; count < size_; count += some.size()) {
            if (stop.is_set()) return std::nullopt;
            arrived_->drain(some, system_clock().mono() + 100ms);
            for (auto& [place, answer] : some) all[place] = std::move(answer);
        }
        return all;
    }

private:
    using Arrived = Mailbox<std::pair<std::size_t, Answer>>;
    std::size_t size_ = 0;
    const std::shared_ptr<Arrived> arrived_ = std::make_shared<Arrived>();
};

struct Job {
    BlindSpan span;
    Timestamp from, to;
    std::vector<RecoverableAlert> alerts;
    std::vector<ActiveAlert> ruled;
    // Its own ticker first, then others that alerts with terms watch.
    struct Asked {
        Ticker ticker;
        std::vector<past::Place> places;
        std::optional<Recovery> recovery = {};  // of others without alerts
        std::string trouble = {};               // of the first venue that told nothing
    };
    std::vector<Asked> asked;
    std::optional<RuledRecovery> ruled_recovery;
    std::size_t asked_minutes = 0;
    int fired = 0;

    Recovery& recovery() { return *asked[0].recovery; }
    // Whether a venue may tell more about another ticker later.
    bool lacks_others() const {
        return std::ranges::any_of(asked.begin() + 1, asked.end(), [](const Asked& other) {
            return other.recovery->unknown() > Duration::zero();
        });
    }
    Timestamp known_until() const {
        Timestamp until = to;
        for (const Asked& one : asked) until = std::min(until, one.recovery->known_until());
        return until;
    }
};

class RunnerThread final : public Runner {
public:
    RunnerThread(storage::Storage& storage, past::Past& past, const Clock& clock, RunnerOptions options)
        : storage_(storage), past_(past), clock_(clock), options_(std::move(options)), thread_([this] {
              run();
          }) {}
    ~RunnerThread() override { stop(); }

    void stop() override {
        stop_.set();
        if (thread_.joinable()) thread_.join();
    }
    std::uint64_t fired() const override { return fired_.load(std::memory_order_relaxed); }
    std::uint64_t recovered_seconds() const override { return recovered_.load(std::memory_order_relaxed); }
    std::uint64_t lost_seconds() const override { return lost_.load(std::memory_order_relaxed); }

private:
    void run() {
        while (!stop_.is_set()) {
            bool is_more = false;
            try {
                is_more = round();
                if (std::exchange(failing_, false)) log::info("missed time is asked back again");
            } catch (const std::exception& e) {
                if (!std::exchange(failing_, true))
                    log::warn("missed time cannot be asked back; it is tried again", {{"reason", e.what()}});
            }
            if (!is_more && stop_.wait_for(options_.look_every)) return;
        }
    }

    // True: more may be due.
    bool round() {
        const Timestamp now = clock_.now();
        std::vector<BlindSpan> spans = storage_.claim_blind(now, batch, options_.owner, now + lease);
        if (spans.empty()) return false;
        bool is_more = spans.size() == batch;
        std::vector<Job> jobs;
        std::size_t ruled = 0;
        for (BlindSpan& span : spans) {
            // The others stay this owner's, for the next round.
            is_more = is_more || ruled >= options_.most_ruled;
            if (ruled >= options_.most_ruled) break;
            ruled += prepare(std::move(span), now, jobs);
        }
        if (!ask_bars(jobs, now) || !ask_trades(jobs)) return false;
        fire(jobs);
        for (Job& job : jobs) finish(job, now);
        return is_more;
    }

    // Returns how many alerts with terms it has.
    std::size_t prepare(BlindSpan span, Timestamp now, std::vector<Job>& jobs) {
        Job job{.span = std::move(span), .from = {}, .to = {}};
        job.to = *job.span.to;
        job.from = std::max({job.span.from, job.span.told_until.value_or(job.span.from),
                             std::min(now - options_.recover, job.to)});
        if (job.from < job.to) job.alerts = storage_.recoverable_alerts(job.span.ticker, job.to);
        job.asked.push_back({job.span.ticker, options_.places(job.span.ticker)});
        if (job.from < job.to) add_ruled(job);
        if (job.alerts.empty() && job.ruled.empty()) {
            job.span.state = job.from < job.to ? BlindState::unasked : BlindState::lost;
            storage_.finish_blind(job.span, options_.owner, std::nullopt);
            return 0;
        }
        return jobs.emplace_back(std::move(job)).ruled.size();
    }
    void add_ruled(Job& job) const {
        std::set<Ticker> others;
        auto alerts = storage_.recoverable_ruled(job.span.ticker, job.to, options_.most_ruled + 1);
        if (alerts.size() > options_.most_ruled) {
            alerts.pop_back();
            log::warn(
                "a ticker has more alerts with terms than can be looked at for what was missed; the others "
                "do not fire late",
                {{"ticker", std::string(job.span.ticker.view())},
                 {"looked_at", std::to_string(alerts.size())}});
        }
        for (ActiveAlert& alert : alerts) {
            if (!is_recoverable(alert, job.from, job.to)) continue;
            std::set<Ticker> with = others;
            for (const Ticker& ticker : tickers_of(*alert.ruled->terms)) with.insert(ticker);
            with.erase(job.span.ticker);
            if (with.size() > most_others) continue;
            others = std::move(with);
            job.ruled.push_back(std::move(alert));
        }
        for (const Ticker& ticker : others) job.asked.push_back({ticker, options_.places(ticker)});
    }

    // False if it was stopped, as for the others.
    bool ask_bars(std::vector<Job>& jobs, Timestamp now) {
        Answers<past::PastBars> answers;
        for (const Job& job : jobs) {
            for (const Job::Asked& one : job.asked) {
                past::PastAsk ask{.places = one.places,
                                  .from = std::chrono::floor<std::chrono::minutes>(job.from),
                                  .to = std::chrono::ceil<std::chrono::minutes>(job.to),
                                  .urgency = past::Urgency::recovery,
                                  .within = options_.bars_within};
                past_.bars(std::move(ask), answers.slot());
            }
        }
        auto told = answers.wait(stop_);
        if (!told) return false;
        auto next = told->begin();
        for (Job& job : jobs) {
            for (Job::Asked& one : job.asked) take_bars(job, one, std::move(*next++), now);
            if (!job.ruled.empty()) judge_ruled(job);
        }
        return true;
    }

    void take_bars(const Job& job, Job::Asked& asked, past::PastBars told, Timestamp now) {
        ToldMinutes minutes{std::move(told.bars), {}, 0, false};
        std::set<SourceName> owners;  // who have told the whole time
        // Those who do not know the symbol do not trade it.
        std::set<SourceName> listed;
        for (const past::Place& place : asked.places) listed.insert(owner_of(place.source));
        for (const past::Answered& answered : told.venues) {
            if (answered.failure && answered.failure->kind == past::Failure::Kind::refused)
                listed.erase(owner_of(answered.place.source));
        }
        const Timestamp begin = std::chrono::floor<std::chrono::minutes>(job.from);
        bool has_all = !asked.places.empty();
        for (const past::Answered& answered : told.venues) {
            minutes.venues.push_back(answered.place.source);
            if (!answered.failure) {
                listed.insert(owner_of(answered.place.source));
                if (answered.reach == Duration::zero() || now - answered.reach <= begin) {
                    owners.insert(owner_of(answered.place.source));
                } else if (asked.trouble.empty()) {
                    asked.trouble =
                        fmt::format("{}: it does not reach back so far", answered.place.source.view());
                }
                continue;
            }
            if (asked.trouble.empty())
                asked.trouble = fmt::format("{}: {}", answered.place.source.view(), answered.failure->text);
            has_all = has_all && !answered.failure->is_temporary();
        }
        if (asked.places.empty()) asked.trouble = "no source is known to list it";
        // A minute that is not over is not told yet, or not for good.
        const bool is_over = std::chrono::ceil<std::chrono::minutes>(job.to) + settles_within <= now;
        minutes.is_whole =
            has_all && is_over && !owners.empty() && owners.size() >= std::min<std::size_t>(listed.size(), 2);
        minutes.owners_listed = listed.size();
        const bool is_own = &asked == &job.asked[0];
        asked.recovery.emplace(job.from, job.to, std::move(minutes),
                               is_own ? std::span(job.alerts) : std::span<const RecoverableAlert>());
    }
    void judge_ruled(Job& job) const {
        std::map<Ticker, ToldMinutes> told;
        for (const Job::Asked& one : job.asked) told.emplace(one.ticker, one.recovery->told());
        job.ruled_recovery.emplace(
            job.from, job.to, std::move(told), std::move(job.ruled),
            [&](Ticker ticker, Timestamp from) { return options_.known(ticker, from, job.from); });
    }

    bool ask_trades(std::vector<Job>& jobs) {
        struct Minute {
            Job* job;
            const Job::Asked* asked;
            Timestamp minute;
        };
        for (int i = 0; i < most_rounds_of_trades; ++i) {
            Answers<std::vector<past::PlaceTrades>> answers;
            std::vector<Minute> minutes;
            for (Job& job : jobs) {
                for (const auto& [ticker, minute] : wanted(job)) {
                    if (job.asked_minutes == most_minutes_by_trade) break;
                    ++job.asked_minutes;
                    const auto asked = std::ranges::find(job.asked, ticker, &Job::Asked::ticker);
                    past::PastAsk ask{.places = asked->places,
                                      .from = minute - warm_up,
                                      .to = minute + 1min,
                                      .urgency = past::Urgency::recovery,
                                      .within = options_.trades_within};
                    past_.trades(std::move(ask), answers.slot());
                    minutes.push_back({&job, &*asked, minute});
                }
            }
            if (minutes.empty()) return true;
            auto told = answers.wait(stop_);
            if (!told) return false;
            for (std::size_t m = 0; m < minutes.size(); ++m) {
                const auto [job, asked, minute] = minutes[m];
                std::optional<ToldTrades> trades = told_trades(*job, *asked, minute, told->at(m));
                if (job->ruled_recovery) job->ruled_recovery->take({asked->ticker, minute}, trades);
                if (asked == job->asked.data()) job->recovery().take(minute, std::move(trades));
            }
        }
        return true;
    }

    static std::set<RuledRecovery::Minute> wanted(Job& job) {
        std::set<RuledRecovery::Minute> out;
        if (job.ruled_recovery) out = job.ruled_recovery->wanted();
        for (const Timestamp minute : job.recovery().wanted()) out.emplace(job.span.ticker, minute);
        return out;
    }

    std::optional<ToldTrades> told_trades(const Job& job, const Job::Asked& asked, Timestamp minute,
                                          std::span<const past::PlaceTrades> places) const {
        const ToldMinutes& minutes = asked.recovery->told();
        ToldTrades out;
        std::set<SourceName> owners;
        std::set<SourceName> answered;
        for (const past::PlaceTrades& place : places) {
            out.venues.push_back(place.place.source);
            if (!place.trades) continue;
            owners.insert(owner_of(place.place.source));
            answered.insert(place.place.source);
        }
        if (owners.size() < std::min<std::size_t>(std::max<std::size_t>(minutes.owners_listed, 1), 2))
            return std::nullopt;
        int weight = 0;
        int weight_answered = 0;
        const auto bar = std::ranges::lower_bound(minutes.bars, minute, {}, &past::CombinedBar::start);
        for (std::size_t i = 0; i < minutes.venues.size(); ++i) {
            if ((bar->sources >> i & 1) == 0) continue;
            weight += weight_of(minutes.venues[i]);
            if (answered.contains(minutes.venues[i])) weight_answered += weight_of(minutes.venues[i]);
        }
        out.decide = 2 * weight_answered >= weight;
        price::ConsolidationPolicy policy = options_.policy;
        policy.exchanges = static_cast<int>(answered.size());
        out.reached =
            reached_together(policy, places, std::max(minute, job.from), std::min(minute + 1min, job.to));
        out.prices = past_prices(asked.ticker, policy, places);
        return out;
    }
    SourceName owner_of(SourceName source) const {
        const auto found = options_.policy.sources.find(source);
        return found == options_.policy.sources.end() || found->second.owner.empty() ? source
                                                                                     : found->second.owner;
    }
    int weight_of(SourceName source) const {
        const auto found = options_.policy.sources.find(source);
        return found == options_.policy.sources.end() ? 1 : found->second.weight;
    }

    // All of a round in order of time.
    void fire(std::vector<Job>& jobs) {
        const Timestamp now = clock_.now();
        std::vector<std::pair<FiringGroup, Job*>> all;
        for (Job& job : jobs) {
            for (const LateFirings& firings : job.recovery().firings()) {
                for (std::span<const Uuid> rest(firings.alerts); !rest.empty();) {
                    const auto piece = rest.first(std::min(rest.size(), options_.max_firings_per_commit));
                    rest = rest.subspan(piece.size());
                    FiringGroup group{
                        {job.span.ticker, firings.price, firings.late.from, 0}, now, {}, firings.late};
                    for (const Uuid& alert : piece) group.firings.push_back({alert, make_uuid(now)});
                    all.emplace_back(std::move(group), &job);
                }
            }
        }
        for (Job& job : jobs) {
            if (job.ruled_recovery) add_late(job, now, all);
        }
        if (all.empty()) return;
        std::ranges::stable_sort(all, {}, [](const auto& entry) {
            const FiringGroup& group = entry.first;
            const auto [from, to] = group.late ? std::pair(group.late->from, group.late->to)
                                               : std::pair(Timestamp::max(), Timestamp::max());
            return std::tuple(from, to, group.price.ticker, group.price.value);
        });
        std::vector<FiringGroup> groups;
        std::map<Uuid, Job*> jobs_of;
        for (auto& [group, job] : all) {
            const std::size_t size = group.firings.size() + group.ruled.size();
            if (jobs_of.size() + size > options_.max_firings_per_commit) {
                commit(groups, jobs_of);
                groups.clear();
                jobs_of.clear();
            }
            for (const Firing& firing : group.firings) jobs_of[firing.delivery_id] = job;
            for (const RuledFiring& firing : group.ruled) jobs_of[firing.delivery_id] = job;
            groups.push_back(std::move(group));
        }
        commit(groups, jobs_of);
    }

    // Notes come after all firings.
    static void add_late(Job& job, Timestamp now, std::vector<std::pair<FiringGroup, Job*>>& all) {
        for (const RuledOutcome& outcome : job.ruled_recovery->outcomes()) {
            for (const LateRuledFiring& late : outcome.firings) {
                FiringGroup group{
                    {job.span.ticker, late.firing.value, late.firing.time, 0}, now, {}, late.late};
                group.ruled.push_back(late.firing);
                group.ruled.back().delivery_id = make_uuid(now);
                all.emplace_back(std::move(group), &job);
            }
            if (!outcome.note) continue;
            FiringGroup group{{job.span.ticker, {}, job.to, 0}, now, {}};
            group.notes.push_back(*outcome.note);
            all.emplace_back(std::move(group), &job);
        }
    }

    void commit(std::span<const FiringGroup> groups, const std::map<Uuid, Job*>& jobs_of) {
        const std::vector<DeliveryTask> tasks = storage_.fire(groups);
        const auto webhooks = webhooks_of(tasks);
        for (const DeliveryTask& task : webhooks) ++jobs_of.at(task.delivery_id)->fired;
        fired_.fetch_add(webhooks.size(), std::memory_order_relaxed);
        if (options_.written) options_.written(groups, tasks);
        firing_log_.written(groups, tasks);
    }

    void finish(Job& job, Timestamp now) {
        BlindSpan& span = job.span;
        const Timestamp old = std::max(span.from, span.told_until.value_or(span.from));
        const Duration too_old = job.from - old;
        const Duration unknown = job.recovery().unknown();
        const Timestamp over = std::chrono::ceil<std::chrono::minutes>(job.to) + settles_within;
        const bool is_early = over > now && job.known_until() >= over - settles_within - 1min;
        span.fired += job.fired;
        span.unknown = too_old + unknown;
        std::optional<Timestamp> due;
        const bool others_may_come = job.lacks_others() && span.tries < most_tries_for_others;
        if (unknown == Duration::zero() && !others_may_come) {
            span.state = too_old == Duration::zero() ? BlindState::recovered : BlindState::lost;
        } else if (is_early) {
            due = over;
        } else if (++span.tries >= most_tries || job.to < now - options_.recover) {
            span.state = BlindState::lost;
        } else {
            due = now + retries.ceiling(span.tries);
        }
        if (too_old == Duration::zero()) span.told_until = job.known_until();
        if (!storage_.finish_blind(span, options_.owner, due)) return;
        if (!is_early || !due) tell(job, due);
    }

    void tell(const Job& job, std::optional<Timestamp> due) {
        const BlindSpan& span = job.span;
        if (due && span.tries != 1) return;
        if (!due) {
            lost_.fetch_add(static_cast<std::uint64_t>(span.unknown / 1s), std::memory_order_relaxed);
            recovered_.fetch_add(static_cast<std::uint64_t>((*span.to - span.from - span.unknown) / 1s),
                                 std::memory_order_relaxed);
        }
        if (!lines_.take(clock_.mono())) return;
        const log::Field ticker{"ticker", std::string(span.ticker.view())};
        const log::Field from{"from", format_rfc3339(span.from)};
        const log::Field to{"to", format_rfc3339(*span.to)};
        const log::Field fired{"fired_late", std::to_string(span.fired)};
        if (span.unknown == Duration::zero())
            return log::info("what was missed of a ticker is recovered", {ticker, from, to, fired});
        log::write(due ? log::Level::info : log::Level::warn,
                   due ? "what was missed of a ticker is not all known yet; venues are asked again"
                       : "a part of what was missed of a ticker stays unknown; no alert fires for it",
                   {ticker,
                    from,
                    to,
                    fired,
                    {"unknown", format_duration(std::chrono::ceil<std::chrono::seconds>(span.unknown))},
                    {"reason", job.asked[0].trouble.empty() ? "venues do not agree" : job.asked[0].trouble}});
    }

    storage::Storage& storage_;
    past::Past& past_;
    const Clock& clock_;
    const RunnerOptions options_;
    StopSignal stop_;
    std::atomic<std::uint64_t> fired_ = 0;
    std::atomic<std::uint64_t> recovered_ = 0;
    std::atomic<std::uint64_t> lost_ = 0;

    // Used by the thread only.
    outbox::FiringLog firing_log_;
    log::LineBudget lines_{"recovered tickers", 50};
    bool failing_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Runner> start_runner(storage::Storage& storage, past::Past& past, const Clock& clock,
                                     RunnerOptions options) {
    return std::make_unique<RunnerThread>(storage, past, clock, std::move(options));
}

}  // namespace pricewire::recover
