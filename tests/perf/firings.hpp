#pragma once

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "storage/storage.hpp"

namespace pricewire::perf {

// Creates alerts with the targets 1, 2, … and the webhook url_of(0), url_of(1), …, each as changed by `change`, and
// returns a firing of each; none if the users are refused. Created by many threads so that the storage can commit them in groups.
template <typename UrlOf>
std::vector<Firing> create_alerts(storage::Storage& storage, std::size_t count, const std::string& secret,
                                  UrlOf url_of, const std::function<void(Alert&)>& change = {}) {
    const Timestamp now = system_clock().now();
    // 500 alerts per user, since the storage counts a user's alerts on every creation; the users in turn, as
    // those who watch the same ticker are.
    std::vector<Uuid> users;
    for (std::size_t i = 0; i <= count / 500; ++i) {
        NewUser user{{make_uuid(now), fmt::format("bench{}@example.com", i), true, now}, {}, secret};
        std::memcpy(user.api_key_hash.data(), &i, sizeof i);
        if (!storage.create_user(user)) return {};
        users.push_back(user.user.id);
    }
    std::vector<Firing> firings(count);
    std::vector<std::thread> threads;
    constexpr std::size_t workers = 32;
    for (std::size_t w = 0; w < workers; ++w) {
        threads.emplace_back([&, w] {
            for (std::size_t i = w; i < count; i += workers) {
                Alert alert{.id = make_uuid(now),
                            .user_id = users[i % users.size()],
                            .ticker = "BTC",
                            .target = Decimal::from_int(static_cast<std::int64_t>(i) + 1),
                            .webhook_url = url_of(i),
                            .created_at = now};
                if (change) change(alert);
                if (storage.create_alert(alert, count)) firings[i] = {alert.id, make_uuid(now)};
            }
        });
    }
    for (std::thread& t : threads) t.join();
    return firings;
}

}  // namespace pricewire::perf
