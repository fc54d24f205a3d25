#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "catcher/catcher.hpp"
#include "net/http_client.hpp"
#include "net/webhook_url.hpp"

namespace pricewire::catcher {

// Requests to addresses of the catcher are kept by it and never sent anywhere, whatever host their URL names, so that they
// arrive where private addresses are refused; all others go through `client`. A URL of that form which is no address (any
// more) is judged by `policy`, as every webhook's is, and ends with an error if that refuses it.
//
// `client`, `catcher` and `clock` outlive it. `kept` is called on its own thread, and must not throw.
std::unique_ptr<net::HttpClient> create_catching_client(
    net::HttpClient& client, Catcher& catcher, net::UrlPolicy policy, const Clock& clock,
    std::function<void(const CatcherAddress&, const CaughtRequest&)> kept);

}  // namespace pricewire::catcher
