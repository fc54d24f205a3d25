#pragma once

#include <string>

#include "api/exchange.hpp"
#include "base/json_writer.hpp"
#include "domain/alert.hpp"

namespace pricewire::api {

void write_alert(JsonWriter& w, const Alert& alert, const Services& services);
// With an ETag if it shows its revision.
net::ServerResponse alert_response(int status, const Alert& alert, const Services& services);
// 403: the user has as many active alerts as is allowed.
net::ServerResponse alert_limit_reached(const Services& services);
// Its revision, quoted.
std::string etag_of(const Alert& alert);

}  // namespace pricewire::api
