// Alerts of the form that existed before rules, with the real programs: answers, lists, webhooks and the stream's events
// are byte for byte those of tests/data/seed_alerts.txt, which the version before rules gives as well. Clocks stand still
// between the moments of a case (stepped_world.hpp), so that all times are the same; ids, keys and ports have names.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "scenarios/stepped_world.hpp"
#include "support/raw_client.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

struct Step {
    Duration at;
    const char* price;  // null: it is gone
};
// Made at 0. What the first eight of tests/data/alert_vectors.json are about, sooner and without a jump.
struct Seed {
    const char* condition;
    std::vector<Step> before, after;
    bool fires;
    bool fires_at_once = false;
};
const std::vector<Seed> seeds{
    {"gt", {{-1s, "99"}}, {{5s, "100"}, {6s, "100.01"}, {7s, "99"}, {8s, "101"}}, true},
    {"lt", {{-1s, "95"}}, {{3s, "94"}}, true, true},
    {"gt", {{-1s, "100"}}, {{3s, "100.00000001"}}, true},
    {"gt", {{-1s, "95"}}, {{4s, "104.5"}}, true},
    {"gt", {}, {{7s, "101"}}, true},
    {"gt", {{-1s, "101"}, {-500ms, nullptr}}, {{8s, "99"}, {9s, "98"}}, false},
    {"gt", {{-1s, "99"}}, {{5s, nullptr}, {12s, "104"}}, true},
    {"gt", {{-1s, "99"}}, {{5s, nullptr}, {12s, "99.5"}}, false}};

std::string ticker_of(std::size_t seed) {
    return "SEED" + std::to_string(seed + 1);
}

