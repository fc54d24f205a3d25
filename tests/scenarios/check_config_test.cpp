// The real program: check-config refuses what a start refuses, with the same lines, and nothing else.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "scenarios/no_venues.hpp"
#include "support/process.hpp"

namespace pricewire::test {
namespace {

using Settings = std::map<std::string, std::string>;

struct Case {
    std::string says;  // a part of what is printed
    Settings settings;
    std::string role = "serve";
};

class CheckConfig : public testing::Test {
protected:
    // `command` and its arguments, with `settings` as environment, on free ports and without the venues' servers.
    Process run(const std::vector<std::string>& command, const Settings& settings) {
        Process::Options options;
        options.command = {std::string(PRICEWIRE_BINARY_DIR) + "/pricewire"};
        options.command.insert(options.command.end(), command.begin(), command.end());
        options.env = no_venues();
        options.env["PRICEWIRE_HTTP_LISTEN"] = options.env["PRICEWIRE_HEALTH_LISTEN"] = "127.0.0.1:0";
        for (const auto& [name, value] : settings) options.env[name] = value;
        options.directory = dir_.path();
        options.output = dir_.path() / (std::to_string(++runs_) + ".log");
        return Process(options);
    }
    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
        const auto file = dir_.path() / name;
        std::ofstream(file) << text;
        chmod(file.c_str(), mode);
        return file.string();
    }

