#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "alert/checker_core.hpp"
#include "alert/rule_text.hpp"
#include "rule/evidence.hpp"

namespace pricewire::alert {

// Plays a script of events, one a line, and returns what was fired and called, in order: "1,2@150" for alerts
// 1 and 2 at price 150, "x" for what waited as `after x`.
//
//   snapshot A…     a whole snapshot           piece A…, failed   a part of one, and its failure
//   S heard [F]     the sign of life of a feed; of "own", one of this process
//   S price P       the price from second S    S gone             no price from second S
//   S created A     made in second S           deleted N
//   behind, caught-up, unheard, missed, after X, end (of a batch), pause (of two seconds)
//
// The time is the latest second that was named: a price from an earlier second comes late. P is "150", or "ETH=150".
//
// A is an alert: "7>100" is number 7 above 100, "7<100" below; "7>100@3" was made in second 3 if the line
// does not say it. Once it is known, "7" is enough.
//
// Of alerts with terms:
//
//   S rule N …           number N, as RuleText reads it; made in second S
//   S changed N          its row, as the last `rule` said
//   row N K, no-row N K  its K-th firing of revision 1 was passed over: its row, or that it is not active
//   past T F-T:LOW-HIGH:LAST…   what was asked for, in stretches
//   S judged [lost] [T=S]…  until when prices were judged before the start; what came since is lost; T has had none since S
//   gaps                 shows the times without a price that a firing tells of: "blind 5-30"
//   notes                shows notes of other kinds than "armed" from here on
//
// "7.2:150@30" is its second firing, at 150 in second 30; "7.armed@30" and "7.noted" are notes, "7.expired@60" is an expiry,
// and "past T from F" asks for what was.
class CheckerPlay {
public:
    std::string play(const std::string& script) {
        std::istringstream lines(script);
        for (std::string line; std::getline(lines, line);) play_line(line);
        return std::exchange(out_, {});
    }
    CheckerCore& core() { return core_; }
    std::optional<Timestamp> next_time() const { return core_.next_time(latest_); }

    Timestamp at(const std::string& second) const { return rules_.at(second); }

private:
    static constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};
    static constexpr MonoTime mono{std::chrono::hours{1}};

