#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ops/config_keys.hpp"
#include "ops/config_load.hpp"

namespace pricewire::ops {
namespace {

using namespace std::chrono_literals;

// One source with a stream and one without, whose free tier limits polling.
const ConfigKeys keys{{{.name = "binance",
                        .settings = {.ws_url = "wss://stream.binance.com:9443/stream",
                                     .rest_url = "https://api.binance.com",
                                     .poll_interval = 5s},
                        .least_poll_reason = {}},
                       {.name = "coingecko",
                        .settings = {.rest_url = "https://api.coingecko.com/api/v3", .poll_interval = 60s},
                        .least_poll = 60s,
                        .least_poll_reason = "the free tier bans faster callers",
                        .has_api_key = true,
                        .least_poll_with_key = 10s,
                        .is_aggregator = true}}};

class ConfigTest : public ::testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(dir_); }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    void write(const std::string& name, const std::string& text) { std::ofstream(dir_ / name) << text; }
    ConfigInput input() {
        ConfigInput in;
        in.directory = dir_;
        return in;
    }
    static Config good(const ConfigInput& in) {
        auto loaded = load_config(in, keys);
        if (!loaded) {
            for (const auto& line : loaded.error()) ADD_FAILURE() << line;
            return {};
        }
        return loaded->config;
    }
    static std::string errors(const ConfigInput& in) {
        auto loaded = load_config(in, keys);
        if (loaded) return "none";
        std::string out;
        for (const auto& line : loaded.error()) out += line + "\n";
        return out;
    }

