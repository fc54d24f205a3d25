#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "app/options.hpp"
#include "feed/venue.hpp"
#include "ops/config_load.hpp"

namespace pricewire::app {
namespace {

const std::filesystem::path source_dir = PRICEWIRE_SOURCE_DIR;

std::string text_of(const char* file) {
    std::ifstream in(source_dir / file);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Containers, ComposePassesEverySetting) {
    const std::string compose = text_of("compose.yml");
    const ops::ConfigKeys keys = config_keys();
    for (const ops::ConfigKey& key : keys.all()) {
        // The image sets where each process listens inside its container.
        if (key.name == "http.listen" || key.name == "health.listen") continue;
        EXPECT_NE(compose.find("\n  " + ops::env_name(key.name) + ":"), std::string::npos)
            << ops::env_name(key.name) << " in .env would not reach any process";
    }
}

TEST(Containers, TheExampleEnvFileIsAccepted) {
    const auto dir = std::filesystem::path(::testing::TempDir()) / "pricewire_env_example";
    std::filesystem::create_directories(dir);
    std::ifstream in(source_dir / ".env.example");
    ASSERT_TRUE(in);
    std::ofstream out(dir / ".env");
    for (std::string line; std::getline(in, line);) {
        const bool is_value = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        out << (is_value ? line.substr(1) : line) << "\n";
    }
    out.close();
    const auto loaded = ops::load_config({.directory = dir}, config_keys());
    std::filesystem::remove_all(dir);
    ASSERT_TRUE(loaded) << loaded.error().front();
    EXPECT_EQ(loaded->origins.at("market.tickers"), ".env: PRICEWIRE_MARKET_TICKERS");
}

// A row of the table of sources in docs/prices.md: title, currency, vote, and whether it is on by default.
TEST(Documentation, ListsEverySourceAsItIs) {
    const std::string prices = text_of("docs/prices.md");
    for (const feed::VenueType* venue : feed::venue_types()) {
        const Currency currency =
            venue->currency_of ? venue->currency_of(venue->symbol_of("BTC").value()) : "USD";
        const bool votes = venue->kind == SourceKind::exchange;
        const std::string row = fmt::format("\n| {} | {} | {} | {}", venue->title, currency.view(),
                                            votes ? std::to_string(venue->weight) : "–",
                                            venue->off_reason.empty() ? "on |" : "off: ");
        EXPECT_NE(prices.find(row), std::string::npos) << row;
    }
}

TEST(ConfigFile, DocumentsEveryKeyInOrderWithItsDefault) {
    const auto path = std::filesystem::path(::testing::TempDir()) / "pricewire_config_file.toml";
    std::istringstream in(text_of("config/pricewire.toml"));
    std::ofstream out(path);
    for (std::string line; std::getline(in, line);) {
        const bool is_key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        out << (is_key ? line.substr(1) : line) << "\n";
    }
    out.close();
    const ops::ConfigKeys keys = config_keys();
    const auto loaded = ops::load_config({.file = path.string(), .directory = ::testing::TempDir()}, keys);
    std::filesystem::remove(path);
    ASSERT_TRUE(loaded) << loaded.error().front();
    int last_line = 0;
    for (const ops::ConfigKey& key : keys.all()) {
        const auto origin = loaded->origins.find(key.name);  // "file:line"
        ASSERT_NE(origin, loaded->origins.end()) << key.name << " is not in config/pricewire.toml";
        const int line = std::stoi(origin->second.substr(origin->second.rfind(':') + 1));
        EXPECT_GT(line, last_line) << key.name << " is out of order";
        last_line = line;
        EXPECT_EQ(key.get(loaded->config), key.get(keys.defaults())) << key.name;
    }
}

TEST(Containers, EveryMountOfComposeExists) {
    const std::string compose = text_of("compose.yml");
    std::size_t mounts = 0;
    for (std::size_t at = 0; (at = compose.find("- ./", at)) != std::string::npos; ++at, ++mounts) {
        const std::string path = compose.substr(at + 4, compose.find(':', at) - at - 4);
        EXPECT_TRUE(std::filesystem::exists(source_dir / path)) << path;
    }
    EXPECT_EQ(mounts, 5U);
}

// The API's port is open to the host and possibly to the world.
TEST(Containers, MetricsAreNotOnTheApiPort) {
    EXPECT_NE(
        text_of("compose.yml").find("PRICEWIRE_METRICS_LISTEN: ${PRICEWIRE_METRICS_LISTEN:-0.0.0.0:9464}\n"),
        std::string::npos);
    EXPECT_NE(text_of("deploy/monitoring/prometheus.yml").find("port: 9464\n"), std::string::npos);
}

TEST(Containers, TheImageHasTheProgramVersion) {
    EXPECT_NE(text_of("Dockerfile").find("org.opencontainers.image.version=\"" PRICEWIRE_VERSION "\""),
              std::string::npos);
}

}  // namespace
}  // namespace pricewire::app
