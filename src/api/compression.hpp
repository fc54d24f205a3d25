#pragma once

#include "net/http_server.hpp"

namespace pricewire::api {

// Compresses the body of a JSON answer where that is worth it and the request accepts gzip. An ETag stays what it is: it
// names a revision, not bytes.
void compress(const net::ServerRequest& request, net::ServerResponse& response);

}  // namespace pricewire::api
