#include "app/checking.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/options.hpp"
#include "base/log.hpp"
#include "bus/redis/stream.hpp"
#include "outbox/written.hpp"
#include "rule/evidence.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// Where the bus keeps nothing, nobody has judged what came while this process did not run.
std::optional<Pause> pause_of(const ops::Config& config, storage::Storage& storage, Timestamp now) {
    if (!config.storage.redis_url.empty()) return std::nullopt;
    const auto until = storage.judged_until();
    return until && *until < now ? std::optional(Pause{*until, now}) : std::nullopt;
}

alert::JudgedBefore judged_before(const Checking::Uses& uses, const std::optional<Pause>& pause) {
    alert::JudgedBefore out;
    out.is_lost = pause.has_value();
    out.until = pause ? std::optional(pause->from) : uses.storage.judged_until();
    for (const BlindSpan& span : uses.storage.open_blind()) {
        const auto [at, is_new] = out.blind.try_emplace(span.ticker, span.from);
        if (!is_new) at->second = std::min(at->second, span.from);
    }
    return out;
}

}  // namespace

Checking::Checking(Uses uses)
    : uses_(std::move(uses)), pause_(pause_of(uses_.config, uses_.storage, uses_.clock.now())) {
    outbox::OutboxOptions options;
    options.written = [this](auto groups, auto tasks) { on_written(groups, tasks); };
    if (deliver::Sender* const sender = uses_.sender; sender != nullptr) {
        options.claim = [sender] { return sender->claim(); };
        options.claimed = [sender](auto claimed, Timestamp lease_until) {
            sender->take(std::move(claimed), lease_until);
        };
        options.coming = [sender](auto coming, Timestamp lease_until) {
            sender->prepare(std::move(coming), lease_until);
        };
        options.not_coming = [sender] { sender->drop(); };
    }
    outbox_ = outbox::start_outbox(uses_.storage, uses_.queue, options);
    uses_.instruments.watch(*outbox_);
    recover::RecorderOptions recorded = recorder_options_of(uses_.config);
    // Elsewhere the bus hands over the last prices once more.
    if (uses_.bars != nullptr) recorded.store_bars = [bars = uses_.bars] { return bars->flush(); };
    if (divides()) {
        recorded.at_most = [this](Timestamp judged) {
            MutexLock lock(mutex_);
            return others_.at_most(judged);
        };
        holding_.emplace(uses_.sharding->id(MemberRole::checker));
        holding_->update(uses_.sharding->group(MemberRole::checker));
    }
    recorder_ = recover::start_recorder(uses_.storage, uses_.clock, std::move(recorded));
    uses_.instruments.watch(*recorder_);
    expiries_ = std::make_unique<Expiries>(
        Expiries::Uses{.storage = uses_.storage,
                       .clock = uses_.clock,
                       .judged = [this] { return recorder_->judged(); },
                       .done = [this](FiringGroup group) { outbox_->push(std::move(group)); }});
    uses_.listeners.start_checker([this] {
        checker_ = alert::start_checker(
            {.load = [this](const auto& piece) { uses_.storage.load_active_alerts(piece); },
             .before = [this] { return judged_before(uses_, pause_); },
             .fire = [this](FiringGroup group) { fire(std::move(group)); },
             .past =
                 [this](Ticker ticker, Timestamp from) {
                     return known_past(uses_.storage, uses_.storage, ticker, from, uses_.clock.now(), pause_);
                 },
             .row = [this](const Uuid& id) { return uses_.storage.active_alert(id); },
             .share = share(),
             .tickers =
                 [this] {
                     std::vector<Ticker> tickers;
                     for (const NeededTicker& need : uses_.storage.needed_tickers(uses_.clock.now()))
                         tickers.push_back(need.ticker);
                     return tickers;
                 },
             .load_of = [this](std::span<const Ticker> tickers,
                               const auto& piece) { uses_.storage.load_alerts_of(tickers, piece); },
             .missed = [this](Ticker ticker, Timestamp from,
                              Timestamp to) { recorder_->missed(ticker, from, to); }},
            uses_.clock);
        return checker_.get();
    });
    uses_.instruments.watch(*checker_);
    attach();
    uses_.bus.subscribe({.resume = true,
                         .price = [this](const Price& price) { checker_->on_price(price); },
                         .gone = [this](const PriceGone& gone) { checker_->on_price_gone(gone); },
                         .heard =
                             [this](std::string_view feed, Heard heard) {
                                 // If the feed's clock is ahead, it would vouch for prices that have not come yet.
                                 heard.time = std::min(heard.time, uses_.clock.now());
                                 checker_->on_heard(feed, heard);
                                 mark({.heard = std::pair(std::string(feed), std::move(heard))});
                             },
                         .behind = [this] { checker_->on_behind(); },
                         .caught_up = [this] { checker_->on_caught_up(); },
                         .position = [this](bus::BusPosition position) { mark({.position = position}); }});
}

