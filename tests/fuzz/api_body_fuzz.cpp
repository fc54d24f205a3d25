// The API's parsers of bodies, queries and addresses. The first byte selects the parser; its result must
// satisfy the invariants checked here.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/alert_body.hpp"
#include "api/alert_fields.hpp"
#include "api/bodies.hpp"
#include "api/client_address.hpp"
#include "api/email.hpp"
#include "api/json_fields.hpp"
#include "api/query_string.hpp"
#include "net/endpoint_name.hpp"
#include "rule/canonical.hpp"
#include "rule/simulate.hpp"
#include "webhook/template.hpp"

namespace {

using namespace pricewire;
using namespace pricewire::api;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_issues(const std::vector<Issue>& issues) {
    require(!issues.empty());
    for (const Issue& issue : issues) require(!issue.message.empty() && !issue.type.empty());
    const auto response = validation_response(issues);
    require(response.status == 422 && response.body.ends_with("\"code\":422}"));
}

void register_body(std::string_view text) {
    const auto body = parse_register_body(text);
    if (!body) return check_issues(body.error());
    require(body->email.size() <= 254 && body->email.find('@') != std::string::npos);
    require(parse_email(body->email).value() == body->email);
}

const std::vector<Ticker> tickers{"BTC", "ETH"};
const KnownTickers known(tickers);
const net::UrlPolicy policy;
const AlertContext context{known, policy, from_micros(1'735'689'600'000'000)};

void alert_body(std::string_view text) {
    auto body = parse_alert_body(text, context);
    if (!body) return check_issues(body.error());
    require(body->ticker == Ticker("BTC") || body->ticker == Ticker("ETH"));
    require(net::parse_webhook_url(body->webhook_url, policy).value().url == body->webhook_url);
    require(body->custom.has_value() == (body->format == PayloadFormat::custom));
    require(!body->custom || webhook::check_template(*body->custom).has_value());
    require(webhook::check_note(body->note).has_value() && webhook::check_message(body->message).has_value());
    require(body->deliver_within >= min_deliver_within && body->deliver_within <= max_deliver_within);
    require(parse_duration(format_duration(body->deliver_within)).value() == body->deliver_within);
    const Terms terms = body->terms;
    require(rule::parse_canonical(rule::canonical(terms)) == terms);
    const Alert alert = alert_of(std::move(*body), {}, context.now);
    require(terms_of(alert) == terms && (alert.terms || alert.target.is_positive()));
    // No change is none, whatever there is.
    const auto same = parse_alert_change("{}", alert, context);
    require(same && same->alert.terms == alert.terms && same->alert.target == alert.target);
}

void alert_change(std::string_view text) {
    static const Alert alert = alert_of(
        parse_alert_body(
            R"({"ticker":"BTC","when":{"is":"crosses","level":1},"webhook_url":"https://a.example/"})",
            context)
            .value(),
        {}, context.now);
    const auto change = parse_alert_change(text, alert, context);
    if (!change) return check_issues(change.error());
    const Terms terms = terms_of(change->alert);
    require(rule::parse_canonical(rule::canonical(terms)) == terms);
    require(terms.rules.front().ticker == change->alert.ticker);
    const auto preview = parse_preview_body(text, context);
    if (preview)
        require(preview->over >= rule::shortest_simulation && preview->over <= rule::longest_simulation);
}

void alert_list(std::string_view text) {
    const auto list = parse_json_list(text, "alerts", 10);
    if (!list) return check_issues({list.error()});
    require(!list->empty() && list->size() <= 10);
    for (const std::string& element : *list) parse_alert_body(element, context);
}

void webhook_secret_body(std::string_view text) {
    const auto body = parse_webhook_secret_body(text);
    if (!body) check_issues(body.error());
}

void recover_body(std::string_view text) {
    const auto body = parse_recover_body(text);
    if (!body) check_issues(body.error());
}

void enable_body(std::string_view text) {
    const auto body = parse_enable_body(text);
    if (!body) return check_issues(body.error());
    require(body->webhook_url.size() <= max_webhook_url);
    const std::string name = net::endpoint_name(body->webhook_url);
    require(name.empty() || name.find("://") != std::string::npos);
}

void query(std::string_view text) {
    const QueryString parsed(text);
    const QueryString again(parsed.with("cursor", text));
    require(again.find("cursor") == text);
}

void address(std::string_view text) {
    net::ServerRequest request;
    request.peer = *net::IpAddress::parse("10.0.0.1");
    request.headers.emplace_back("x-forwarded-for", text);
    static const std::vector<net::Network> trusted{*net::Network::parse("10.0.0.0/8")};
    require(!address_key(client_address(request, trusted)).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 'r':
            register_body(text);
            break;
        case 'q':
            query(text);
            break;
        case 's':
            webhook_secret_body(text);
            break;
        case 'v':
            recover_body(text);
            break;
        case 'e':
            enable_body(text);
            break;
        case 'c':
            alert_change(text);
            break;
        case 'l':
            alert_list(text);
            break;
        case 'x':
            address(text);
            break;
        default:
            alert_body(text);
    }
    return 0;
}
