#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"

// Addresses of this server, /try/TOKEN, that keep what is sent to them for a user to look at: a receiver for those who
// have none yet.
namespace pricewire::catcher {

constexpr Duration address_life = std::chrono::hours{1};
constexpr std::size_t kept_requests = 10;            // of an address, the last ones
constexpr std::size_t kept_body = 16 * 1024;         // bytes of a request's body
constexpr std::size_t kept_header_bytes = 8 * 1024;  // names and values; further headers are left out

// Whoever has the token can send there.
struct CatcherAddress {
    Uuid id;
    Uuid user_id;
    std::string token;  // 43 characters of base64url
    Timestamp expires_at;
};

struct CaughtRequest {
    Uuid id;
    Timestamp at;
    std::string method;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;                                          // the first kept_body bytes
    std::size_t body_bytes = 0;                                // of all of it
};

// What is kept of a request.
CaughtRequest caught(std::string_view method, const std::vector<std::pair<std::string, std::string>>& headers,
                     std::string_view body, Timestamp now);

// The server that keeps them does not answer.
struct CatcherUnavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A user has one address at a time; the number of addresses is bounded, and the one that ends first makes room. Nothing of
// it outlives the address. Methods throw CatcherUnavailable. Thread-safe.
class Catcher {
public:
    virtual ~Catcher() = default;
    // The user's address, which lives address_life from now on; `is_new` says whether it had to be made.
    virtual CatcherAddress open(const Uuid& user_id, Timestamp now, bool& is_new) = 0;
    virtual std::optional<CatcherAddress> of_user(const Uuid& user_id, Timestamp now) = 0;
    // nullopt if there is no such address, or not any more.
    virtual std::optional<CatcherAddress> find(std::string_view token, Timestamp now) = 0;
    // Keeps a request. False if there is no such address.
    virtual bool keep(const CatcherAddress& address, const CaughtRequest& request, Timestamp now) = 0;
    // Newest first.
    virtual std::vector<CaughtRequest> requests(const CatcherAddress& address, Timestamp now) = 0;
    // False if there was none.
    virtual bool close(const Uuid& user_id) = 0;
};

}  // namespace pricewire::catcher
