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
                        .least_poll_reason = "the free tier bans faster callers"}}};

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

TEST_F(ConfigTest, AnUnknownKeyIsReportedWithTheNearestOne) {
    write("pricewire.toml", "[delivery]\natempts = 3\n");
    ConfigInput in = input();
    in.environment = {{"PRICEWIRE_HTTP_LISTN", "x"}};
    in.flags = {{"log.levle", "info"}};
    EXPECT_EQ(errors(in),
              "pricewire.toml:2: unknown key delivery.atempts: did you mean delivery.attempts?\n"
              "unknown variable PRICEWIRE_HTTP_LISTN: did you mean http.listen?\n"
              "unknown flag --log.levle: did you mean log.level?\n");
}

TEST_F(ConfigTest, AnInvalidOrMissingFileIsReportedWithThePosition) {
    write("pricewire.toml", "[http\nlisten = 1\n");
    EXPECT_TRUE(errors(input()).starts_with("pricewire.toml:1: ")) << errors(input());
    ConfigInput in = input();
    in.file = (dir_ / "nowhere.toml").string();
    EXPECT_NE(errors(in).find("nowhere.toml: cannot be read"), std::string::npos);
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
