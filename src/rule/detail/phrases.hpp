#pragma once

#include <string>

#include "domain/rule.hpp"

// Parts of sentences about rules.
namespace pricewire::rule::detail {

// "5 %", "500": without its sign.
std::string size_words(const Change& change);
// "5 % above"
std::string beside_words(const Change& change);

// What is watched: "BTC", "BTC's 1h close", "ETH in BTC".
std::string subject(const Rule& rule);

// "70,000", "66,300 (2 % above 65,000)", "3 % below its 24h high".
std::string level_words(const Level& level);

// What happens, as a verb with its object: "rises above 70,000", "rises 5 % within 1h"; in the past: "rose above 70,000"; as
// a state: "is above 70,000".
enum class Tense { present, past, state };
std::string event_words(const Rule& rule, Tense tense);

// Whether the rule is about a move from its anchor, in the direction of its change: "rises 5 % within 1h".
bool is_move(const Rule& rule);
// Whether it is about the same distance from the start to both sides.
bool is_move_either_way(const Rule& rule);
// A new high or low.
bool is_new_extreme(const Rule& rule);
bool is_upward(Word word);
// "within 1h", "from its high", "from its price at the start"
std::string move_words(const Level& level);

// "has been above 70,000"
std::string has_been_words(const Rule& rule);

// "09:14", "09:14:05"
std::string clock_words(Timestamp time);

}  // namespace pricewire::rule::detail
