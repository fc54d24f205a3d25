#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class AlertsTest : public ApiTest {
protected:
    template <typename... Texts>
    static std::string body(Texts&&... texts) {
        return alert_body(std::forward<Texts>(texts)...);
    }
    Answer create(std::string json) { return call_as(ann_, "POST", "/api/v1/alerts/", std::move(json)); }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

TEST_F(AlertsTest, CreationReturnsTheAlertAndItsLocation) {
    for (const char* path : {"/api/v1/alerts", "/api/v1/alerts/"}) {
        const Answer answer = call_as(
            ann_, "POST", path, body("70000.00", "BTC", "gt", std::string("https://h.example.com") + path));
        ASSERT_EQ(answer.status, 201) << answer.body;
        const std::string id = member(answer.body, "id");
        EXPECT_EQ(answer.body, R"({"id":")" + id +
                                   R"(","ticker":"BTC","target_price":70000,"condition":"gt",)" +
                                   R"("webhook_url":"https://h.example.com)" + path +
                                   R"(","is_active":true,"created_at":"2023-11-14T22:13:20Z",)" +
                                   R"("triggered_at":null,"triggered_price":null,)" +
                                   R"("format":"json","note":"","deliver_within":"24h"})");
        EXPECT_EQ(answer.header("Location"), "/api/v1/alerts/" + id);
        EXPECT_EQ(call_as(ann_, "GET", answer.header("Location")).body, answer.body);
    }
}

