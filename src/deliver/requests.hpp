#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/p256.hpp"
#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "push/server_key.hpp"
#include "secrets/secret_box.hpp"

namespace pricewire::deliver {

// Makes the requests of attempts. One thread.
class Requests {
public:
    using OwnKey = std::function<Result<P256KeyPair>()>;

    // `own_key` and `contact` as in SenderOptions. `secrets` outlives it.
    Requests(OwnKey own_key, std::string contact, std::string user_agent, const secrets::SecretBox& secrets,
             int traced_percent = 0)
        : own_key_(std::move(own_key)),
          contact_(std::move(contact)),
          user_agent_(std::move(user_agent)),
          secrets_(secrets),
          traced_percent_(traced_percent) {}

    // The POST of one attempt that starts at `now`: webhook_request() or, to a device, push_message(), encrypted anew.
    // Time-out, TLS and guard are left to the caller. Error: a secret or a key cannot be had or opened, or is not valid;
    // the message does not contain it.
    Result<net::HttpRequest> make(const ClaimedDelivery& delivery, Timestamp now);

private:
    Result<net::HttpRequest> push_request(const ClaimedDelivery& delivery, Timestamp now);
    Result<void> read_own_key();

    const OwnKey own_key_;
    const std::string contact_;
    const std::string user_agent_;
    const secrets::SecretBox& secrets_;
    const int traced_percent_;
    std::optional<push::Vapid> vapid_;
};

}  // namespace pricewire::deliver
