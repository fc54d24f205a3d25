#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace pricewire::api {

// A file that was put into the binary at build time (cmake/embed_folder.cmake). Everything it refers to lives
// as long as the program.
struct StaticFile {
    std::string_view path;  // below the site's root, "index.html", "assets/page-1f2e3d4c.js"
    std::string_view content_type;
    std::string_view etag;  // of the content, without quotes
    std::string_view gzip;  // the file, gzipped
    bool immutable;         // its name changes with its content, so that it may be kept for good
};

// The page that is served at "/", as scripts/build-web leaves it; empty where it was not built.
std::span<const StaticFile> embedded_page();
// The reference that is served at "/docs", as scripts/build-docs leaves it; empty where it was not built.
std::span<const StaticFile> embedded_reference();

// Files served as they were built: gzipped to those who take it, 304 to those who have them already.
// Immutable, so any thread may ask.
class StaticSite {
public:
    // `policy` is the Content-Security-Policy of every answer. Throws std::runtime_error for a damaged file.
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