    std::filesystem::path dir_ =
        std::filesystem::path(::testing::TempDir()) /
        ("pricewire_config_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
         ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ConfigTest, HasTheDocumentedDefaults) {
    const Config c = good(input());
    EXPECT_EQ(c.http.listen, "127.0.0.1:8000");
    EXPECT_EQ(c.storage.database_url, "sqlite:data/pricewire.db");
    EXPECT_EQ(c.market.tickers, (std::vector<std::string>{"BTC", "ETH", "DOGE", "SOL", "BNB"}));
    EXPECT_EQ(c.market.quote_ttl, 15s);
    EXPECT_EQ(c.limits.register_.count, 2U);
    EXPECT_EQ(c.limits.user.count, 5U);
    EXPECT_EQ(c.limits.user.period, 10s);
    EXPECT_EQ(c.limits.history.count, 30U);
    EXPECT_EQ(c.limits.history.period, 10s);
    EXPECT_EQ(c.limits.alerts_per_user, 1000U);
    EXPECT_EQ(c.delivery.attempts, 4);
    EXPECT_EQ(c.delivery.backoff_min, 10s);
    EXPECT_EQ(c.delivery.backoff_max, 600s);
    EXPECT_EQ(c.delivery.timeout, 5s);
    EXPECT_TRUE(c.delivery.tls_verify);
    EXPECT_FALSE(c.delivery.allow_http);
    EXPECT_EQ(c.sources.at("coingecko").poll_interval, 60s);
}

TEST_F(ConfigTest, FlagsOverrideEnvironmentOverridesDotEnvOverridesFile) {
    write("pricewire.toml",
          "[delivery]\nattempts = 5\nbackoff_min = \"1s\"\ntimeout = \"2s\"\n[log]\nlevel = \"warn\"\n");
    write(".env",
          "PRICEWIRE_DELIVERY_ATTEMPTS=6\nexport PRICEWIRE_DELIVERY_BACKOFF_MIN=\"2s\"  # "
          "quoted\nPRICEWIRE_LOG_LEVEL=error\n");
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_DELIVERY_ATTEMPTS", "7"}, {"PRICEWIRE_LOG_LEVEL", "debug"}};
    in.flags = {{"delivery.attempts", "8"}};
    const Config c = good(in);
    EXPECT_EQ(c.delivery.attempts, 8);
    EXPECT_EQ(c.log.level, "debug");
    EXPECT_EQ(c.delivery.backoff_min, 2s);
    EXPECT_EQ(c.delivery.timeout, 2s);
}

TEST_F(ConfigTest, EveryKeyHasAnEnvironmentVariableAndAFlag) {
    for (const ConfigKey& key : keys.all()) {
        const std::string value = key.get(keys.defaults());
        ConfigInput in = input();
        in.environment = {{env_name(key.name), value}};
        const auto from_environment = load_config(in, keys);
        ASSERT_TRUE(from_environment) << key.name << ": " << from_environment.error()[0];
        EXPECT_TRUE(from_environment->origins.contains(key.name)) << env_name(key.name);
        in = input();
        in.flags = {{key.name, value}};
        EXPECT_TRUE(load_config(in, keys)) << key.name;
    }
}

TEST_F(ConfigTest, AcceptsTheSeedsVariables) {
    ConfigInput in = input();
    in.environment = {{"DB_USER", "post/gres"},
                      {"DB_PASS", "p@ss"},
                      {"DB_HOST", "db"},
                      {"DB_PORT", "5433"},
                      {"DB_NAME", "crypto"},
                      {"REDIS_URL", "redis://redis:6379"},
                      {"RABBITMQ_URL", "amqp://guest:guest@rabbitmq:5672/"}};
    Config c = good(in);
    EXPECT_EQ(c.storage.database_url, "postgresql://post%2Fgres:p%40ss@db:5433/crypto");
    EXPECT_EQ(c.storage.redis_url, "redis://redis:6379");
    EXPECT_EQ(c.storage.rabbitmq_url, "amqp://guest:guest@rabbitmq:5672/");
    in.environment["PRICEWIRE_STORAGE_DATABASE_URL"] = "sqlite:mine.db";
    EXPECT_EQ(good(in).storage.database_url, "sqlite:mine.db");
}

TEST_F(ConfigTest, EachInvalidValueIsReportedWithItsPlaceAndWhatIsExpected) {
    write("pricewire.toml", "[http]\nlisten = 8000\n[delivery]\nattempts = 0\nallow_ports = [\"99999\"]\n");
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_MARKET_QUOTE_TTL", "15"}};
    in.flags = {{"limits.user", "many"}};
    EXPECT_EQ(
        errors(in),
        "pricewire.toml:5: invalid value '99999' for delivery.allow_ports: expected ports and port ranges "
        "such as "
        "443,8000-8999\n"
        "pricewire.toml:4: invalid value '0' for delivery.attempts: expected a whole number from 1 to 100\n"
        "pricewire.toml:2: invalid value '8000' for http.listen: expected host:port\n"
        "environment: PRICEWIRE_MARKET_QUOTE_TTL: invalid value '15' for market.quote_ttl: expected a "
        "duration "
        "from 1s to 10m\n"
        "--limits.user: invalid value 'many' for limits.user: expected COUNT/DURATION such as 5/10s, with "
        "a count "
        "from 1 to 1000000000\n");
}

TEST_F(ConfigTest, AnUnknownKeyIsReportedWithTheNearestOneIfThatIsNear) {
    write("pricewire.toml", "port = 1\n[delivery]\natempts = 3\n[sources.bitfinex]\nenabled = true\n");
    ConfigInput in = input();
    in.flags = {{"log.levle", "info"}};
    EXPECT_EQ(errors(in),
              "pricewire.toml:3: unknown key delivery.atempts: did you mean delivery.attempts?\n"
              "pricewire.toml:1: unknown key port; config/pricewire.toml lists the keys\n"
              "pricewire.toml:5: unknown key sources.bitfinex.enabled; config/pricewire.toml lists the keys\n"
              "unknown flag --log.levle: did you mean log.level?\n");
}

TEST_F(ConfigTest, AnUnknownVariableIsAWarning) {
    write(".env", "PRICEWIRE_VERSION=3\n");
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_HTTP_LISTN", "x"}, {"PRICEWIRE_PORT", "8000"}, {"PRICEWIRE", "x"}};
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded) << errors(in);
    EXPECT_EQ(
        loaded->warnings,
        (std::vector<std::string>{
            "unknown variable PRICEWIRE_HTTP_LISTN is ignored: did you mean PRICEWIRE_HTTP_LISTEN?",
            "unknown variable PRICEWIRE_PORT is ignored", "unknown variable PRICEWIRE_VERSION is ignored"}));
    in.environment = {{"PRICEWIRE_HTTP_LISTEN", "x"}};
    EXPECT_NE(errors(in).find("for http.listen: expected host:port"), std::string::npos) << errors(in);
}

