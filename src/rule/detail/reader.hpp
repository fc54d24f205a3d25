#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/rule.hpp"
#include "rule/json.hpp"
#include "rule/parse.hpp"

// Reads the parts of a rule and collects what is wrong with them.
namespace pricewire::rule::detail {

class Reader {
public:
    // Both outlive this.
    Reader(const Ticker& alert_ticker, const NamedTicker& named)
        : alert_ticker_(alert_ticker), named_(named) {}

    // While it lives, errors are those of this member or element.
    class At {
    public:
        At(Reader& reader, PathPart part) : reader_(reader) { reader.path_.push_back(std::move(part)); }
        ~At() { reader_.path_.pop_back(); }
        At(const At&) = delete;
        At& operator=(const At&) = delete;

    private:
        Reader& reader_;
    };

    static std::string not_between(Duration least, Duration most);
    void refuse(std::string message, std::string_view type = "value_error");
    void refuse_at(std::string_view name, std::string message, std::string_view type = "value_error");
    std::size_t issue_count() const { return issues_.size(); }
    std::vector<RuleIssue> take_issues() { return std::exchange(issues_, {}); }

    // These return what could be read; where something was refused, the rest is as it is by default.
    // `top_watch`: the watch of a rule that has none; null if there is none either.
    void read_when(const Json& when, const Json* top_watch, Terms& out);
    void read_watch(const Json& watch, Rule& out);
    Duration read_hold(const Json& hold);
    // `rearm` stays unset where it is not given.
    Repeat read_repeat(const Json& repeat, std::optional<Change>& rearm);

    // The member; null if it is missing or null.
    static const Json* optional(const Json& object, std::string_view name);

private:
    using Names = std::initializer_list<std::string_view>;

    const Json* required(const Json& object, std::string_view name);
    bool is_object(const Json& value);
    void check_members(const Json& object, Names known);
    const std::string* text_of(const Json& value);

    void read_rules(const Json& when, Joined joined, Terms& out);
    Rule read_rule(const Json& json, Joined joined, const Json* top_watch);
    Ticker read_ticker(const Json& json);
    void check_ticker(const Rule& rule, std::string_view demand);
    std::optional<Word> read_word(const Json& json);
    void check_joined(const Rule& rule, Joined joined, std::optional<Word> word);

    void read_levels(const Json& json, std::optional<Word> word, Rule& out);
    std::optional<Level> read_level(const Json& json, Watched watched);
    std::optional<Decimal> read_number(const Json& json);
    std::optional<Level> read_anchor(const Json& json);
    bool read_from(const Json& json, Level& out);
    std::optional<Duration> read_window(const Json& json);
    void read_by(const Json& object, Level& out);
    void read_age(const Json& json, Rule& out);
    void check_close(const Rule& rule);
    std::optional<Duration> read_duration(const Json& json, std::string_view example, Duration least,
                                          Duration most);
    std::optional<std::int64_t> read_times(const Json& json);

    const Ticker& alert_ticker_;
    const NamedTicker& named_;
    std::vector<PathPart> path_;
    std::vector<RuleIssue> issues_;
};

// "5%", "+5%", "-500": at most 4 decimals in percent, and within the bounds. nullopt if it is no such text.
std::optional<Change> parse_change(std::string_view text);

}  // namespace pricewire::rule::detail
