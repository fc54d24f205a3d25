#pragma once

#include <filesystem>
#include <vector>

#include "api/api.hpp"
#include "app/roles.hpp"
#include "deliver/dispatcher.hpp"
#include "deliver/pruner.hpp"
#include "feed/feed.hpp"
#include "net/http_client.hpp"
#include "ops/config.hpp"
#include "price/consolidator.hpp"

// The configuration, as each room takes it. Pure.
namespace pricewire {

std::vector<Ticker> tickers_of(const Config& config);
ConsolidationPolicy consolidation_of(const Config& config);
FeedOptions feed_options_of(const Config& config);
net::UrlPolicy url_policy_of(const Config& config);
ApiOptions api_options_of(const Config& config);
SenderOptions sender_options_of(const Config& config);
net::HttpClientOptions webhook_client_options_of(const Config& config);
PrunerOptions pruner_options_of(const Config& config);
// Whether the database is PostgreSQL, which other processes share.
bool uses_postgres(const Config& config);
// Where a process of these roles answers: http.listen with the API, else its /health.
std::string listen_of(const Config& config, const Roles& roles);
// The path behind "sqlite:".
std::filesystem::path sqlite_file_of(const Config& config);
// "host:port" and database, for messages: no user, no password.
std::string postgres_place_of(const Config& config);
// One line for each thing in the configuration that a process of these roles cannot work with; empty where
// all is well.
std::vector<std::string> wrong_for(const Config& config, const Roles& roles);

}  // namespace pricewire