TEST_F(AlertsTest, AnAlertThatCannotFireForWantOfASourceSaysSo) {
    const Answer made = call_as(ann_, "POST", "/api/v1/alerts/", body("70000.00"));
    const std::string path = "/api/v1/alerts/" + member(made.body, "id");
    EXPECT_FALSE(made.has("watched"));
    api_ = nullptr;
    options_.tickers = {"ETH"};
    options_.on_demand = false;
    for (const std::string& where : {path, std::string("/api/v1/alerts/")}) {
        EXPECT_TRUE(call_as(ann_, "GET", where)
                        .has(R"("watched":false,"unwatched_reason":"Only the tickers in market.tickers)"))
            << where;
    }
    api_ = nullptr;
    options_.tickers = {"BTC", "ETH"};
    options_.watched = std::vector<Ticker>{"ETH"};
    EXPECT_TRUE(call_as(ann_, "GET", path).has(R"("watched":false)")) << "no source has it";
    fire(member(made.body, "id"), "70001");
    EXPECT_FALSE(call_as(ann_, "GET", path).has("watched")) << "it has fired, so nothing is waited for";
}

TEST_F(AlertsTest, PricesKeepTheirDigits) {
    const std::pair<const char*, const char*> cases[] = {
        {"0.000000000000000001", "0.000000000000000001"},
        {"123456789012345.123456789012345678", "123456789012345.123456789012345678"},
        {"65420.15", "65420.15"},
        {"6.542015e4", "65420.15"},
        {"1E-18", "0.000000000000000001"},
        {"1e15", "1000000000000000"},
        {"\"65420.15\"", "65420.15"},
        {"\"0.1\"", "0.1"},
        {"9007199254740993", nullptr},
        {"900719925474099.3", "900719925474099.3"},
        {"0.30000000000000004", "0.30000000000000004"},
    };
    for (const auto& [sent, shown] : cases) {
        const Answer answer =
            create(body(sent, "ETH", "lt", "https://h.example.com/" + std::to_string(rand())));
        if (shown == nullptr) {
            expect_invalid(answer, R"("body","target_price")", "less_than_equal");
            continue;
        }
        ASSERT_EQ(answer.status, 201) << sent << answer.body;
        EXPECT_TRUE(answer.has("\"target_price\":" + std::string(shown) + ","))
            << sent << " became " << answer.body;
        const Answer again = call_as(ann_, "GET", answer.header("Location"));
        EXPECT_EQ(again.body, answer.body);
    }
}

TEST_F(AlertsTest, AnAlertOfAnUnknownKindIs503AndNotListed) {
    const Answer known = create(body("1"));
    const Answer unknown = create(body("2"));
    storage_.write_unknown("alerts", "condition", Uuid::parse(member(unknown.body, "id")).value());
    expect_error(
        call_as(ann_, "GET", unknown.header("Location")), 503,
        "This needs something that a newer version of Pricewire has stored and this one does not know. "
        "Nothing was changed; try again shortly.");
    const Answer list = call_as(ann_, "GET", "/api/v1/alerts");
    EXPECT_EQ(list.status, 200);
    EXPECT_TRUE(list.has(member(known.body, "id")));
    EXPECT_FALSE(list.has(member(unknown.body, "id")));
    EXPECT_EQ(call_as(ann_, "GET", known.header("Location")).status, 200);
}

TEST_F(AlertsTest, ErrorsAreReportedByField) {
    const std::string price = R"("body","target_price")";
    expect_invalid(create(body("0")), price, "greater_than");
    expect_invalid(create(body("-1")), price, "greater_than");
    expect_invalid(create(body("-0.0")), price, "greater_than");
    expect_invalid(create(body("1e16")), price, "less_than_equal");
    expect_invalid(create(body("1e300")), price, "decimal_parsing");
    expect_invalid(create(body("0.0000000000000000001")), price, "decimal_parsing");
    expect_invalid(create(body("\"NaN\"")), price, "decimal_parsing");
    expect_invalid(create(body("\" 1\"")), price, "decimal_parsing");
    expect_invalid(create(body("true")), price, "decimal_type");
    expect_invalid(create(body("null")), price, "decimal_type");
    expect_invalid(create(body("[1]")), price, "decimal_type");
    expect_invalid(create(body("{\"a\":[{\"b\":1}]}")), price, "decimal_type");
    expect_invalid(create(body("NaN")), R"("body")", "json_invalid");
    expect_invalid(create(body("1", "XYZ")), R"("body","ticker")", "enum");
    expect_invalid(create(body("1", "")), R"("body","ticker")", "enum");
    expect_invalid(create(body("1", "BTC\\u0000")), R"("body","ticker")", "enum");
    expect_invalid(create(body("1", "BTC", "ge")), R"("body","condition")", "enum");
    expect_invalid(create(body("1", "BTC", "gt", "ftp://h.example.com")), R"("body","webhook_url")",
                   "webhook_url");
    expect_invalid(create(body("1", "BTC", "gt", "http://h.example.com")), R"("body","webhook_url")",
                   "webhook_url");
    expect_invalid(create(body("1", "BTC", "gt", "https://127.0.0.1/")), R"("body","webhook_url")",
                   "webhook_url");
    expect_invalid(create(R"({"target_price":1,"condition":"gt","webhook_url":"https://h.example.com"})"),
                   R"("body","ticker")", "missing");
    EXPECT_TRUE(create(body("1", "XYZ")).has("Input should be one of BTC, ETH, DOGE"));
    EXPECT_TRUE(create(body("1", "BTC", "gt", "https://127.0.0.1/")).has("loopback"));
    EXPECT_EQ(storage_.calls("create_each"), 0);
}

TEST_F(AlertsTest, AllErrorsAreReportedAtOnce) {
    const Answer answer = create(R"({"ticker":1,"target_price":"x","condition":"up"})");
    EXPECT_EQ(answer.status, 422);
    for (const char* field : {"ticker", "target_price", "condition", "webhook_url"}) {
        EXPECT_TRUE(answer.has(R"({"loc":["body",")" + std::string(field) + R"("],)")) << answer.body;
    }
}

TEST_F(AlertsTest, MalformedBodiesAreRejected) {
    for (const char* json :
         {"", " ", "null", "7", "\"text\"", "[{}]", "{\"ticker\"", "{\"a\":1}x", "{'a':1}", "\xff\xfe",
          "{\"ticker\":\"\xc3\x28\"}", "{\"ticker\":\"\\ud800\"}", "[[[[[[[[[[[["}) {
        const Answer answer = create(json);
        EXPECT_EQ(answer.status, 422) << json << answer.body;
    }
    EXPECT_EQ(create(std::string(64 * 1024, '[')).status, 422);
    EXPECT_EQ(create("{\"a\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}").status, 422);
    EXPECT_EQ(create(R"({"ticker":")" + std::string(60'000, 'A') + "\"}").status, 422);
    std::string many = "{";
    for (int i = 0; i < 5000; ++i) many += "\"f" + std::to_string(i) + "\":1,";
    expect_invalid(create(many + "\"x\":1}"), R"("body")", "too_long");
}

TEST_F(AlertsTest, UnknownFieldsAreIgnored) {
    std::string json = body();
    json.insert(1,
                R"("remark":"プライス \u00e9 \ud83d\ude80","nested":{"ticker":["ETH",{"target_price":1}]},)");
    const Answer answer = create(json);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_TRUE(answer.has("\"ticker\":\"BTC\",\"target_price\":70000,"));
}

TEST_F(AlertsTest, TickersAreCaseInsensitive) {
    EXPECT_TRUE(create(body("1", "eth")).has("\"ticker\":\"ETH\""));
}

TEST_F(AlertsTest, AnIdenticalActiveAlertIs409) {
    const Answer first = create(body());
    ASSERT_EQ(first.status, 201);
    expect_error(create(body("7e4")), 409, "An identical active alert already exists");
    EXPECT_EQ(create(body("70000.01")).status, 201);
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/alerts/", body()).status, 201)
        << "another user's alert is not identical";
    fire(member(first.body, "id"), "70001");
    EXPECT_EQ(create(body()).status, 201) << "a fired alert is not active";
}

TEST_F(AlertsTest, TheLimitOfActiveAlertsIs403) {
    options_.alerts_per_user = 3;
    api_ = nullptr;
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(create(body(std::to_string(i))).status, 201);
    expect_error(
        create(body("4")), 403,
        "Alert limit reached: a user may have 3 active alerts. Delete some first; alerts that have fired do "
        "not count.");
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/alerts/", body()).status, 201);
    const auto all = ids(call_as(ann_, "GET", "/api/v1/alerts/"));
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts/" + all[0]).status, 204);
    EXPECT_EQ(create(body("4")).status, 201);
}

TEST_F(AlertsTest, AUrlThatResolvesToAForbiddenAddressIs422) {
    vet_ = [](std::string_view) {
        return Result<net::WebhookUrl>(fail("10.0.0.1 is a private address (10.0.0.0/8)"));
    };
    api_ = nullptr;
    const Answer answer = create(body());
    expect_invalid(answer, R"("body","webhook_url")", "webhook_url");
    EXPECT_TRUE(answer.has("10.0.0.1 is a private address (10.0.0.0/8)"));
    EXPECT_EQ(storage_.calls("create_each"), 0);
}

TEST_F(AlertsTest, ASlowNameServerDoesNotBlockOtherUsers) {
    options_.resolvers = 1;
    options_.resolver_queue = 1;
    std::promise<void> release;
    vet_ = [gate = release.get_future().share()](std::string_view url) {
        if (url.find("slow") != std::string_view::npos) gate.wait();
        return Result<net::WebhookUrl>(net::WebhookUrl{});
    };
    api_ = nullptr;
    std::vector<Pending> stuck;
    for (int i = 0; i < 2; ++i) {
        stuck.push_back(start("POST", "/api/v1/alerts",
                              body(std::to_string(i + 1), "BTC", "gt", "https://slow.example.com"),
                              {{"x-api-key", ann_.api_key}}));
    }
    // At most one is being resolved and one waits: some of these skip the resolver.
    std::vector<Pending> more;
    for (int i = 0; i < 3; ++i) {
        more.push_back(start("POST", "/api/v1/alerts",
                             body(std::to_string(i + 10), "BTC", "gt", "https://slow.example.com"),
                             {{"x-api-key", bob_.api_key}}));
    }
    EXPECT_TRUE(storage_.wait_until([&] { return storage_.calls("create_each") >= 1; }));
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/").status, 200);
    release.set_value();
    for (auto& f : stuck) EXPECT_EQ(wait(std::move(f)).status, 201);
    for (auto& f : more) EXPECT_EQ(wait(std::move(f)).status, 201);
}

TEST_F(AlertsTest, WhoeverWaitedForOthersSlowNamesWaitsNoLonger) {
    options_.resolvers = 1;
    std::promise<void> resolving;
    std::promise<void> release;
    std::atomic<int> vetted = 0;
    vet_ = [&, gate = release.get_future().share()](std::string_view) {
        if (++vetted == 1) resolving.set_value();
        gate.wait();
        return Result<net::WebhookUrl>(net::WebhookUrl{});
    };
    api_ = nullptr;
    // A key that needs no look-up: the request waits for the resolver once start() has returned.
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/users/me").status, 200);
    auto slow = start("POST", "/api/v1/alerts", body("1"), {{"x-api-key", ann_.api_key}});
    resolving.get_future().wait();
    auto next = start("POST", "/api/v1/alerts", body("2"), {{"x-api-key", bob_.api_key}});
    clock_.advance(600ms);
    release.set_value();
    EXPECT_EQ(wait(std::move(slow)).status, 201);
    EXPECT_EQ(wait(std::move(next)).status, 201);
    EXPECT_EQ(vetted, 1) << "the second was accepted on its text";
}

TEST_F(AlertsTest, OneUsersSlowNamesLeaveResolversToOthers) {
    options_.resolvers = 4;
    std::promise<void> release;
    std::atomic<int> slow = 0;
    std::atomic<int> resolved = 0;
    vet_ = [&, gate = release.get_future().share()](std::string_view url) {
        if (url.contains("slow")) {
            ++slow;
            gate.wait();
        } else {
            ++resolved;
        }
        return Result<net::WebhookUrl>(net::WebhookUrl{});
    };
    api_ = nullptr;
    std::vector<Pending> stuck;
    for (int i = 0; i < 30; ++i) {
        stuck.push_back(start("POST", "/api/v1/alerts",
                              body(std::to_string(i + 1), "BTC", "gt", "https://slow.example.com"),
                              {{"x-api-key", ann_.api_key}}));
    }
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(call_as(bob_, "POST", "/api/v1/alerts", body(std::to_string(i + 1))).status, 201);
    }
    EXPECT_EQ(resolved, 20) << "every name of the other user was resolved";
    EXPECT_LE(slow, 2);
    release.set_value();
    for (auto& f : stuck) EXPECT_EQ(wait(std::move(f)).status, 201);
}

