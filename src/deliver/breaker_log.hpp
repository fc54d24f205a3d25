#pragma once

#include <string>
#include <string_view>

#include "base/log.hpp"
#include "deliver/endpoints.hpp"

namespace pricewire::deliver {

// Logs breakers that open and close, not more than some each second: a user may have many.
class BreakerLog {
public:
    void tell(const Endpoints::Ended& ended, const Endpoints::Endpoint& endpoint, std::string_view reason,
              MonoTime now) {
        if ((!ended.opened && !ended.closed) || !lines_.take(now)) return;
        const std::string user = Endpoints::user(endpoint).to_string();
        if (ended.closed) {
            log::info("an endpoint works again; its webhooks are sent",
                      {{"endpoint", Endpoints::name(endpoint)}, {"user_id", user}});
            return;
        }
        log::warn(
            "an endpoint fails too often; its webhooks wait, and from time to time one is sent to check "
            "whether it works again",
            {{"endpoint", Endpoints::name(endpoint)}, {"reason", std::string(reason)}, {"user_id", user}});
    }

private:
    log::LineBudget lines_{"endpoints that fail or work again", 20};
};

}  // namespace pricewire::deliver