// As a pod sees them beside Services named pricewire, pricewire-api, pricewire-port-x, pricewire-http-listen and db.
TEST_F(ConfigTest, KubernetesServiceVariablesArePassedOver) {
    ConfigInput in = input();
    for (const std::string service :
         {"PRICEWIRE", "PRICEWIRE_API", "PRICEWIRE_PORT_X", "PRICEWIRE_HTTP_LISTEN", "DB"}) {
        in.environment.insert({{service + "_SERVICE_HOST", "10.0.0.1"},
                               {service + "_SERVICE_PORT", "8000"},
                               {service + "_SERVICE_PORT_HTTP", "8000"},
                               {service + "_SERVICE_PORT_HTTP_2", "8001"},
                               {service + "_PORT", "tcp://10.0.0.1:8000"},
                               {service + "_PORT_8000_TCP", "tcp://10.0.0.1:8000"},
                               {service + "_PORT_8000_TCP_PROTO", "tcp"},
                               {service + "_PORT_8000_TCP_PORT", "8000"},
                               {service + "_PORT_8000_TCP_ADDR", "10.0.0.1"},
                               {service + "_PORT_53_UDP", "udp://[fd00::1]:53"},
                               {service + "_PORT_53_UDP_ADDR", "fd00::1"},
                               {service + "_PORT_9_SCTP_PROTO", "sctp"}});
    }
    in.environment.insert({{"DB_USER", "u"}, {"DB_PASS", "p"}, {"DB_HOST", "db"}, {"DB_NAME", "n"}});
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded) << errors(in);
    EXPECT_EQ(loaded->warnings, std::vector<std::string>{});
    EXPECT_EQ(loaded->config.storage.database_url, "postgresql://u:p@db:5432/n");
    EXPECT_EQ(loaded->config.http.listen, "127.0.0.1:8000");
}

TEST_F(ConfigTest, WhatOnlyLooksLikeAServiceVariableIsAWarning) {
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_API_PORT", "8000"},
                      {"PRICEWIRE_API_SERVICE_PORT", "http"},
                      {"PRICEWIRE_PORT_HTTP_TCP", "8000"},
                      {"PRICEWIRE_PORT_80_QUIC", "80"},
                      {"PRICEWIRE_PORT_80", "tcp"}};
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded) << errors(in);
    EXPECT_EQ(loaded->warnings.size(), in.environment.size());
}

TEST_F(ConfigTest, AtLeastThePinnedTickersAreWatched) {
    ConfigInput in = input();
    EXPECT_TRUE(good(in).market.on_demand);
    EXPECT_EQ(good(in).market.max_tickers, 1000);
    in.flags = {{"market.max_tickers", "4"}};
    EXPECT_EQ(errors(in), "market.max_tickers (4) is less than the number of market.tickers (5)\n");
    in.flags = {{"market.max_tickers", "5"}, {"market.on_demand", "false"}};
    EXPECT_EQ(good(in).market.max_tickers, 5);
    EXPECT_FALSE(good(in).market.on_demand);
}

