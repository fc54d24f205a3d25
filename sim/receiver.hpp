#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace pricewire::sim {

// How a receiver behaves:
//   ok             204 at once
//   slow:DURATION  204 after that time
//   fail:STATUS    that status
//   retry-after:N  503 with Retry-After: N (seconds)
//   fail-first:N   500 to the first N requests, then ok
//   random-fail:P  500 to P percent of the requests
//   hang           never answers
//   die-after:N    ok N times, then the program exits at once (code 9) without answering the last request
struct ReceiverMode {
    enum class Kind { ok, slow, fail, retry_after, fail_first, random_fail, hang, die_after };
    Kind kind = Kind::ok;
    std::int64_t number = 0;  // status, seconds, count or percent
    Duration delay{};
};
Result<ReceiverMode> parse_mode(std::string_view text);

// One webhook request as received.
struct ReceivedDelivery {
    std::string webhook_id;
    std::string alert_id;
    std::string body;
    std::string content_type;
    std::string signature;      // the header webhook-signature
    std::string timestamp;      // the header webhook-timestamp
    std::string traceparent;    // the header traceparent
    std::string tracestate;     // the header tracestate
    bool signature_ok = false;  // by any of the secrets
    bool accepted = false;      // answered with 2xx
    Timestamp at;
};

struct ReceiverOptions {
    std::string listen = "127.0.0.1:0";
    std::vector<std::string> secrets;  // "whsec_…"
    ReceiverMode mode;
    int threads = 1;
    bool keep_log = true;  // keep every delivery, for received() and ?log=1
    // Called for each delivery on one of the server's threads; may be empty.
    std::function<void(const ReceivedDelivery&)> on_delivery;
};

// A webhook receiver that verifies Standard Webhooks signatures (v1). Any POST outside /_receiver/ is a
// delivery. A path /as/MODE/… is answered by that mode: ok, fail or hang.
//
//   GET  /_receiver/stats[?log=1]  {"total","unique","duplicates","bad_signatures","deliveries":[…]}
//   GET  /_receiver/bodies/<alert> the last body that names this alert
//   POST /_receiver/mode           body: a mode
//   POST /_receiver/secrets        body: one more secret
//
// Thread-safe.
class Receiver {
public:
    virtual ~Receiver() = default;
    virtual std::uint16_t port() const = 0;
    virtual void set_mode(const ReceiverMode& mode) = 0;
    virtual void add_secret(const std::string& secret) = 0;
    virtual std::vector<ReceivedDelivery> received() const = 0;
    virtual std::uint64_t total() const = 0;
};

Result<std::unique_ptr<Receiver>> create_receiver(const ReceiverOptions& options);

}  // namespace pricewire::sim