    TempDir dir_;
    int runs_ = 0;
};

const std::string master_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

TEST_F(CheckConfig, RefusesWhatAStartRefusesInTheSameWords) {
    const std::string shared = "postgresql://u:p@127.0.0.1:1/d";
    const std::string open_key = write("open.key", master_key + "\n", 0644);
    const std::string bad_key = write("bad.key", "not a key\n");
    const std::string no_certificate = write("ca.pem", "not a certificate\n");
    const Case cases[] = {
        {"expected host:port", {{"PRICEWIRE_HTTP_LISTEN", "http://127.0.0.1:8000"}}},
        {"expected an http:// or https:// URL", {{"PRICEWIRE_SOURCES_COINGECKO_REST_URL", "http://:80"}}},
        {"expected COUNT/DURATION", {{"PRICEWIRE_LIMITS_USER", "5"}}},
        {"expected networks", {{"PRICEWIRE_HTTP_TRUSTED_PROXIES", "10.0.0.0/33"}}},
        {"expected ports", {{"PRICEWIRE_DELIVERY_ALLOW_PORTS", "80,0"}}},
        {"a whole number from 1 to 100", {{"PRICEWIRE_SOURCES_BINANCE_WEIGHT", "0"}}},
        {"open or closed", {{"PRICEWIRE_USERS_REGISTRATION", "maybe"}}},
        {"different tickers", {{"PRICEWIRE_MARKET_TICKERS", "BTC,BTC"}}},
        {"PRICEWIRE_SOURCES_BINANCE_ENABLED", {{"PRICEWIRE_SOURCES_BINANCE_ENABLED", "yes"}}},
        {"every source is disabled",
         {{"PRICEWIRE_SOURCES_BINANCE_ENABLED", "false"}, {"PRICEWIRE_SOURCES_COINGECKO_ENABLED", "false"}}},
        {"must be shorter than market.aggregator_ttl (3m)",
         {{"PRICEWIRE_SOURCES_COINGECKO_POLL_INTERVAL", "10m"}}},
        {"must be shorter than market.quote_ttl (15s)",
         {{"PRICEWIRE_SOURCES_BINANCE_REST_URL", "http://127.0.0.1:1"},
          {"PRICEWIRE_SOURCES_BINANCE_POLL_INTERVAL", "30s"}}},
        {"delivery.backoff_min (10m)",
         {{"PRICEWIRE_DELIVERY_BACKOFF_MIN", "10m"}, {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "1m"}}},
        {"binance", {{"PRICEWIRE_MARKET_SYMBOLS", "binance.BTC=btc/usdt"}}},
        {"binance", {{"PRICEWIRE_MARKET_SYMBOLS", "binance.BTC=ETHUSDT"}}},
        {"coingecko",
         {{"PRICEWIRE_MARKET_TICKERS", "BTC,ETH"},
          {"PRICEWIRE_MARKET_SYMBOLS", "coingecko.BTC=bitcoin,coingecko.ETH=bitcoin"}}},
        {"security.master_key:", {{"PRICEWIRE_STORAGE_DATABASE_URL", shared}}},
        {"storage.database_url:",
         {{"PRICEWIRE_STORAGE_DATABASE_URL", "postgresql://u:p/x@h/d"},
          {"PRICEWIRE_SECURITY_MASTER_KEY", master_key}}},
        {"is a directory", {{"PRICEWIRE_STORAGE_DATABASE_URL", "sqlite:" + dir_.path().string()}}},
        {"storage.redis_url:", {{"PRICEWIRE_STORAGE_REDIS_URL", "redis://h:port"}}},
        {"storage.redis_url:", {{"PRICEWIRE_STORAGE_REDIS_URL", "rediss://h"}}},
        {"storage.rabbitmq_url:", {{"PRICEWIRE_STORAGE_RABBITMQ_URL", "amqp://h:99999"}}},
        {"storage.rabbitmq_ca_file:",
         {{"PRICEWIRE_STORAGE_RABBITMQ_URL", "amqps://127.0.0.1:1"},
          {"PRICEWIRE_STORAGE_RABBITMQ_CA_FILE", dir_.path() / "nowhere.pem"}}},
        {"is not a regular file",
         {{"PRICEWIRE_STORAGE_RABBITMQ_URL", "amqps://127.0.0.1:1"},
          {"PRICEWIRE_STORAGE_RABBITMQ_CA_FILE", "/dev/zero"}}},
        {"has no certificate",
         {{"PRICEWIRE_STORAGE_RABBITMQ_URL", "amqps://127.0.0.1:1"},
          {"PRICEWIRE_STORAGE_RABBITMQ_CA_FILE", no_certificate}}},
        {"storage.database_url: sslrootcert: /no where.pem cannot be read",
         {{"PRICEWIRE_STORAGE_DATABASE_URL", shared + "?sslmode=verify-full&sslrootcert=/no%20where.pem"},
          {"PRICEWIRE_SECURITY_MASTER_KEY", master_key}}},
        {"chmod 600", {{"PRICEWIRE_SECURITY_MASTER_KEY_FILE", open_key}}},
        {"is not a valid key", {{"PRICEWIRE_SECURITY_MASTER_KEY_FILE", bad_key}}},
        {"is not a regular file", {{"PRICEWIRE_SECURITY_MASTER_KEY_FILE", dir_.path()}}},
        {"metrics.listen: 127.0.0.1:18000 clashes with http.listen",
         {{"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:18000"}, {"PRICEWIRE_METRICS_LISTEN", "127.0.0.1:18000"}}},
        {"metrics.listen: 0.0.0.0:18000 clashes with http.listen",
         {{"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:18000"}, {"PRICEWIRE_METRICS_LISTEN", "0.0.0.0:18000"}}},
        {"storage.database_url: 'feed' runs one role", {}, "feed"},
        {"storage.redis_url: 'api' runs one role",
         {{"PRICEWIRE_STORAGE_DATABASE_URL", shared}, {"PRICEWIRE_SECURITY_MASTER_KEY", master_key}},
         "api"},
        {"security.master_key:", {{"PRICEWIRE_STORAGE_DATABASE_URL", shared}}, "sender"},
        {"clashes with health.listen",
         {{"PRICEWIRE_STORAGE_DATABASE_URL", shared},
          {"PRICEWIRE_STORAGE_REDIS_URL", "redis://127.0.0.1:1"},
          {"PRICEWIRE_HEALTH_LISTEN", "[::1]:18000"},
          {"PRICEWIRE_METRICS_LISTEN", "[::1]:18000"}},
         "checker"},
    };
    for (const Case& c : cases) {
        Process start = run({c.role}, c.settings);
        const int started = start.wait();
        Process check = run({"check-config", c.role}, c.settings);
        EXPECT_EQ(check.wait(), 2) << c.says;
        EXPECT_EQ(started, 2) << c.says << "\n" << start.output();
        EXPECT_EQ(start.output(), check.output());
        EXPECT_NE(check.output().find(c.says), std::string::npos) << c.says << "\n" << check.output();
    }
}

TEST_F(CheckConfig, AServerOpenToANetworkSaysOnceThatAnyoneMayRegister) {
    for (const bool open : {true, false}) {
        Settings settings{{"PRICEWIRE_HTTP_LISTEN", "0.0.0.0:0"}};
        if (!open) settings["PRICEWIRE_USERS_REGISTRATION"] = "closed";
        Process start = run({"serve"}, settings);
        start.wait_for_output("listening on ");
        start.signal(SIGTERM);
        EXPECT_EQ(start.wait(), 0) << start.output();
        const std::size_t said = start.output().find("set users.registration to closed");
        EXPECT_EQ(said != std::string::npos, open) << start.output();
        if (open) {
            EXPECT_EQ(start.output().find("users.registration", said + 20), std::string::npos);
        }
    }
}

TEST_F(CheckConfig, AcceptsWhatStarts) {
    const std::string key_file = write("good.key", master_key + "\n");
    const Settings cases[] = {
        {},
        {{"PRICEWIRE_SECURITY_MASTER_KEY_FILE", key_file}, {"PRICEWIRE_METRICS_LISTEN", "127.0.0.1:0"}},
        {{"PRICEWIRE_HTTP_LISTEN", "localhost:0"}, {"PRICEWIRE_MARKET_QUOTE_TTL", "1s"}},
        {{"PRICEWIRE_PORT", "tcp://10.0.0.1:8000"}, {"PRICEWIRE_USERS_REGISTRATION", "closed"}},
        {{"PRICEWIRE_MARKET_SYMBOLS", "binance.BTC=BTCUSDC"}, {"PRICEWIRE_PROT", "1"}},
    };
    const std::string database = "PRICEWIRE_STORAGE_DATABASE_URL";
    for (const Settings& settings : cases) {
        Settings own = settings;
        own[database] = "sqlite:" + (dir_.path() / (std::to_string(runs_) + ".db")).string();
        // A key file without its database would be one that was lost.
        Process migrate = run({"migrate"}, {{database, own[database]}});
        EXPECT_EQ(migrate.wait(), 0) << migrate.output();
        Process check = run({"check-config"}, own);
        EXPECT_EQ(check.wait(), 0) << check.output();
        EXPECT_EQ(check.output().find("PRICEWIRE_PROT is ignored") != std::string::npos,
                  settings.contains("PRICEWIRE_PROT"));
        Process start = run({"serve"}, own);
        start.wait_for_output("listening on ");
        start.signal(SIGTERM);
        EXPECT_EQ(start.wait(), 0) << start.output();
    }
}

}  // namespace
}  // namespace pricewire::test
