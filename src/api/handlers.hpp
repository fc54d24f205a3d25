#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/exchange.hpp"
#include "api/health_probe.hpp"
#include "live/live.hpp"

// One function per route; see routes.cpp. They throw StorageError if the storage is unavailable.
namespace pricewire::api {

net::ServerResponse register_user(Services& services, Exchange& exchange);
net::ServerResponse show_registration(Services& services, Exchange& exchange);
net::ServerResponse show_me(Services& services, Exchange& exchange);
net::ServerResponse delete_me(Services& services, Exchange& exchange);
net::ServerResponse replace_api_key(Services& services, Exchange& exchange);
net::ServerResponse show_webhook_secret(Services& services, Exchange& exchange);
net::ServerResponse rotate_webhook_secret(Services& services, Exchange& exchange);
net::ServerResponse show_rates(Services& services, Exchange& exchange);
net::ServerResponse show_rate(Services& services, Exchange& exchange);
net::ServerResponse show_changes(Services& services, Exchange& exchange);
net::ServerResponse open_stream(Services& services, Exchange& exchange);
net::ServerResponse open_events(Services& services, Exchange& exchange);
net::ServerResponse list_tickers(Services& services, Exchange& exchange);
net::ServerResponse show_history(Services& services, Exchange& exchange);
net::ServerResponse create_alert(Services& services, Exchange& exchange);
net::ServerResponse create_alerts(Services& services, Exchange& exchange);
net::ServerResponse preview_alert(Services& services, Exchange& exchange);
net::ServerResponse show_state(Services& services, Exchange& exchange);
net::ServerResponse change_alert(Services& services, Exchange& exchange);
net::ServerResponse delete_alerts(Services& services, Exchange& exchange);
net::ServerResponse list_firings(Services& services, Exchange& exchange);
net::ServerResponse list_alerts(Services& services, Exchange& exchange);
net::ServerResponse show_alert(Services& services, Exchange& exchange);
net::ServerResponse delete_alert(Services& services, Exchange& exchange);
net::ServerResponse test_alert(Services& services, Exchange& exchange);
net::ServerResponse list_alert_deliveries(Services& services, Exchange& exchange);
net::ServerResponse list_deliveries(Services& services, Exchange& exchange);
net::ServerResponse show_delivery(Services& services, Exchange& exchange);
net::ServerResponse retry_delivery(Services& services, Exchange& exchange);
net::ServerResponse cancel_delivery(Services& services, Exchange& exchange);
net::ServerResponse recover_deliveries(Services& services, Exchange& exchange);
net::ServerResponse list_endpoints(Services& services, Exchange& exchange);
net::ServerResponse enable_endpoint(Services& services, Exchange& exchange);
net::ServerResponse test_endpoint(Services& services, Exchange& exchange);
net::ServerResponse list_pushes(Services& services, Exchange& exchange);
net::ServerResponse add_push(Services& services, Exchange& exchange);
net::ServerResponse remove_push(Services& services, Exchange& exchange);
net::ServerResponse test_push(Services& services, Exchange& exchange);
net::ServerResponse open_catcher(Services& services, Exchange& exchange);
net::ServerResponse show_catcher(Services& services, Exchange& exchange);
net::ServerResponse close_catcher(Services& services, Exchange& exchange);
net::ServerResponse catch_request(Services& services, Exchange& exchange);
net::ServerResponse show_live(Services& services, Exchange& exchange);
net::ServerResponse show_openapi(Services& services, Exchange& exchange);
net::ServerResponse show_docs(Services& services, Exchange& exchange);
net::ServerResponse show_plain_docs(Services& services, Exchange& exchange);
net::ServerResponse show_docs_file(Services& services, Exchange& exchange);
net::ServerResponse show_home(Services& services, Exchange& exchange);
net::ServerResponse show_asset(Services& services, Exchange& exchange);
net::ServerResponse show_service_worker(Services& services, Exchange& exchange);

// The JSON field that holds NewWebhookSecret::shown.
std::string_view shown_secret_field(SignatureScheme scheme);

// What the catcher keeps for a user, for the live stream.
std::vector<live::CaughtEvent> caught_events(const Services& services, const Uuid& user_id);
// `policy` with the user's own address of the catcher allowed. Asks the catcher only about a URL of that form.
net::UrlPolicy with_catcher(const Services& services, const Uuid& user_id);
// Services::use.vet_webhook_url, but for the user's own address of the catcher.
Result<net::WebhookUrl> vet_url(const Services& services, const Uuid& user_id, const std::string& url);

// The JSON of an alert.
std::string alert_json(const Alert& alert, const Services& services);
// A JSON array: the quote of each source and whether it counts.
std::string quotes_json(const TickerBoard& board, Timestamp now);

// What keeps the quotes of sources from the price, as a clause: "binance is stale, coingecko is disputed by
// another source".
std::string why_left_out(const TickerBoard& board);
// Why a ticker has no price, as a clause or a sentence: what GET /rates/{ticker} says. `unwatched` is null if it is, or is
// about to be.
std::string reason_unpriced(const WatchState* unwatched, const std::optional<TickerBoard>& board);

// What a process that shows prices knows of the market.
struct MarketHealth {
    std::vector<SourceReport> sources;
    std::vector<TickerBoard> tickers;
};
// The status is degraded by a ticker without a price, or with one that too few exchanges agree with, and by too
// few exchanges that work. nullopt: this process needs none.
net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::optional<MarketHealth>& market, Timestamp now);

}  // namespace pricewire::api
