#include "cluster/verdict.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

namespace pricewire::test {

std::map<std::string, std::string> config_under_load() {
    return {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"},
            {"PRICEWIRE_DELIVERY_ATTEMPTS", std::to_string(load_attempts)},
            {"PRICEWIRE_DELIVERY_TIMEOUT", "1s"},
            {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "50ms"},
            {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "200ms"},
            {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"}};
}

void Verdict::end_load() {
    load_.stop();
    // Alerts created without an answer are crossed here at the latest.
    std::this_thread::sleep_for(Load::cooldown);
    load_.run_last_round([&](Decimal price) {
        return std::ranges::all_of(load_.standing(), [&](const StandingAlert& alert) {
            if (fires_at_rises(alert) != (price > Decimal::from_int(1000))) return true;
            const auto firings = firings_of(alert);
            return !firings.empty() && firings.back().price == price;
        });
    });
    wait_until_all_is_done();
}

Counts Verdict::judge() {
    Counts counts;
    std::map<std::string, LoadedAlert> known;
    check_alerts(counts, known);
    check_deliveries(counts, known);
    check_standing(counts);
    for (const std::string& complaint : load_.complaints()) ADD_FAILURE() << complaint;
    return counts;
}

std::vector<ShownAlert> Verdict::alerts() {
    std::vector<ShownAlert> out;
    for (const Account& account : load_.accounts()) {
        for (ShownAlert& alert : deployment_.alerts(account)) out.push_back(std::move(alert));
    }
    return out;
}

std::vector<std::string> Verdict::deliveries() {
    std::vector<std::string> out;
    for (const Account& account : load_.accounts()) {
        for (std::string& one : deployment_.list(account, "/deliveries?limit=1000"))
            out.push_back(std::move(one));
    }
    return out;
}

// The price at which an alert must have fired: the extreme of its round, or of a later round if its
// creation was not answered.
bool Verdict::fired_where_it_must(const LoadedAlert& alert, const std::string& price, int rounds) {
    const auto at = Decimal::parse(price);
    const int last = alert.id.empty() ? rounds : alert.round;
    for (int round = alert.round; at && round <= last; ++round) {
        if (*at == Load::extreme(round, alert.is_gt)) return true;
    }
    return false;
}

void Verdict::wait_until_all_is_done() {
    const auto none = [&](const std::string& path) {
        return std::ranges::all_of(load_.accounts(), [&](const Account& account) {
            const auto answer =
                deployment_.http().get(deployment_.api(path), {{"X-API-Key", account.api_key}});
            return answer.status == 200 && answer.body == "[]";
        });
    };
    deployment_.wait_until("every delivery to end", [&] {
        // A delivery may change from the second state to the first between the two requests, but not
        // every time.
        for (int again = 0; again < 5; ++again) {
            if (!none("/deliveries?limit=1&status=pending")) return false;
            if (!none("/deliveries?limit=1&status=delivering")) return false;
        }
        return true;
    });
}

void Verdict::check_alerts(Counts& counts, std::map<std::string, LoadedAlert>& known) {
    std::map<int, LoadedAlert> asked = load_.alerts();
    std::set<int> seen;
    for (const ShownAlert& shown : alerts()) {
        if (stands(shown.id)) continue;
        const int number = std::stoi(shown.webhook_url.substr(shown.webhook_url.rfind('/') + 1));
        const LoadedAlert& alert = asked.at(number);
        EXPECT_TRUE(seen.insert(number).second) << "created twice: " << number;
        if (!alert.id.empty()) {
            EXPECT_EQ(alert.id, shown.id);
        }
        counts.unanswered += alert.id.empty() ? 1 : 0;
        ++counts.alerts;
        known[shown.id] = alert;
        if (alert.fate == LoadedAlert::Fate::never_fires) {
            EXPECT_TRUE(shown.is_active) << shown.id << " fired at " << shown.triggered_price;
            continue;
        }
        EXPECT_FALSE(shown.is_active) << shown.id << " of round " << alert.round << " has not fired";
        counts.fired += shown.is_active ? 0 : 1;
        EXPECT_TRUE(shown.is_active || fired_where_it_must(alert, shown.triggered_price, load_.rounds()))
            << shown.id << " of round " << alert.round << (alert.is_gt ? ", gt," : ", lt,") << " fired at "
            << shown.triggered_price;
    }
    for (const auto& [number, alert] : asked) {
        if (!alert.id.empty()) {
            EXPECT_TRUE(seen.contains(number)) << alert.id << " is lost";
        }
    }
}

void Verdict::check_deliveries(Counts& counts, const std::map<std::string, LoadedAlert>& known) {
    std::map<std::string, int> of_alert;
    const auto receipts = load_.receipts();
    for (const std::string& delivery : deliveries()) {
        const std::string alert = json_member(delivery, "alert_id").value();
        if (stands(alert)) continue;
        EXPECT_EQ(++of_alert[alert], 1) << alert << " fired twice";
        const auto status = json_member(delivery, "status");
        const bool refused = known.at(alert).fate == LoadedAlert::Fate::refused;
        EXPECT_EQ(status, refused ? "failed" : "delivered") << delivery;
        if (refused) {
            EXPECT_EQ(json_member(delivery, "attempt_count"), std::to_string(load_attempts)) << delivery;
        }
        counts.delivered += status == "delivered" ? 1 : 0;
        counts.failed += status == "failed" ? 1 : 0;
        const auto it = receipts.find(alert);
        ASSERT_NE(it, receipts.end()) << "nothing arrived for " << delivery;
        EXPECT_EQ(it->second.webhook_ids, std::set<std::string>{json_member(delivery, "id").value()});
        EXPECT_EQ(it->second.bad_signatures, 0) << delivery;
        if (!refused) {
            EXPECT_GE(it->second.accepted, 1) << delivery;
        }
        counts.duplicates += it->second.accepted > 1 ? static_cast<std::size_t>(it->second.accepted - 1) : 0;
    }
    EXPECT_EQ(of_alert.size(), counts.fired);
    for (const auto& [alert, receipt] : receipts) {
        if (!receipt.webhook_ids.empty() && !stands(alert)) {
            EXPECT_TRUE(of_alert.contains(alert)) << "a webhook without an alert: " << alert;
        }
    }
}

bool Verdict::stands(const std::string& id) const {
    return std::ranges::any_of(load_.standing(), [&](const StandingAlert& one) { return one.id == id; });
}
bool Verdict::fires_at_rises(const StandingAlert& alert) {
    return alert.kind != StandingAlert::Kind::trailing;
}
std::vector<ShownFiring> Verdict::firings_of(const StandingAlert& alert) {
    return deployment_.firings(load_.accounts().at(alert.account), alert.id);
}

// The price of each firing is an extreme, which tells its round.
std::vector<int> Verdict::check_rounds(const StandingAlert& alert, const std::vector<ShownFiring>& firings) {
    std::vector<int> rounds;
    int round = 0;
    for (std::size_t i = 0; i < firings.size(); ++i) {
        const ShownFiring& firing = firings[i];
        EXPECT_EQ(firing.number, static_cast<int>(i) + 1) << alert.id;
        if (i > 0) {
            EXPECT_GE(firing.price_time, firings[i - 1].price_time + Load::cooldown) << alert.id;
        }
        do ++round;
        while (round <= load_.rounds() && Load::extreme(round, fires_at_rises(alert)) != firing.price);
        EXPECT_LE(round, load_.rounds())
            << alert.id << ": firing " << firing.number << " at " << firing.price.to_string();
        rounds.push_back(round);
    }
    return rounds;
}

// A rise that was seen while the alert was not muted has fired it.
void Verdict::check_none_missing(const StandingAlert& alert, const std::vector<ShownFiring>& firings,
                                 const std::vector<int>& rounds) {
    for (const auto& [round, shown] : load_.risen()) {
        if (std::ranges::find(rounds, round) != rounds.end()) continue;
        const auto mutes = [&, at = shown](const ShownFiring& firing) {
            return firing.price_time <= at && at < firing.price_time + Load::cooldown;
        };
        EXPECT_TRUE(std::ranges::any_of(firings, mutes)) << alert.id << " did not fire in round " << round;
    }
}

void Verdict::check_webhooks(const StandingAlert& alert, const std::vector<ShownFiring>& firings) {
    std::set<std::string> of_firings;
    for (const ShownFiring& firing : firings) of_firings.insert(firing.delivery_id);
    EXPECT_EQ(of_firings.size(), firings.size()) << alert.id;
    std::set<std::string> made;
    for (const std::string& delivery : deployment_.list(load_.accounts().at(alert.account),
                                                        "/alerts/" + alert.id + "/deliveries?limit=1000")) {
        made.insert(json_member(delivery, "id").value());
        EXPECT_EQ(json_member(delivery, "status"), "delivered") << delivery;
    }
    EXPECT_EQ(made, of_firings) << alert.id;
    const Receipts receipts = load_.receipts()[alert.id];
    EXPECT_EQ(receipts.webhook_ids, of_firings) << alert.id;
    EXPECT_EQ(receipts.bad_signatures, 0) << alert.id;
    EXPECT_GE(receipts.accepted, static_cast<int>(firings.size())) << alert.id;
}

void Verdict::check_edits(const StandingAlert& alert) {
    const auto answer = deployment_.http().get(deployment_.api("/alerts/" + alert.id),
                                               {{"X-API-Key", load_.accounts().at(alert.account).api_key}});
    EXPECT_EQ(json_member(answer.body, "note").value_or(""), alert.note) << answer.body;
}

void Verdict::check_standing(Counts& counts) {
    for (const StandingAlert& alert : load_.standing()) {
        const auto firings = firings_of(alert);
        const auto rounds = check_rounds(alert, firings);
        // How long a price stayed while feeds were down is not known, nor a high that no checker was left to see.
        if (alert.kind == StandingAlert::Kind::repeating) check_none_missing(alert, firings, rounds);
        check_webhooks(alert, firings);
        check_edits(alert);
        counts.again += firings.size();
        counts.edits += static_cast<std::size_t>(alert.edits);
    }
}

}  // namespace pricewire::test
