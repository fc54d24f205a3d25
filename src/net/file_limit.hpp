#pragma once

#include <cstddef>

namespace pricewire::net {

// How many files, sockets among them, the process may have open (RLIMIT_NOFILE, soft).
std::size_t file_limit();
// Raises it to what the system allows (the hard limit) and returns it. Call it before any thread starts.
std::size_t raise_file_limit();

}  // namespace pricewire::net