TEST_F(AlertsTest, FiredAlertsAreListedWithTheirPrice) {
    const std::string id = member(create(body()).body, "id");
    clock_.advance(1500ms);
    fire(id, "70000.000000000000000001");
    const Answer answer = call_as(ann_, "GET", "/api/v1/alerts/" + id);
    EXPECT_TRUE(
        answer.has(R"("is_active":false,"created_at":"2023-11-14T22:13:20Z",)"
                   R"("triggered_at":"2023-11-14T22:13:21.5Z","triggered_price":70000.000000000000000001,)"))
        << answer.body;
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/").body, "[" + answer.body + "]");
}

TEST_F(AlertsTest, ListsTheUsersOwnAlertsNewestFirst) {
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/").body, "[]");
    std::vector<std::string> created;
    for (int i = 1; i <= 5; ++i) {
        created.insert(created.begin(), member(create(body(std::to_string(i))).body, "id"));
        clock_.advance(1ms);
    }
    call_as(bob_, "POST", "/api/v1/alerts/", body());
    const Answer answer = call_as(ann_, "GET", "/api/v1/alerts");
    EXPECT_EQ(ids(answer), created);
    EXPECT_EQ(answer.header("Link"), "");
}

TEST_F(AlertsTest, FiltersByStateAndTicker) {
    const std::string fired = member(create(body("1")).body, "id");
    clock_.advance(1ms);
    const std::string btc = member(create(body("2")).body, "id");
    clock_.advance(1ms);
    const std::string eth = member(create(body("3", "ETH")).body, "id");
    fire(fired, "5");
    const auto list = [&](const std::string& query) {
        return ids(call_as(ann_, "GET", "/api/v1/alerts/" + query));
    };
    using Ids = std::vector<std::string>;
    EXPECT_EQ(list("?is_active=true"), (Ids{eth, btc}));
    EXPECT_EQ(list("?is_active=FALSE"), (Ids{fired}));
    EXPECT_EQ(list("?ticker=BTC"), (Ids{btc, fired}));
    EXPECT_EQ(list("?ticker=eth&is_active=1"), (Ids{eth}));
    EXPECT_EQ(list("?ticker=XYZ"), Ids{});
    EXPECT_EQ(list("?ticker=ETH&unknown=1&&x"), Ids{eth});
}

