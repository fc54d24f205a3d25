#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rule/canonical.hpp"
#include "storage_fixture.hpp"

namespace pricewire::conformance {

// Alerts with terms: by default "above 100, at most every 10 s".
class StorageTermsFixture : public StorageConformance {
protected:
    using Kind = AlertChange::Kind;

    static Decimal number(std::string_view text) { return Decimal::parse(text).value(); }
    static Terms above(std::string_view level, std::string_view ticker = "BTC") {
        return rule::plain_terms(Ticker(ticker), Condition::gt, number(level));
    }
    static Terms repeating(std::string_view level = "100", std::optional<std::int64_t> times = {}) {
        Terms terms = above(level);
        terms.repeat = Repeat{10s, {number("1"), true}, times};
        return terms;
    }
    // BTC above the level while ETH is below another.
    static Terms with_eth(std::string_view level) {
        Terms terms = above(level);
        terms.joined = Joined::all;
        terms.rules.push_back(rule::plain_terms("ETH", Condition::lt, number("50")).rules.front());
        return terms;
    }
    Alert new_ruled(Terms terms) const {
        Alert alert = new_alert();
        alert.ticker = terms.rules.front().ticker;
        alert.terms = std::make_shared<const Terms>(std::move(terms));
        return alert;
    }
    Alert add_ruled(Terms terms = repeating()) { return add(new_ruled(std::move(terms))); }
    Alert add(const Alert& alert) {
        EXPECT_TRUE(storage_->create_alert(alert, 1'000'000));
        return alert;
    }
    Alert stored(const Uuid& id) { return storage_->alert(user_, id).value(); }

    static RuleState rule_state(bool armed, Timestamp start) {
        return {.armed = armed, .fired = true, .start = start, .start_price = number("100"), .as_of = start};
    }
    // The k-th firing at a time, after which it is muted for 10 s and not armed.
    RuledFiring ruled(const Uuid& alert, std::int64_t k, Timestamp at, std::string_view value = "101",
                      std::int64_t revision = 1) const {
        RuledFiring out{.alert_id = alert, .delivery_id = make_uuid(at)};
        out.revision = revision;
        out.number = k;
        out.time = at;
        out.value = number(value);
        out.level = number("100");
        out.evidence = fmt::format(R"({{"firing":{}}})", k);
        out.after.firings = k;
        out.after.muted_until = at + 10s;
        out.after.rules = {rule_state(false, at)};
        return out;
    }
    static StateNote armed_note(const Uuid& alert, std::int64_t firings, Timestamp at,
                                std::int64_t revision = 1) {
        return {alert, revision, firings, true, {rule_state(true, at)}};
    }
    static FiringGroup group_at(Timestamp at, std::string_view price = "101") {
        return {{"BTC", number(price), at, 1}, at + 1ms, {}};
    }
    std::vector<DeliveryTask> fire_ruled(const std::vector<RuledFiring>& firings) {
        std::vector<FiringGroup> groups;
        for (const RuledFiring& f : firings) {
            groups.push_back(group_at(f.time, f.value.to_string()));
            groups.back().ruled.push_back(f);
        }
        return storage_->fire(groups);
    }
    bool fires(const RuledFiring& firing) { return fire_ruled({firing}).size() == 1; }
    void note(const StateNote& n, Timestamp at) {
        FiringGroup g = group_at(at);
        g.notes.push_back(n);
        storage_->fire(std::vector{g});
    }
    std::vector<DeliveryTask> expire(const Expiry& e) {
        FiringGroup g = group_at(e.at, "99");
        g.expiries.push_back(e);
        return storage_->fire(std::vector{g});
    }
    std::expected<Alert, storage::ChangeAlertError> change(const Uuid& id, auto edit, Timestamp now,
                                                           std::size_t limit = 1'000'000) {
        const auto whole = [&](Alert& alert) {
            edit(alert);
            return true;
        };
        return storage_->change_alert(user_, id, whole, {.now = now, .limit = limit});
    }
    std::vector<ClaimedDelivery> claim_all(Timestamp now) {
        return storage_->claim_due(now, 1000, {"sender-1", now + lease_});
    }
    // What was reported since `from`.
    std::vector<AlertChange> changes_since(std::size_t from) {
        hear_all();
        MutexLock lock(mutex_);
        return {changes_.begin() + static_cast<std::ptrdiff_t>(from), changes_.end()};
    }
    std::vector<std::string> shown_since(std::size_t from) {
        std::vector<std::string> out;
        for (const AlertChange& c : changes_since(from)) out.push_back(shown(c.kind, c.alert.id));
        return out;
    }
    std::size_t heard() {
        hear_all();
        MutexLock lock(mutex_);
        return changes_.size();
    }
};

}  // namespace pricewire::conformance
