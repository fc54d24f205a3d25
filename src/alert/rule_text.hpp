#pragma once

#include <chrono>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "domain/alert.hpp"

namespace pricewire::alert {

// Reads an alert with terms from a line of a test, after its number:
//
//   [TICKER] above 100 | TICKER below high -3% | above low 1h +5% | close 1m above 100 | ratio BTC below 0.05 | age above 60
//   … & ETH below 50     all of both       … | ETH below 50     any of them
//   … for 30s … repeat rearm 1% cooldown 10s times 2
//   … starts 60 … expires 60 [notify] … snoozed 100 … muted 20          in seconds
//   … firings 1 … revision 2 … made 3 … begun 5
//   … armed 20, unarmed 5        begun: armed since second 20, or not since it fired in second 5
class RuleText {
public:
    explicit RuleText(Timestamp origin) : origin_(origin) {}

    // `made`: its creation, if the text does not say it.
    RuledAlert parse(std::istream& text, Timestamp made) const {
        Words words(text);
        Terms terms;
        RuledAlert out;
        out.created_at = out.begun_at = made;
        std::optional<RuleState> begun;
        bool is_begun_told = false;
        const auto next = [&] { return words.next(); };
        const auto time = [&] { return at(next()); };
        Rule rule;
        rule.ticker = "BTC";
        bool has_rule = false;
        const auto end_rule = [&] {
            if (has_rule) terms.rules.push_back(rule);
            rule = {};
            rule.ticker = "BTC";
            has_rule = false;
        };
        while (!words.at_end()) {
            const std::string word = next();
            if (word == "&" || word == "|") {
                terms.joined = word == "&" ? Joined::all : Joined::any;
                end_rule();
            } else if (const auto is = parse_word(word)) {
                rule.word = *is;
                has_rule = true;
                rule.level = level(words);
                if (is_channel(*is)) rule.upper = level(words);
            } else if (word == "close") {
                rule.watched = Watched::close;
                rule.interval = *parse_duration(next());
            } else if (word == "ratio") {
                rule.watched = Watched::ratio;
                rule.other = Ticker(next());
            } else if (word == "age") {
                rule.watched = Watched::age;
            } else if (word == "for") {
                terms.hold = *parse_duration(next());
            } else if (word == "repeat") {
                terms.repeat.emplace();
            } else if (word == "rearm") {
                terms.repeat->rearm = change(next());
            } else if (word == "cooldown") {
                terms.repeat->cooldown = *parse_duration(next());
            } else if (word == "times") {
                terms.repeat->times = std::stoi(next());
            } else if (word == "starts") {
                out.state.starts_at = out.begun_at = time();
                is_begun_told = true;
            } else if (word == "expires") {
                out.state.expires_at = time();
            } else if (word == "notify") {
                out.notify_on_expiry = true;
            } else if (word == "snoozed") {
                out.state.snoozed_until = time();
            } else if (word == "muted") {
                out.state.muted_until = time();
            } else if (word == "firings") {
                out.state.firings = std::stoi(next());
            } else if (word == "revision") {
                out.state.revision = std::stoi(next());
            } else if (word == "made") {
                out.created_at = time();
                if (!is_begun_told) out.begun_at = out.created_at;
            } else if (word == "begun") {
                out.begun_at = time();
                is_begun_told = true;
            } else if (word == "armed" || word == "unarmed") {
                begun.emplace();
                begun->armed = word == "armed";
                begun->as_of = time();
            } else if (word == "extreme") {
                begun->extreme = Decimal::parse(next()).value();
                begun->extreme_until = time();
            } else if (is_ticker(word)) {
                rule.ticker = Ticker(word);
            } else {
                throw std::invalid_argument(word);
            }
        }
        end_rule();
        if (begun) {
            begun->start = begun->armed ? out.begun_at : begun->as_of;
            begun->fired = out.state.firings > 0;
            out.state.rules.assign(terms.rules.size(), *begun);
        }
        out.terms = std::make_shared<const Terms>(std::move(terms));
        return out;
    }

    Timestamp at(const std::string& second) const {
        return origin_ + Duration{static_cast<std::int64_t>(Decimal::parse(second).value().raw() /
                                                            (Decimal::one_raw / 1'000'000))};
    }

private:
    class Words {
    public:
        explicit Words(std::istream& text)
            : words_{std::istream_iterator<std::string>(text), std::istream_iterator<std::string>()} {}
        bool at_end() const { return next_ == words_.size(); }
        std::string peek() const { return at_end() ? "" : words_[next_]; }
        std::string next() {
            if (at_end()) throw std::invalid_argument("a rule ends too early");
            return words_[next_++];
        }

    private:
        std::vector<std::string> words_;
        std::size_t next_ = 0;
    };

    static Change change(std::string text) {
        const bool is_percent = text.ends_with('%');
        if (is_percent) text.pop_back();
        if (text.starts_with('+')) text.erase(0, 1);
        return {*Decimal::parse(text), is_percent};
    }
    // "100", "100 +2%", "high", "high 1h", "low 1h +5%".
    static Level level(Words& words) {
        Level out;
        const std::string first = words.next();
        if (const auto anchor = parse_anchor(first)) {
            out.from = *anchor;
            if (const auto over = parse_duration(words.peek())) {
                out.over = *over;
                words.next();
            }
        } else {
            out.number = *Decimal::parse(first);
        }
        if (words.peek().starts_with('+') || words.peek().starts_with('-')) out.by = change(words.next());
        return out;
    }

    Timestamp origin_;
};

}  // namespace pricewire::alert
