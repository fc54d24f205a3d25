#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ops/config_keys.hpp"
#include "ops/config_load.hpp"

namespace pricewire::ops {
namespace {

const std::filesystem::path source_dir = PRICEWIRE_SOURCE_DIR;

std::string text_of(const char* file) {
    std::ifstream in(source_dir / file);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Containers, ComposeHandsOnEverySetting) {
    const std::string compose = text_of("compose.yml");
    for (const ConfigKey& key : config_keys()) {
        // Where each process listens inside its container is the image's business.
        if (key.name == "http.listen" || key.name == "health.listen") continue;
        EXPECT_NE(compose.find("\n  " + env_name(key.name) + ":"), std::string::npos)
            << env_name(key.name) << " in .env would reach no process";
    }
}

TEST(Containers, TheExampleOfEnvIsAccepted) {
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
    const auto loaded = load_config({.flags = {}, .file = {}, .environment = {}, .directory = dir});
    std::filesystem::remove_all(dir);
    ASSERT_TRUE(loaded) << loaded.error().front();
    EXPECT_EQ(loaded->origins.at("market.tickers"), ".env: PRICEWIRE_MARKET_TICKERS");
}

TEST(Containers, ComposeMountsWhatIsThere) {
    const std::string compose = text_of("compose.yml");
    std::size_t mounts = 0;
    for (std::size_t at = 0; (at = compose.find("- ./", at)) != std::string::npos; ++at, ++mounts) {
        const std::string path = compose.substr(at + 4, compose.find(':', at) - at - 4);
        EXPECT_TRUE(std::filesystem::exists(source_dir / path)) << path;
    }
    EXPECT_EQ(mounts, 5U);
}

// Its port is open to the host, and may be to the world.
TEST(Containers, MetricsAreNotOnTheApisPort) {
    EXPECT_NE(
        text_of("compose.yml").find("PRICEWIRE_METRICS_LISTEN: ${PRICEWIRE_METRICS_LISTEN:-0.0.0.0:9464}\n"),
        std::string::npos);
    EXPECT_NE(text_of("deploy/monitoring/prometheus.yml").find("port: 9464\n"), std::string::npos);
}

TEST(Containers, TheImageSaysTheProgramsVersion) {
    EXPECT_NE(text_of("Dockerfile").find("org.opencontainers.image.version=\"" PRICEWIRE_VERSION "\""),
              std::string::npos);
}

}  // namespace
}  // namespace pricewire::ops
