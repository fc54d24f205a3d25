#include "api/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "api/http_lists.hpp"

namespace pricewire::api {
namespace {

// Shorter ones fit into a packet as they are; longer ones would keep a thread busy for too long.
constexpr std::size_t least = 1024;
constexpr std::size_t most = 4 * 1024 * 1024;
// JSON shrinks to a fifth or less; higher levels gain a tenth of that for several times the time.
constexpr int level = 1;

// Empty if zlib cannot.
std::string gzip(const std::string& text) {
    z_stream stream{};
    constexpr int gzip_window = 15 + 16;  // zlib: the largest window, and a gzip header
    if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(done ? stream.total_out : 0);
    deflateEnd(&stream);
    return out;
}

}  // namespace

void compress(const net::ServerRequest& request, net::ServerResponse& response) {
    auto& headers = response.headers;
    const auto has = [&](std::string_view name) {
        return std::ranges::any_of(headers, [&](const auto& h) { return h.first == name; });
    };
    if (response.stream || response.shared_body || response.content_type != "application/json" ||
        response.body.size() < least || response.body.size() > most || has("Content-Encoding"))
        return;
    if (!has("Vary")) headers.emplace_back("Vary", "Accept-Encoding");
    if (!accepts_gzip(request.header("accept-encoding"))) return;
    std::string zipped = gzip(response.body);
    if (zipped.empty() || zipped.size() >= response.body.size()) return;
    response.body = std::move(zipped);
    headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace pricewire::api
