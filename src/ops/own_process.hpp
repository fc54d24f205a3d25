#pragma once

#include <cstddef>

#include "base/result.hpp"

// What the process needs of the system before it does anything else.
namespace pricewire::ops {

// To be called first in main(), before any thread starts:
// - Descriptors 0 to 2 that are closed lead to /dev/null, so that no file or connection gets their numbers and
//   what is meant for the terminal.
// - A file that would exceed RLIMIT_FSIZE is an error of the write, not a signal that ends the process.
// - A mapped file that is truncated (SQLite maps the database's "-shm") ends the process with one line and exit
//   code 1.
// - Threads get stacks of one size, whatever the limit in the shell. Where address space is limited (ulimit -v),
//   a few dozen stacks of 8 MB and the 64 MB that glibc reserves for the memory of each thread would exceed it.
// - An exception that nobody can handle, such as a lack of memory or threads, ends the process with one line and
//   exit code 1.
void set_up_process();

// Error, with the limits to raise: the process cannot have that many threads at once, or has no memory left for
// them. A part whose thread cannot be started leaves the process in no state to go on, so this comes first.
Result<void> check_threads(std::size_t count);

}  // namespace pricewire::ops
