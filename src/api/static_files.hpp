#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace pricewire::api {

// A file embedded into the binary at build time (cmake/embed_folder.cmake). Refers to static storage.
struct StaticFile {
    std::string_view path;  // below the site's root, "index.html", "assets/page-1f2e3d4c.js"
    std::string_view content_type;
    std::string_view etag;  // of the content, without quotes
    std::string_view gzip;  // the file, gzipped
    bool immutable;         // its name changes with its content, so caches may keep it forever
};

// The page at "/", built by scripts/build-web; empty if it was not built.
std::span<const StaticFile> embedded_page();
// The reference at "/docs", built by scripts/build-docs; empty if it was not built.
std::span<const StaticFile> embedded_reference();

// Serves embedded files: gzipped if the client accepts it, 304 if the client has the current version.
// Immutable and therefore thread-safe.
class StaticSite {
public:
    // `policy` is the Content-Security-Policy of every response. Throws std::runtime_error if a file is
    // damaged.
    StaticSite(std::span<const StaticFile> files, std::string policy);
    bool empty() const { return files_.empty(); }
    // nullopt: there is no such file. `path` has no leading slash.
    std::optional<net::ServerResponse> serve(const net::ServerRequest& request, std::string_view path) const;

private:
    struct Entry {
        StaticFile file;
        std::shared_ptr<const std::string> gzip;
        std::shared_ptr<const std::string> plain;
    };
    std::map<std::string, Entry, std::less<>> files_;
    std::string policy_;
};

}  // namespace pricewire::api
