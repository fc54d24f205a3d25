#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/blocking_http.hpp"
#include "support/process.hpp"

namespace pricewire::test {

// A browser's subscription at the push service.
struct BrowserSubscription {
    std::string id;
    std::string endpoint;
    std::string p256dh;
    std::string auth;
    // As PushSubscription.toJSON() gives it, with a label.
    std::string json(const std::string& label = "Phone") const;
};

// A push that has arrived there.
struct SeenPush {
    std::string id;    // of its subscription
    int status = 0;    // of the answer
    std::string why;   // set if the service refused it
    std::string text;  // all that is known of it: a JSON object with "message", as decrypted, and "headers"
};

// tests/contract/push_service.mjs: what a browser and its push service do, by code of others. One thread.
class PushService {
public:
    // Why it cannot run here; nullptr if it can.
    static const char* why_not();
    PushService();

    BrowserSubscription subscribe(const std::string& server_key);
    void end(const BrowserSubscription& subscription);  // it answers 410 from then on
    // The next pushes' answers in order, as a JSON array of {"status":…}; after them 201.
    void answer(const std::string& answers);
    std::vector<SeenPush> seen();
    std::string url() const { return url_; }

private:
    TempDir dir_;
    Process process_;
    std::string url_;
    BlockingHttp http_;
};

}  // namespace pricewire::test