// Each of the two calls the other: both stop before either is destroyed.
Checking::~Checking() {
    if (divides()) uses_.sharding->detach(MemberRole::checker);
    checker_->stop();
    expiries_.reset();
    outbox_->stop(Duration::zero());
}

void Checking::stop() {
    if (divides()) uses_.sharding->detach(MemberRole::checker);
    checker_->stop();
    expiries_.reset();
    if (const std::size_t lost = outbox_->stop(5s); lost > 0) {
        log::error("firings could not be written; their alerts stay active",
                   {{"firings", std::to_string(lost)}});
    }
    recorder_->stop();
}

// On the checker's thread.
void Checking::fire(FiringGroup group) {
    if (!group.ruled.empty()) {
        if (const auto board = uses_.bus.board(group.price.ticker)) {
            // It is published after the price, and may not be there yet: then it is as of the price before.
            const bool is_older = board->price && board->price->time < group.price.time;
            group.board_at = is_older ? board->price->time : uses_.clock.now();
            group.board = rule::sources_json(*board, *group.board_at);
        }
    }
    if (!group.expiries.empty()) {
        FiringGroup ended{.price = group.price, .fired_at = group.fired_at};
        ended.expiries = std::exchange(group.expiries, {});
        expiries_->take(std::move(ended));
    }
    if (!group.firings.empty() || !group.ruled.empty() || !group.notes.empty())
        outbox_->push(std::move(group));
}

// On the outbox's thread.
void Checking::on_written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
    uses_.written(groups, tasks);
    const outbox::Written written(groups, tasks);
    if (written.is_all()) return;
    for (const FiringGroup& group : groups) {
        for (const RuledFiring& firing : group.ruled) {
            if (!written.has(firing.delivery_id))
                checker_->on_passed_over({firing.alert_id, firing.revision, firing.number});
        }
    }
}

void Checking::mark(Mark mark) {
    checker_->after_this([this, number = marks_.push(std::move(mark))] {
        for (Mark& reached : marks_.take_until(number)) progress_.note(std::move(reached), outbox_->taken());
        for (Mark& done : progress_.done(outbox_->settled())) {
            if (done.position) reached(*done.position);
            if (done.heard) recorder_->heard(std::move(done.heard->first), std::move(done.heard->second));
        }
    });
}

// Everything up to there was judged here, with durable firings.
void Checking::reached(bus::BusPosition position) {
    if (divides()) {
        MutexLock lock(mutex_);
        position_ = bus::to_text(position);
        const auto by_all = others_.at_most(position);
        if (!by_all) return;
        position = *by_all;
    }
    uses_.bus.processed(position);
}

alert::Share Checking::share() const {
    if (!holding_) return {};
    return {holding_->function(), holding_->view(), holding_->kept()};
}

void Checking::attach() {
    if (!divides()) return;
    uses_.sharding->attach(
        MemberRole::checker,
        {.report = [this](MemberReport& report) { return this->report(report); },
         .renewed = [this](const std::shared_ptr<const cluster::Group>& group) { on_group(group); }});
}

cluster::Work Checking::report(MemberReport& report) {
    const MonoTime now = uses_.clock.mono();
    const auto heard = checker_->heard();
    report.holds = static_cast<std::int64_t>(checker_->active_alerts());
    // What others let go is judged here: not before prices come as they come to the others.
    report.settled = lag_.lags(heard, now) ? std::string() : checker_->settled();
    report.judged = recorder_->judged();
    {
        MutexLock lock(mutex_);
        report.position = position_;
    }
    const bool may_renew = lag_.may_renew(heard, checker_->waits(), now);
    if (!pulse_.beats(checker_->signs_of_life(), now)) return cluster::Work::hangs;
    return may_renew ? cluster::Work::goes_on : cluster::Work::is_behind;
}

void Checking::on_group(const std::shared_ptr<const cluster::Group>& group) {
    const std::string& id = uses_.sharding->id(MemberRole::checker);
    const MonoTime now = uses_.clock.mono();
    std::optional<Timestamp> furthest;
    // Where each judges everything, one that is behind delays nothing.
    if (!group->is_undivided()) {
        for (const Member& member : group->members()) {
            if (member.report.id != id) furthest = std::max(furthest, member.report.judged);
        }
    }
    lag_.on_others(furthest, now);
    {
        MutexLock lock(mutex_);
        others_.update(*group, id, now);
    }
    if (holding_->update(group)) checker_->on_share(share());
}

}  // namespace pricewire::app