TEST_F(ConfigTest, APollIntervalIsShorterThanItsPricesCount) {
    ConfigInput in = input();
    in.flags = {{"sources.binance.poll_interval", "30s"}};
    EXPECT_EQ(
        errors(in),
        "sources.binance.poll_interval (30s) must be shorter than market.quote_ttl (15s): its prices would "
        "stop counting between two requests\n");
    in.flags = {{"sources.binance.poll_interval", "15s"}};
    EXPECT_NE(errors(in), "none");
    in.flags = {{"sources.binance.poll_interval", "14s"}};
    EXPECT_EQ(errors(in), "none");
    in.flags = {{"sources.binance.poll_interval", "30s"}, {"market.quote_ttl", "45s"}};
    EXPECT_EQ(errors(in), "none");
    in.flags = {{"sources.coingecko.poll_interval", "5m"}};
    EXPECT_NE(errors(in).find("market.aggregator_ttl (3m)"), std::string::npos) << errors(in);
    in.flags.emplace_back("sources.coingecko.enabled", "false");
    EXPECT_EQ(errors(in), "none");
    in.flags = {{"sources.binance.poll_interval", "30s"},
                {"sources.binance.rest_url", ""},
                {"sources.binance.ws_url", "wss://stream.example"}};
    EXPECT_EQ(errors(in), "none") << "nothing is polled";
    const ConfigKeys strict{{{.name = "strict",
                              .settings = {.rest_url = "https://strict.example", .poll_interval = 5s},
                              .least_poll = 2s,
                              .least_poll_reason = "it allows 30 requests a minute"}}};
    in.flags = {{"market.quote_ttl", "1s"}};
    const auto strictly = load_config(in, strict);
    ASSERT_TRUE(strictly) << strictly.error().front();
    EXPECT_EQ(strictly->config.sources.at("strict").poll_interval, 2s);
    EXPECT_EQ(strictly->origins.at("sources.strict.poll_interval"), "the shortest that it allows");
    in.flags.emplace_back("sources.strict.rest_url", "http://127.0.0.1:9");
    const auto elsewhere = load_config(in, strict);
    ASSERT_TRUE(elsewhere) << elsewhere.error().front();
    EXPECT_EQ(elsewhere->config.sources.at("strict").poll_interval, 500ms) << "nobody's limit applies";
    const ConfigKeys slow{{{.name = "slow",
                            .settings = {.rest_url = "https://slow.example", .poll_interval = 3min},
                            .least_poll_reason = {},
                            .is_aggregator = true,
                            .figures_ttl = 15min}}};
    in.flags = {{"sources.slow.poll_interval", "14m"}};
    EXPECT_TRUE(load_config(in, slow)) << "its figures are old anyhow";
    in.flags = {{"sources.slow.poll_interval", "15m"}};
    EXPECT_FALSE(load_config(in, slow));
    // One that nobody has chosen gives way.
    in.flags = {{"market.quote_ttl", "2s"}};
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded) << errors(in);
    EXPECT_EQ(loaded->config.sources.at("binance").poll_interval, 1s);
    EXPECT_EQ(loaded->origins.at("sources.binance.poll_interval"), "half of market.quote_ttl");
}

TEST_F(ConfigTest, AddressesAreReadWhole) {
    ConfigInput in = input();
    const auto is_refused = [&](const std::string& key, const std::string& value) {
        in.flags = {{key, value}};
        return errors(in) != "none";
    };
    for (const char* good : {"localhost:80", "0.0.0.0:0", "[::]:80", "::1:80", "a-b.example:65535"})
        EXPECT_FALSE(is_refused("http.listen", good)) << good;
    for (const char* bad :
         {"http://0.0.0.0:80", "a b:80", ":80", "[]:80", "host", "host:65536", "host:80/", ""})
        EXPECT_TRUE(is_refused("http.listen", bad)) << bad;
    for (const char* good : {"https://h.example", "http://127.0.0.1:1/api?x=1", "http://[::1]:8080/",
                             "https://u:p@h.example/v3", "http://[::1]"})
        EXPECT_FALSE(is_refused("sources.binance.rest_url", good)) << good;
    for (const char* bad :
         {"https:///v3", "https://h.example:0", "https://h.example:x/", "https://h example/", "https://[::1/",
          "https://h.example:99999", "https://:80", "ftp://h.example"})
        EXPECT_TRUE(is_refused("sources.binance.rest_url", bad)) << bad;
    EXPECT_TRUE(is_refused("sources.binance.ws_url", "wss://:9443/stream"));
}

