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

namespace pricewire::alert {

// Plays a script of events, one a line, and returns what was fired and called, in order: "1,2@150" for alerts
// 1 and 2 at price 150, "x" for what waited as `after x`.
//
//   snapshot A…     a whole snapshot           piece A…, failed   a part of one, and its failure
//   S price P       the price from second S    S gone             no price from second S
//   S created A     made in second S           deleted N
//   behind, caught-up, unheard, missed, after X, end (of a batch), pause (of two seconds)
//
// The time is the latest second that was named: a price from an earlier second comes late.
//
// A is an alert: "7>100" is number 7 above 100, "7<100" below; "7>100@3" was made in second 3 if the line
// does not say it. Once it is known, "7" is enough.
class CheckerPlay {
public:
    std::string play(const std::string& script) {
        std::istringstream lines(script);
        for (std::string line; std::getline(lines, line);) play_line(line);
        return std::exchange(out_, {});
    }
    CheckerCore& core() { return core_; }

private:
    static constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};
    static constexpr MonoTime mono{std::chrono::hours{1}};

    void play_line(const std::string& line) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word)) return;
        if (std::isdigit(static_cast<unsigned char>(word[0])) != 0) {
            second_ = std::stoi(word);
            latest_ = std::max(latest_, second_);
            words >> word;
        }
        const Timestamp now = at(latest_);
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
            core_.on_price({"BTC", *Decimal::parse(next()), at(second_), ++sequence_}, now);
        } else if (word == "gone") {
            core_.on_price_gone({"BTC", at(second_)}, now);
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
            latest_ += 2;
            core_.on_time(at(latest_));
        } else {
            throw std::invalid_argument(line);
        }
    }

    static Timestamp at(int second) { return start + std::chrono::seconds{second}; }
    ActiveAlert alert(const std::string& text) {
        const std::size_t side = text.find_first_of("<>");
        const int number = std::stoi(text);
        if (side == text.npos) return alerts_.at(number);
        const std::size_t made = text.find('@');
        ActiveAlert out{make_uuid(at(made == text.npos ? second_ : std::stoi(text.substr(made + 1)))), "BTC",
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
        say(ids + "@" + group.price.value.to_string());
    }

    std::map<int, ActiveAlert> alerts_;
    int second_ = 0;
    int latest_ = 0;
    std::uint64_t sequence_ = 0;
    std::string out_;
    CheckerCore core_{[this](const FiringGroup& group) { fire(group); },
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