    void play_line(const std::string& line) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word)) return;
        if (std::isdigit(static_cast<unsigned char>(word[word[0] == '-'])) != 0) {
            second_ = word;
            latest_ = std::max(latest_, at(second_));
            words >> word;
        }
        const Timestamp now = latest_;
        std::string argument;
        const auto next = [&]() -> std::string& {
            words >> argument;
            return argument;
        };
        if (word == "snapshot" || word == "piece") {
            std::vector<ActiveAlert> alerts;
            while (words >> argument) alerts.push_back(alert(argument));
            core_.on_snapshot_piece(alerts);
            if (word == "snapshot") core_.on_snapshot(now);
        } else if (word == "failed") {
            core_.on_snapshot_failed(mono);
        } else if (word == "price") {
            const std::string price = next();
            const std::size_t named = price.find('=');
            core_.on_price({Ticker(named == price.npos ? "BTC" : price.substr(0, named)),
                            *Decimal::parse(price.substr(named == price.npos ? 0 : named + 1)), at(second_),
                            ++sequence_},
                           now);
        } else if (word == "gone") {
            core_.on_price_gone({Ticker(words >> argument ? argument : "BTC"), at(second_)}, now);
        } else if (word == "rule") {
            const int number = std::stoi(next());
            auto ruled = rules_.parse(words, at(second_));
            const Ticker ticker = ruled.terms->rules[0].ticker;
            ActiveAlert out{make_uuid(ruled.created_at),
                            ticker,
                            Condition::lt,
                            {},
                            std::make_shared<const RuledAlert>(std::move(ruled))};
            if (alerts_.contains(number)) out.id = alerts_.at(number).id;
            out.id.bytes[15] = static_cast<std::uint8_t>(number);
            alerts_[number] = out;
        } else if (word == "changed") {
            core_.on_alert_change({AlertChange::Kind::changed, alert(next())}, now);
        } else if (word == "row" || word == "no-row") {
            const ActiveAlert row = alert(next());
            const int firing = std::stoi(next());
            core_.on_passed_over({row.id, 1, firing}, word == "row" ? std::optional(row) : std::nullopt, now);
        } else if (word == "heard") {
            if (!(words >> argument)) argument = "feed";
            core_.on_heard(argument == "own" ? "" : argument, at(second_), now);
        } else if (word == "past") {
            core_.on_past(past(words), now);
        } else if (word == "judged") {
            core_.begin(judged_before(words));
        } else if (word == "gaps") {
            shows_gaps_ = true;
        } else if (word == "notes") {
            shows_notes_ = true;
        } else if (word == "created") {
            core_.on_alert_change({AlertChange::Kind::created, alert(next())}, now);
        } else if (word == "deleted") {
            core_.on_alert_change({AlertChange::Kind::deleted, alert(next())}, now);
        } else if (word == "behind") {
            core_.on_behind();
        } else if (word == "caught-up") {
            core_.on_caught_up(now);
        } else if (word == "unheard") {
            core_.on_alerts_unheard();
        } else if (word == "missed") {
            core_.on_alerts_missed(mono);
        } else if (word == "after") {
            core_.after_this([this, name = next()] { say(name); });
        } else if (word == "end") {
            core_.on_batch_end(now);
        } else if (word == "pause") {
            latest_ += std::chrono::seconds{2};
            core_.on_time(latest_);
        } else {
            throw std::invalid_argument(line);
        }
    }

    JudgedBefore judged_before(std::istream& words) {
        JudgedBefore out{.until = at(second_)};
        for (std::string text; words >> text;) {
            if (text == "lost") {
                out.is_lost = true;
            } else {
                const std::size_t named = text.find('=');
                out.blind.emplace(text.substr(0, named), at(text.substr(named + 1)));
            }
        }
        return out;
    }
    std::shared_ptr<const LinePast> past(std::istream& words) {
        LinePast out;
        std::string ticker;
        words >> ticker;
        out.ticker = Ticker(ticker);
        out.from = asked_.at(out.ticker);
        for (std::string text; words >> text;) {
            const auto part = [&](char end) {
                const std::size_t size = text.find(end, 1);
                std::string found = text.substr(0, size);
                text.erase(0, size == text.npos ? size : size + 1);
                return found;
            };
            Stretch stretch;
            stretch.from = at(part('-'));
            stretch.to = at(part(':'));
            stretch.low = *Decimal::parse(part('-'));
            stretch.high = *Decimal::parse(part(':'));
            stretch.last = *Decimal::parse(part(' '));
            out.stretches.push_back(stretch);
        }
        return std::make_shared<const LinePast>(std::move(out));
    }
    ActiveAlert alert(const std::string& text) {
        const std::size_t side = text.find_first_of("<>");
        const int number = std::stoi(text);
        if (side == text.npos) return alerts_.at(number);
        const std::size_t made = text.find('@');
        ActiveAlert out{make_uuid(at(made == text.npos ? second_ : text.substr(made + 1))), "BTC",
                        text[side] == '>' ? Condition::gt : Condition::lt,
                        *Decimal::parse(text.substr(side + 1, made == text.npos ? made : made - side - 1))};
        out.id.bytes[15] = static_cast<std::uint8_t>(number);
        return alerts_[number] = out;
    }
    void say(const std::string& what) { out_ += (out_.empty() ? "" : " ") + what; }
    void fire(const FiringGroup& group) {
        std::string ids;
        for (const Firing& firing : group.firings) {
            ids += (ids.empty() ? "" : ",") + std::to_string(firing.alert_id.bytes[15]);
        }
        if (!ids.empty()) say(ids + "@" + group.price.value.to_string());
        for (const RuledFiring& f : group.ruled) {
            say(name(f.alert_id) + std::to_string(f.number) + ":" + f.value.to_string() + "@" +
                second(f.time));
            if (!shows_gaps_) continue;
            const rule::Evidence evidence = rule::parse_evidence(f.evidence).value();
            for (const rule::BlindGap& gap : evidence.blind)
                say("blind " + second(gap.from) + "-" + second(gap.to));
        }
        for (const StateNote& note : group.notes) {
            if (!note.rearmed && !shows_notes_) continue;
            say(name(note.alert_id) + (note.rearmed ? "armed@" + second(note.rules[0].as_of) : "noted"));
        }
        for (const Expiry& e : group.expiries) say(name(e.alert_id) + "expired@" + second(e.expires_at));
    }
    static std::string name(const Uuid& id) { return std::to_string(id.bytes[15]) + "."; }
    static std::string second(Timestamp time) {
        std::ostringstream out;
        out << std::chrono::duration<double>(time - start).count();
        return out.str();
    }

    std::map<int, ActiveAlert> alerts_;
    std::string second_ = "0";
    Timestamp latest_ = start;
    std::uint64_t sequence_ = 0;
    std::string out_;
    bool shows_notes_ = false, shows_gaps_ = false;
    const RuleText rules_{start};
    std::map<Ticker, Timestamp> asked_;
    CheckerCore core_{{[this](const FiringGroup& group) { fire(group); },
                       [this](const PastNeed& need) {
                           asked_[need.ticker] = need.from;
                           say("past " + std::string(need.ticker.view()) + " from " + second(need.from));
                       }},
                      {std::chrono::seconds{1}, std::chrono::seconds{4}},
                      Rng{7}};
};

class CheckerCoreTest : public ::testing::Test {
protected:
    // Plays the script after an empty snapshot, in Phase::following.
    std::string follow(const std::string& script) {
        play_.play("snapshot\nend");
        return play_.play(script);
    }
    std::string play(const std::string& script) { return play_.play(script); }
    CheckerPlay play_;
};

}  // namespace pricewire::alert