TEST_F(ConfigTest, AnInvalidOrMissingFileIsReportedWithThePosition) {
    write("pricewire.toml", "[http\nlisten = 1\n");
    EXPECT_TRUE(errors(input()).starts_with("pricewire.toml:1: ")) << errors(input());
    ConfigInput in = input();
    in.file = (dir_ / "nowhere.toml").string();
    EXPECT_NE(errors(in).find("nowhere.toml: cannot be read"), std::string::npos);
}

TEST_F(ConfigTest, ASourcesKeyIsMaskedAndAllowsItToBePolledMoreOften) {
    ConfigInput in = input();
    in.flags = {{"sources.coingecko.poll_interval", "10s"}};
    in.environment = {{"PRICEWIRE_SOURCES_COINGECKO_API_KEY", "CG-0123456789"}};
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.sources.at("coingecko").api_key, "CG-0123456789");
    const std::string shown = describe_config(*loaded, keys);
    EXPECT_EQ(shown.find("0123456789"), std::string::npos);
    EXPECT_NE(shown.find("api_key"), std::string::npos);
    in.flags = {{"sources.coingecko.poll_interval", "9s"}};
    EXPECT_NE(errors(in).find("at least 10s"), std::string::npos) << errors(in);
    in.flags = {{"sources.coingecko.api_key", "CG-01234\r\nX: y"}};
    EXPECT_NE(errors(in).find("sources.coingecko.api_key: expected"), std::string::npos) << errors(in);
    EXPECT_EQ(errors(in).find("CG-01234"), std::string::npos) << "not shown there either";
    in.flags = {{"sources.binance.api_key", "CG-0123456789"}};
    EXPECT_NE(errors(in).find("sources.binance.api_key"), std::string::npos) << "it has none";
}

TEST_F(ConfigTest, AKeyInASourcesAddressIsRefusedAndNotShown) {
    ConfigInput in = input();
    in.flags = {
        {"sources.coingecko.rest_url", "https://api.coingecko.com/api/v3?x_cg_demo_api_key=CG-0123456789"}};
    EXPECT_NE(errors(in).find("a key belongs in sources.coingecko.api_key"), std::string::npos) << errors(in);
    EXPECT_EQ(errors(in).find("0123456789"), std::string::npos);
}

TEST_F(ConfigTest, ContradictionsAreErrors) {
    ConfigInput in = input();
    in.flags = {{"delivery.backoff_min", "10m"}, {"delivery.backoff_max", "1m"}};
    EXPECT_NE(errors(in).find("delivery.backoff_min (10m) is longer than"), std::string::npos) << errors(in);
    in.flags = {{"sources.coingecko.poll_interval", "10s"}};
    EXPECT_NE(errors(in).find("at least 60s"), std::string::npos) << errors(in);
    in.flags.emplace_back("sources.coingecko.rest_url", "https://pro-api.coingecko.com/api/v3");
    EXPECT_EQ(errors(in), "none");
    in.flags = {{"sources.binance.enabled", "false"}, {"sources.coingecko.enabled", "false"}};
    EXPECT_NE(errors(in).find("every source is disabled"), std::string::npos) << errors(in);
}

TEST_F(ConfigTest, ASourceWithOneAddressNeverContactsTheVenueAtTheOther) {
    ConfigInput in = input();
    in.flags = {{"sources.binance.ws_url", "ws://127.0.0.1:1/stream"}};
    EXPECT_EQ(good(in).sources.at("binance").ws_url, "ws://127.0.0.1:1/stream");
    EXPECT_EQ(good(in).sources.at("binance").rest_url, "");
    EXPECT_NE(describe_config(*load_config(in, keys), keys)
                  .find("rest_url = \"\"  # empty, because only sources.binance.ws_url is set\n"),
              std::string::npos);
    in.flags = {{"sources.binance.rest_url", "http://127.0.0.1:1"}};
    EXPECT_EQ(good(in).sources.at("binance").ws_url, "");
    in.flags.emplace_back("sources.binance.ws_url", "ws://127.0.0.1:2");
    EXPECT_EQ(good(in).sources.at("binance").rest_url, "http://127.0.0.1:1");
    EXPECT_EQ(good(in).sources.at("binance").ws_url, "ws://127.0.0.1:2");
    in.flags = {{"sources.binance.ws_url", ""}};
    EXPECT_EQ(good(in).sources.at("binance").rest_url, "https://api.binance.com") << "REST only";
}

