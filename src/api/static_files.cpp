#include "api/static_files.hpp"

#include <zlib.h>

#include <array>
#include <stdexcept>

#include "api/http_lists.hpp"

namespace pricewire::api {
namespace {

std::string gunzip(std::string_view gzip) {
    z_stream stream{};
    constexpr int gzip_window = 15 + 16;  // zlib: the largest window, and a gzip header
    if (inflateInit2(&stream, gzip_window) != Z_OK) throw std::runtime_error("zlib cannot be initialized");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    std::string out;
    std::array<char, 16384> piece;
    int status = Z_OK;
    while (status == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = piece.size();
        status = inflate(&stream, Z_NO_FLUSH);
        out.append(piece.data(), piece.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    if (status != Z_STREAM_END) throw std::runtime_error("an embedded file is damaged");
    return out;
}

}  // namespace

StaticSite::StaticSite(std::span<const StaticFile> files, std::string policy) : policy_(std::move(policy)) {
    for (const StaticFile& file : files) {
        files_.emplace(file.path, Entry{file, std::make_shared<const std::string>(file.gzip),
                                        std::make_shared<const std::string>(gunzip(file.gzip))});
    }
}

std::optional<net::ServerResponse> StaticSite::serve(const net::ServerRequest& request,
                                                     std::string_view path) const {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    const Entry& entry = found->second;
    const bool zipped = accepts_gzip(request.header("accept-encoding"));
    // Each representation needs its own tag, or a cache could combine parts of both.
    const std::string etag = "\"" + std::string(entry.file.etag) + (zipped ? "-gzip\"" : "\"");

    net::ServerResponse response;
    response.content_type = entry.file.content_type;
    auto& headers = response.headers;
    headers.emplace_back("ETag", etag);
    headers.emplace_back("Vary", "Accept-Encoding");
    headers.emplace_back("Cache-Control",
                         entry.file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    headers.emplace_back("Content-Security-Policy", policy_);
    headers.emplace_back("Referrer-Policy", "no-referrer");
    if (names_etag(request.header("if-none-match"), etag)) {
        response.status = 304;
        return response;
    }
    if (zipped) headers.emplace_back("Content-Encoding", "gzip");
    response.shared_body = zipped ? entry.gzip : entry.plain;
    return response;
}

}  // namespace pricewire::api
