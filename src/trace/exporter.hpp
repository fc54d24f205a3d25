#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/http_client.hpp"
#include "trace/otlp.hpp"

namespace pricewire::trace {

struct ExporterOptions {
    std::string endpoint;  // of an OTLP receiver, http or https; "/v1/traces" is appended
    Service service;
    Duration every = std::chrono::seconds{1};
    std::size_t most_waiting = 4096;  // pieces of work that may wait; what comes then is dropped
    std::size_t most_at_once = 256;   // of them in a request
    Duration timeout = std::chrono::seconds{5};
};

struct ExporterStats {
    std::uint64_t sent = 0;     // pieces of work whose spans the receiver has taken
    std::uint64_t dropped = 0;  // there was no room, or the receiver did not take them
};

// Sends spans to an OTLP receiver from a thread of its own, one request at a time. Tracing is a view of the work, never a
// reason to wait: spans are dropped, and counted, when too many wait or the receiver does not take them, which is logged
// once until it does again.
class Exporter {
public:
    virtual ~Exporter() = default;  // as stop()
    // The spans of a piece of work. Called on the exporter's thread, so that it may read what it needs; what it throws is
    // logged, and its spans are dropped.
    using Make = std::move_only_function<std::vector<Span>()>;
    // Any thread; never blocks.
    virtual void add(Make make) = 0;
    // Sends one more request of what waits, drops the rest and ends the thread; at most two time-outs, if one is under way.
    virtual void stop() = 0;
    virtual ExporterStats stats() const = 0;  // any thread
};

// `client` outlives it.
std::unique_ptr<Exporter> start_exporter(ExporterOptions options, net::HttpClient& client);

}  // namespace pricewire::trace
