#pragma once

#include <cstdint>

#include "api/exchange.hpp"

// How many requests, invalid keys and alerts made in bulk are taken from whom. A refused request's answer is written
// into `out`.
namespace pricewire::api {

// What the gate is asked about a request whose key has this hash; its route has a limit. Sets the request's limit.
access::Ask ask_about(const Services& services, Exchange& x, const Sha256& key);

// Takes a token of the route's limit, once per request. False if there is none.
bool within_limit(Services& services, Exchange& x, net::ServerResponse& out);

// Whether the client's address may have another key looked up. Only failed look-ups cost it a token, so that users who
// share an address are not limited together; known keys need not ask.
bool may_look_up(Services& services, Exchange& x, net::ServerResponse& out);
void count_failed_key(Services& services, const Exchange& x);

// A call that makes many alerts is one request, and each alert that it makes costs a token of a bucket of its own. That
// holds as many as a user may have active and the burst of `limits.user`, and is refilled as fast as single requests could
// make alerts: the first fill is free, and making and deleting in bulk is no faster than one by one.
bool may_create_in_bulk(Services& services, Exchange& x, net::ServerResponse& out);
void count_created_in_bulk(Services& services, const Exchange& x, std::uint32_t created);

// The headers about the limit that applied.
void add_limit_headers(net::ServerResponse& response, const Exchange& x);

}  // namespace pricewire::api
