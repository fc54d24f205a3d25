#pragma once

#include <vector>

#include "api/exchange.hpp"
#include "api/health_probe.hpp"

// One function a route; see routes.cpp. They throw StorageError where the storage is gone.
namespace pricewire::api {

net::ServerResponse register_user(Services& services, Exchange& exchange);
net::ServerResponse show_me(Services& services, Exchange& exchange);
net::ServerResponse show_rates(Services& services, Exchange& exchange);
net::ServerResponse show_rate(Services& services, Exchange& exchange);
net::ServerResponse create_alert(Services& services, Exchange& exchange);
net::ServerResponse list_alerts(Services& services, Exchange& exchange);
net::ServerResponse show_alert(Services& services, Exchange& exchange);
net::ServerResponse delete_alert(Services& services, Exchange& exchange);
net::ServerResponse show_live(Services& services, Exchange& exchange);
net::ServerResponse show_openapi(Services& services, Exchange& exchange);
net::ServerResponse show_docs(Services& services, Exchange& exchange);
net::ServerResponse show_home(Services& services, Exchange& exchange);

net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::vector<SourceHealth>& sources);

}  // namespace pricewire::api
