#pragma once

#include <string>
#include <unordered_set>

#include "base/log.hpp"
#include "base/uuid.hpp"

namespace pricewire::deliver {

// Logs whose secrets cannot be opened: each user once. A missing key affects the secrets of all users, so it is enough
// to log some of them.
class SecretLog {
public:
    void tell(const Uuid& user, const std::string& reason) {
        if (named_.size() >= most_named || !named_.insert(user).second) return;
        log::error(
            "a user's webhooks cannot be signed and wait, without using up attempts, until their secret "
            "can be opened; is security.master_key or the key file the one that it was sealed with?",
            {{"user_id", user.to_string()}, {"reason", reason}});
    }

private:
    static constexpr std::size_t most_named = 20;
    std::unordered_set<Uuid> named_;
};

}  // namespace pricewire::deliver
