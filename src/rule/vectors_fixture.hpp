#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "domain/alert_state.hpp"
#include "rule/json.hpp"
#include "rule/parse.hpp"

// The worked cases of tests/data/alert_vectors.json: an alert as a request makes it, prices, and what fires. Times are in
// seconds, and the alert is made at 0.
namespace pricewire::rule {

struct VectorPrice {
    Duration at;
    Ticker ticker;
    std::optional<Decimal> price;  // unset: it is gone
};
struct VectorFiring {
    Duration at;
    Decimal value;
    friend bool operator==(const VectorFiring&, const VectorFiring&) = default;
};

struct AlertVector {
    int number = 0;
    std::string alert;               // in words
    std::string when, hold, repeat;  // of the body, as JSON; may be empty
    Ticker ticker;
    Terms terms;
    std::optional<Duration> starts_at, expires_at, snoozed_until;
    std::vector<VectorPrice> prices;
    std::vector<VectorFiring> fires;
    std::int64_t left_out = 0;  // told by firings, and not yet told at the end
    std::string status;         // at the end: active, fired or expired

    // As it is when it is made at `made`.
    RuledAlert made(Timestamp made) const {
        RuledAlert all{std::make_shared<const Terms>(terms), {}, made, made + starts_at.value_or(Duration{})};
        const auto moment = [made](const std::optional<Duration>& at) {
            return at ? std::optional(made + *at) : std::nullopt;
        };
        all.state.starts_at = moment(starts_at);
        all.state.expires_at = moment(expires_at);
        all.state.snoozed_until = moment(snoozed_until);
        return all;
    }
};

inline void PrintTo(const AlertVector& vector, std::ostream* out) {
    *out << vector.number << ": " << vector.alert;
}

namespace vectors_detail {

inline const Json& member(const Json& json, std::string_view name) {
    const Json* const found = json.find(name);
    if (found == nullptr) throw std::runtime_error(fmt::format("alert_vectors.json: no {}", name));
    return *found;
}
// Whether a JSON value's own text, as a request's body has it.
inline std::string text_of(const Json& json) {
    const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
    switch (json.kind) {
        case Json::Kind::null:
            return "null";
        case Json::Kind::boolean:
        case Json::Kind::number:
            return json.text;
        case Json::Kind::string:
            return quoted(json.text);
        case Json::Kind::array:
        case Json::Kind::object:
            break;
    }
    std::string inside;
    for (std::size_t i = 0; i < json.items.size(); ++i) {
        if (i > 0) inside += ',';
        if (!json.names.empty()) inside += quoted(json.names[i]) + ':';
        inside += text_of(json.items[i]);
    }
    return json.kind == Json::Kind::array ? '[' + inside + ']' : '{' + inside + '}';
}
inline Duration seconds(const Json& json) {
    return parse_seconds(json.text).value();
}

inline AlertVector read(const Json& json) {
    AlertVector vector;
    vector.number = std::stoi(member(json, "n").text);
    vector.alert = member(json, "alert").text;
    const Json& body = member(json, "body");
    vector.ticker = Ticker(member(body, "ticker").text);
    RuleInput input{.ticker = vector.ticker};
    const auto take = [&body](std::string_view name, std::string& text, auto& in) {
        const Json* const found = body.find(name);
        if (found == nullptr) return;
        text = text_of(*found);
        in = text;
    };
    take("when", vector.when, input.when);
    take("for", vector.hold, input.hold);
    take("repeat", vector.repeat, input.repeat);
    auto terms = parse_terms(input, [](std::string_view name) { return Ticker(name); });
    if (!terms)
        throw std::runtime_error(fmt::format("vector {}: {}", vector.number, terms.error().at(0).message));
    vector.terms = std::move(*terms);
    if (const Json* const life = json.find("life")) {
        if (const Json* const at = life->find("starts_at")) vector.starts_at = seconds(*at);
        if (const Json* const at = life->find("expires_at")) vector.expires_at = seconds(*at);
        if (const Json* const at = life->find("snoozed_until")) vector.snoozed_until = seconds(*at);
    }
    for (const Json& price : member(json, "prices").items) {
        VectorPrice one{seconds(price.items.at(0)), Ticker(price.items.at(1).text), {}};
        if (price.items.at(2).kind == Json::Kind::string)
            one.price = Decimal::parse(price.items[2].text).value();
        vector.prices.push_back(one);
    }
    for (const Json& firing : member(json, "fires").items)
        vector.fires.push_back(
            {seconds(firing.items.at(0)), Decimal::parse(firing.items.at(1).text).value()});
    vector.left_out = std::stoll(member(json, "left_out").text);
    vector.status = member(json, "status").text;
    return vector;
}

}  // namespace vectors_detail

// One more, spelled as those of the file.
inline AlertVector alert_vector(std::string_view text) {
    return vectors_detail::read(parse_json(text).value());
}

inline std::vector<AlertVector> alert_vectors() {
    std::ifstream file(PRICEWIRE_SOURCE_DIR "/tests/data/alert_vectors.json");
    std::ostringstream text;
    text << file.rdbuf();
    const auto json = parse_json(text.str());
    if (!json) throw std::runtime_error("alert_vectors.json is not valid JSON");
    std::vector<AlertVector> all;
    for (const Json& one : json->items) all.push_back(vectors_detail::read(one));
    return all;
}

}  // namespace pricewire::rule
