#pragma once

#include <optional>

#include "net/http_server.hpp"

namespace pricewire::api {

// 415 for a body that does not say that it is JSON, in UTF-8 and not compressed; nullopt for one that does,
// and if there is none. A web page can have its visitors' browsers send a body of another type, or of none,
// to any site; one of this type only to a site that permits it.
std::optional<net::ServerResponse> refuse_media_type(const net::ServerRequest& request);

}  // namespace pricewire::api