TEST_F(AlertsTest, PagesHaveNoGapsOrDuplicates) {
    std::vector<std::string> created;
    for (int i = 1; i <= 10; ++i) {
        created.insert(created.begin(),
                       member(create(body(std::to_string(i), i % 2 ? "BTC" : "ETH")).body, "id"));
        clock_.advance(1ms);
    }
    int pages = 0;
    const auto seen = ids_of_pages(ann_, "/api/v1/alerts/?limit=3", [&](int page, const auto& so_far) {
        pages = page;
        // Alerts created or deleted meanwhile do not shift the pages.
        if (page == 1) create(body("999"));
        if (page == 2) call_as(ann_, "DELETE", "/api/v1/alerts/" + so_far.back());
    });
    EXPECT_EQ(seen, created);
    EXPECT_EQ(pages, 4);
    EXPECT_EQ(next_page(call_as(ann_, "GET", "/api/v1/alerts/?limit=10&ticker=ETH")), "")
        << "a full last page has no next one";
}

TEST_F(AlertsTest, TheNextPageKeepsTheOtherParameters) {
    for (int i = 1; i <= 5; ++i) create(body(std::to_string(i)));
    const Answer page =
        call_as(ann_, "GET", "/api/v1/alerts/?ticker=btc&limit=2&is_active=true&x=%3E%22%0d%0a+y");
    const std::string next = next_page(page);
    EXPECT_TRUE(
        next.starts_with("/api/v1/alerts/?ticker=btc&limit=2&is_active=true&x=%3E%22%0D%0A%20y&cursor="))
        << next;
    const Answer second = call_as(ann_, "GET", next);
    EXPECT_EQ(ids(second).size(), 2u);
    EXPECT_EQ(next_page(call_as(ann_, "GET", next_page(second))), "");
}