TEST_F(ConfigTest, SymbolsAreATableOrAList) {
    write("pricewire.toml",
          "[market.symbols.coingecko]\nWIF = \"dogwifcoin\"\n[market.symbols.binance]\nWIF = \"WIFUSDC\"\n");
    const auto symbols = good(input()).market.symbols;
    EXPECT_EQ(symbols.at("coingecko").at("WIF"), "dogwifcoin");
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_MARKET_SYMBOLS", "coingecko.WIF=dogwifcoin, binance.WIF=WIFUSDC"}};
    EXPECT_EQ(good(in).market.symbols, symbols);
    in.environment = {{"PRICEWIRE_MARKET_SYMBOLS", "kraken.WIF=x"}};
    EXPECT_NE(errors(in).find("'kraken' is unknown"), std::string::npos);
}

TEST_F(ConfigTest, ThePrintedConfigurationLoadsAgainAndHidesPasswords) {
    ConfigInput in = input();
    in.flags = {{"market.tickers", "BTC,PEPE"},
                {"delivery.allow_ports", "443,8000-8999"},
                {"market.symbols", "coingecko.PEPE=pepe"},
                {"delivery.allow_networks", "10.0.0.0/8, fd00::/8"}};
    const auto loaded = load_config(in, keys);
    ASSERT_TRUE(loaded);
    const std::string printed = describe_config(*loaded, keys);
    write("printed.toml", printed);
    ConfigInput again = input();
    again.file = (dir_ / "printed.toml").string();
    const auto reloaded = load_config(again, keys);
    ASSERT_TRUE(reloaded) << errors(again);
    for (const ConfigKey& key : keys.all())
        EXPECT_EQ(key.get(reloaded->config), key.get(loaded->config)) << key.name;

    in.flags = {{"storage.rabbitmq_url", "amqp://guest:s3cret@host/"}};
    const auto secret = load_config(in, keys);
    ASSERT_TRUE(secret);
    EXPECT_EQ(describe_config(*secret, keys).find("s3cret"), std::string::npos);
    EXPECT_NE(describe_config(*secret, keys).find("amqp://guest:***@host/"), std::string::npos);
    in.flags = {{"storage.rabbitmq_url", "http://guest:s3cret@host/"}};
    EXPECT_EQ(errors(in).find("s3cret"), std::string::npos) << "an error must not contain a password";
}

TEST(MaskPassword, MasksThePasswordInEveryForm) {
    EXPECT_EQ(mask_password("postgresql://u:s3cret@h:5432/d"), "postgresql://u:***@h:5432/d");
    EXPECT_EQ(mask_password("redis://:s3cret@h/0"), "redis://:***@h/0");
    EXPECT_EQ(mask_password("postgresql://h/d?user=u&password=s3cret&sslmode=require"),
              "postgresql://h/d?user=u&password=***&sslmode=require");
    EXPECT_EQ(mask_password("postgresql://h/d?sslpassword=s3cret"), "postgresql://h/d?sslpassword=***");
    EXPECT_EQ(mask_password("redis://h:6379"), "redis://h:6379");
    EXPECT_EQ(mask_password("sqlite:data/pricewire.db"), "sqlite:data/pricewire.db");
    for (const char* odd : {"postgresql://u:s3/cret@h/d", "postgresql://u:s3?cret@h/d",
                            "postgresql://u:s3#cret@h/d", "postgresql://u:s3@cret@h/d"}) {
        EXPECT_EQ(mask_password(odd), "postgresql://u:***@h/d") << odd;
    }
}

}  // namespace
}  // namespace pricewire::ops
