#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/body_reader.hpp"
#include "api/known_tickers.hpp"
#include "domain/alert.hpp"
#include "net/webhook_url.hpp"
#include "rule/parse.hpp"

// The members of an alert in a request's body. Each function reports what is wrong with its member to the reader, and then
// returns something that is only good for reading on.
namespace pricewire::api {

constexpr Duration min_deliver_within = std::chrono::seconds{1};
constexpr Duration max_deliver_within = std::chrono::hours{24 * 30};

Ticker read_ticker(BodyReader& reader, const KnownTickers& tickers);
// Positive, at most rule::max_level.
Decimal read_target(BodyReader& reader);
Condition read_condition(BodyReader& reader);
// Its text is checked, its addresses are not.
std::string read_webhook_url(BodyReader& reader, const net::UrlPolicy& policy);
PayloadFormat read_format(BodyReader& reader);
std::optional<WebhookTemplate> read_template(BodyReader& reader, PayloadFormat format);
std::string read_note(BodyReader& reader);
std::string read_message(BodyReader& reader);
Duration read_deliver_within(BodyReader& reader);
bool read_recover(BodyReader& reader);
// Why webhooks in that format cannot be sent to that URL; `vetted` is what its addresses are.
std::optional<Issue> webhook_issue(const Result<net::WebhookUrl>& vetted, PayloadFormat format,
                                   std::string_view webhook_url);

// The members that say when it fires, as JSON; unset where they are missing or null.
struct RuleTexts {
    std::optional<std::string> when, watch, hold, repeat;
};
RuleTexts rule_texts(const BodyReader& reader);
// When it fires, by the members of the texts or else by condition and target_price.
rule::RuleInput read_form(BodyReader& reader, const RuleTexts& texts, const Ticker& ticker);
// `input` has the ticker, and condition and target where they are given.
Terms read_terms(BodyReader& reader, const RuleTexts& texts, rule::RuleInput input,
                 const rule::NamedTicker& named);
rule::Life read_life(BodyReader& reader, Timestamp now);

}  // namespace pricewire::api