TEST_F(AlertsTest, ParametersOutOfRangeAre422) {
    const auto list = [&](const std::string& query) {
        return call_as(ann_, "GET", "/api/v1/alerts/?" + query);
    };
    for (const char* limit : {"0", "1001", "-1", "99999999999999999999"}) {
        expect_invalid(list("limit=" + std::string(limit)), R"("query","limit")", "out_of_range");
    }
    for (const char* limit : {"", "ten", "1.5", "10 ", "%31%30x"}) {
        expect_invalid(list("limit=" + std::string(limit)), R"("query","limit")", "int_parsing");
    }
    EXPECT_EQ(list("limit=1").status, 200);
    EXPECT_EQ(list("limit=1000").status, 200);
    expect_invalid(list("is_active=maybe"), R"("query","is_active")", "bool_parsing");
    expect_invalid(list("ticker=B%20C"), R"("query","ticker")", "value_error");
    expect_invalid(list("ticker=ABCDEFGHIJKLMNOPQRST"), R"("query","ticker")", "value_error");
    for (const char* cursor : {"", "x", "AAAAAAAAAAAAAAAAAAAAAA%3D%3D", "%00AAAAAAAAAAAAAAAAAAAAA",
                               "AAAAAAAAAAAAAAAAAAAAA/", "AAAAAAAAAAAAAAAAAAAAAB"}) {
        expect_invalid(list("cursor=" + std::string(cursor)), R"("query","cursor")", "value_error");
    }
}

TEST_F(AlertsTest, MissingAlertsAndThoseOfOthersAre404) {
    const std::string id = member(create(body()).body, "id");
    for (const std::string method : {"GET", "DELETE"}) {
        for (const std::string& which : {std::string("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
                                         std::string("7"), std::string("%00"), id + "0"}) {
            expect_error(call_as(ann_, method, "/api/v1/alerts/" + which), 404, "Alert not found");
        }
        expect_error(call_as(bob_, method, "/api/v1/alerts/" + id), 404, "Alert not found");
    }
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/" + id).status, 200);
}

TEST_F(AlertsTest, ADeletedAlertIsGone) {
    const std::string id = member(create(body()).body, "id");
    const Answer answer = call_as(ann_, "DELETE", "/api/v1/alerts/" + id + "/");
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
    expect_error(call_as(ann_, "DELETE", "/api/v1/alerts/" + id), 404, "Alert not found");
    expect_error(call_as(ann_, "GET", "/api/v1/alerts/" + id), 404, "Alert not found");
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/").body, "[]");
    EXPECT_EQ(create(body()).status, 201);
}

}  // namespace
}  // namespace pricewire::api