class Transcript {
public:
    void note(const std::string& what, const net::HttpResult& answer) {
        note(what, std::to_string(answer.status) + " " + answer.body);
    }
    void note(const std::string& what, const std::string& text) {
        text_ += "== " + named(what) + "\n" + named(text) + "\n";
    }
    const std::string& text() const { return text_; }

private:
    // Ids by the order in which they appear.
    std::string named(std::string text) {
        static const std::regex id("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
        for (std::smatch found; std::regex_search(text, found, id);) {
            const std::string name =
                names_.try_emplace(found.str(), "<id " + std::to_string(names_.size() + 1) + ">")
                    .first->second;
            text.replace(static_cast<std::size_t>(found.position()), 36, name);
        }
        static const std::regex port("127\\.0\\.0\\.1:[0-9]+");
        static const std::regex event(R"("id":"[0-9]+\.[0-9a-f]+\.[0-9]+")");
        return std::regex_replace(std::regex_replace(text, port, "127.0.0.1:PORT"), event, R"("id":"EVENT")");
    }

    std::string text_;
    std::map<std::string, std::string> names_;
};

class SeedAlerts : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    }
    net::Headers key() { return {{"X-API-Key", world_->account().api_key}}; }
    std::string url(const std::string& path) { return world_->deployment().api(path); }
    BlockingHttp& http() { return world_->deployment().http(); }
    void get(const std::string& path) { out_.note("GET " + path, http().get(url(path), key())); }
    net::HttpResult post(const std::string& body) {
        auto answer = http().post(url("/alerts/"), body, key());
        out_.note("POST /alerts/ " + body, answer);
        return answer;
    }
    std::string body_of(std::size_t seed) {
        return R"({"ticker":")" + ticker_of(seed) + R"(","target_price":100,"condition":")" +
               seeds[seed].condition + R"(","webhook_url":")" + world_->deployment().receiver_url() +
               R"(/hook"})";
    }

    void ask_for_what_is_refused() {
        for (
            const char* body :
            {"{}", "[]", "nothing", R"({"ticker":"SEED1"})",
             R"({"ticker":"SEED1","target_price":-1,"condition":"gt","webhook_url":"https://a.example/"})",
             R"({"ticker":"SEED1","target_price":"much","condition":"gt","webhook_url":"https://a.example/"})",
             R"({"ticker":"SEED1","target_price":1,"condition":"above","webhook_url":"https://a.example/"})",
             R"({"ticker":"SEED1","target_price":1,"condition":"gt","webhook_url":"ftp://a.example/"})"})
            post(body);
        for (const char* path : {"/alerts/00000000-0000-7000-8000-000000000000", "/alerts/nonsense",
                                 "/alerts/?limit=0", "/alerts/?is_active=perhaps"})
            get(path);
        out_.note("GET /alerts/ without a key", http().get(url("/alerts/")));
    }

    // In the order of time.
    void play(const std::vector<Step> Seed::* part) {
        std::multimap<Duration, std::pair<std::string, const char*>> steps;
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            for (const Step& step : seeds[i].*part)
                steps.emplace(step.at, std::pair(ticker_of(i), step.price));
        }
        for (const auto& [at, step] : steps) {
            world_->step_to(at);
            if (step.second == nullptr) {
                world_->lose_price(step.first);
            } else {
                world_->set_price(step.first, Decimal::parse(step.second).value());
            }
            world_->settle();
        }
    }

    // What the stream says of each alert's firing, up to that of `last`.
    static std::map<std::string, std::string> firings_of(RawClient& stream, const std::string& last) {
        std::map<std::string, std::string> out;
        while (!out.contains(last)) {
            const std::string event = stream.until("\n\n");
            if (!event.ends_with("\n\n")) break;  // it is closed
            if (event.find("event: alert_fired\n") == std::string::npos) continue;
            const std::size_t data = event.find("data: ");
            const std::string text = event.substr(data, event.size() - 2 - data);
            out[json_member(text.substr(text.find("\"alert\":{")), "id").value()] = text;
        }
        return out;
    }

    std::string transcript(const std::string& program) {
        std::vector<std::string> tickers;
        for (std::size_t i = 0; i < seeds.size(); ++i) tickers.push_back(ticker_of(i));
        world_.emplace(GetParam(),
                       SteppedWorld::Options{.tickers = tickers, .begins_at = -1s, .program = program});
        out_ = {};
        world_->start();
        const std::string root = world_->deployment().root("");
        RawClient stream(static_cast<std::uint16_t>(std::stoi(root.substr(root.rfind(':') + 1))));
        stream.put("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " +
                   world_->account().api_key + "\r\n\r\n");
        stream.until("event: ready\n");

        play(&Seed::before);
        std::vector<std::string> alerts;
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            // Lists are in the order of the times at which their alerts were made.
            world_->step_to(std::chrono::milliseconds{i});
            alerts.push_back(json_member(post(body_of(i)).body, "id").value());
            world_->settle();
            // One whose condition holds fires before the clock goes on: once its feed has given a sign of life.
            if (!seeds[i].fires_at_once) continue;
            world_->deployment().wait_until("what holds to fire", [&] {
                return json_member(world_->shown(alerts.back()), "is_active") == "false";
            });
        }
        world_->step_to(10ms);
        post(body_of(4));  // identical
        ask_for_what_is_refused();
        world_->settle();
        for (const char* path : {"/alerts/?ticker=SEED5", "/alerts/?ticker=SEED2&is_active=false"}) get(path);
        play(&Seed::after);
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            if (!seeds[i].fires) continue;
            world_->deployment().wait_until(
                "the webhook", [&] { return !world_->deployment().accepted(alerts[i]).empty(); });
            out_.note("webhook of " + ticker_of(i),
                      http().get(world_->deployment().receiver_url() + "/_receiver/bodies/" + alerts[i]));
        }
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            get("/alerts/" + alerts[i]);
            get("/alerts/?ticker=" + ticker_of(i));
        }
        const auto fired = firings_of(stream, alerts[6]);
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            const auto found = fired.find(alerts[i]);
            out_.note("event of " + ticker_of(i), found == fired.end() ? "none" : found->second);
        }
        out_.note("DELETE the last", http().del(url("/alerts/" + alerts[7]), key()));
        get("/alerts/" + alerts[7]);
        post(body_of(0));  // once more: it has fired
        return out_.text();
    }

    static std::string expected() {
        std::ifstream file(PRICEWIRE_SOURCE_DIR "/tests/data/seed_alerts.txt");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::optional<SteppedWorld> world_;
    Transcript out_;
};
INSTANTIATE_TEST_SUITE_P(Sides, SeedAlerts, both_sides(), name_of_side);

TEST_P(SeedAlerts, AreByteForByteWhatTheyWereBeforeThereWereRules) {
    const std::string text = transcript("");
    EXPECT_EQ(text, expected());
    if (const std::string older = older_binary_of_environment();
        !older.empty() && GetParam() == Side::embedded) {
        EXPECT_EQ(transcript(older), expected()) << "the version before rules";
    }
}

}  // namespace
}  // namespace pricewire::test
