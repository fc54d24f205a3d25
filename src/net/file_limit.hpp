#pragma once

#include <cstddef>

#include "base/result.hpp"

namespace pricewire::net {

// How many files, sockets among them, the process may have open (RLIMIT_NOFILE, soft).
std::size_t file_limit();
// Raises it to what the system allows (the hard limit) and returns it. Call it before any thread starts.
std::size_t raise_file_limit();

// What a process wants to have open at once.
struct FileNeeds {
    std::size_t fixed = 0;     // whatever happens: the database, the log, the feeds' connections, …
    std::size_t outgoing = 0;  // connections for webhooks; 0: it sends none
    std::size_t idle = 0;      // further ones that are kept for the next webhook
    std::size_t incoming = 0;  // connections to its server
};
// What it may have, so that none of these can take what another needs.
struct FileShares {
    std::size_t outgoing = 0;
    std::size_t idle = 0;
    std::size_t incoming = 0;
};
// Divides `limit`: first `fixed`, then at most half of the rest for webhooks, the rest for clients. Pure.
// Error: the limit is too low to work with, and how to raise it.
Result<FileShares> share_files(std::size_t limit, const FileNeeds& needs);

}  // namespace pricewire::net
