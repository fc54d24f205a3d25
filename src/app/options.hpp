#pragma once

#include <vector>

#include "api/api.hpp"
#include "app/roles.hpp"
#include "base/result.hpp"
#include "deliver/dispatcher.hpp"
#include "deliver/pruner.hpp"
#include "feed/feed.hpp"
#include "net/file_limit.hpp"
#include "net/http_client.hpp"
#include "ops/config.hpp"
#include "ops/config_keys.hpp"
#include "price/consolidator.hpp"
#include "recover/recorder.hpp"
#include "recover/runner.hpp"
#include "secrets/open_secrets.hpp"

// Converts the configuration into each room's options. Pure.
namespace pricewire::app {

std::vector<Ticker> tickers_of(const ops::Config& config);
price::ConsolidationPolicy consolidation_of(const ops::Config& config, feed::VenueTypes venues);
// The configuration's keys, the venues' among them.
ops::ConfigKeys config_keys(feed::VenueTypes venues = feed::venue_types());
feed::FeedOptions feed_options_of(const ops::Config& config, feed::VenueTypes venues = feed::venue_types());
net::UrlPolicy url_policy_of(const ops::Config& config);
api::ApiOptions api_options_of(const ops::Config& config);
// Of the process's server for the API or, in the other roles, for /health.
net::ServerOptions server_options_of(const ops::Config& config, const Roles& roles,
                                     const net::FileShares& files);
// Within `files`.
deliver::SenderOptions sender_options_of(const ops::Config& config, const net::FileShares& files);
// What the role wants to have open, apart from what `net::share_files` may reduce.
net::FileNeeds file_needs_of(const ops::Config& config, const Roles& roles);
// What a process of all roles on all servers starts, and a few more.
std::size_t threads_of(const ops::Config& config);
// Within `files`.
net::HttpClientOptions webhook_client_options_of(const ops::Config& config, const net::FileShares& files);
// For the sources' symbol lists.
net::HttpClientOptions list_client_options();
// For what is asked of venues about the past.
net::HttpClientOptions past_client_options();
// A ticker is blind for longer than the silence after which it has no price.
recover::RecorderOptions recorder_options_of(const ops::Config& config);
// Without the process's functions and its name.
recover::RunnerOptions runner_options_of(const ops::Config& config);
deliver::PrunerOptions pruner_options_of(const ops::Config& config);
// The address that a process of these roles listens on: http.listen with the API, else the one for /health.
std::string listen_of(const ops::Config& config, const Roles& roles);
// The configuration's master keys have been checked.
secrets::KeyPlaces key_places_of(const ops::Config& config);
// Error: the embedded database does not exist although its key file, or its write-ahead log, does, so that it was
// lost; a new one in its place would hide that.
Result<void> check_not_lost(const ops::Config& config);

}  // namespace pricewire::app
