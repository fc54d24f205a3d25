#pragma once

#include <string>
#include <unordered_set>

#include "base/log.hpp"
#include "base/uuid.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

// Logs whose secrets, and devices' keys, cannot be opened: each user once. A missing key affects those of all users, so it
// is enough to log some of them.
class SecretLog {
public:
    void tell(const ClaimedDelivery& claimed, const std::string& reason) {
        const Uuid& user = claimed.alert.user_id;
        if (named_.size() >= most_named || !named_.insert(user).second) return;
        log::error(
            claimed.push
                ? "a user's pushes cannot be made and wait, without using up attempts, until their keys can "
                  "be "
                  "opened; is security.master_key or the key file the one that they were sealed with?"
                : "a user's webhooks cannot be signed and wait, without using up attempts, until their "
                  "secret "
                  "can be opened; is security.master_key or the key file the one that it was sealed with?",
            {{"user_id", user.to_string()}, {"reason", reason}});
    }

private:
    static constexpr std::size_t most_named = 20;
    std::unordered_set<Uuid> named_;
};

}  // namespace pricewire::deliver
