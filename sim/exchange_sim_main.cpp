#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "sim/exchange_sim.hpp"

int main(int argc, char** argv) {
    using namespace pricewire;
    sim::SimOptions options;
    options.listen = "127.0.0.1:9100";
    std::string market = "generated";
    std::string period = "30s";
    CLI::App app{
        "Plays a market in the venues' own protocols on loopback, with faults on demand. Prints the settings "
        "that\n"
        "point Pricewire here. Control while it runs: GET /_sim/status, /_sim/sources; POST "
        "/_sim/{play,pause,speed,noise,\n"
        "market,skip,price/SYMBOL[/VENUE],rate/USDT,listing/VENUE/SYMBOL,fault/DOOR[/SYMBOL]}. DOOR is "
        "VENUE.stream or VENUE.rest;\n"
        "faults: " +
        sim::fault_names()};
    app.set_version_flag("--version", PRICEWIRE_VERSION);
    app.add_option("--listen", options.listen, "host:port, port 0 picks a free one")->capture_default_str();
    app.add_option("--market", market,
                   "generated[:SEED], ramp:SYMBOL:FROM:STEP:COUNT[:INTERVAL], or files separated by commas: "
                   "*.jsonl.gz (recorded frames), SYMBOL-*.csv[.gz] (minute bars), "
                   "*.trades (each venue's own); none: the coins alone")
        ->capture_default_str();
    app.add_option("--speed", options.speed, "times the tape's own speed; 0: as fast as it is read")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--paused", options.paused, "wait for POST /_sim/play");
    app.add_flag("--wait-for-client", options.wait_for_client, "hold the tape while no stream is subscribed");
    app.add_option("--coingecko-period", period, "how often CoinGecko's figures are taken")
        ->capture_default_str();
    app.add_option(
           "--noise", options.noise_bp,
           "arbitrage: how far the venues' prices are apart, in basis points (standard deviation); with it "
           "they\ntrade as often and as late as each does, and the dollar coins move")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1000.0));
    app.add_flag("--no-coins", options.no_coins, "the dollar coins trade by the tape alone");
    app.add_option("--coins", options.coins,
                   "how many coins trade by the clock, beside the five of the market")
        ->capture_default_str()
        ->check(CLI::Range(0, 5000));
    app.add_option("--coin-trades", options.coin_trades_per_second, "per second, of all these coins together")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 1e6));
    app.add_flag("--past", options.has_past,
                 "venues tell of a time before the simulator began, which is invented");
    app.add_flag("--limits", options.enforces_limits,
                 "refuse requests that exceed a venue's limits; they are counted in any case");
    app.add_option("--seed", options.seed, "of the noise and of invented prices")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    const auto fail_with = [](const std::string& message) {
        fmt::print(stderr, "exchange-sim: {}\n", message);
        return 2;
    };
    const auto parsed_period = parse_duration(period);
    if (!parsed_period) return fail_with(parsed_period.error().message);
    options.coingecko_period = *parsed_period;
    Result<std::unique_ptr<sim::Tape>> tape = nullptr;
    if (market != "none") tape = sim::open_market(market);
    if (!tape) return fail_with(tape.error().message);
    auto simulator = sim::create_exchange_sim(options, std::move(*tape));
    if (!simulator) return fail_with(simulator.error().message);
    const std::string host = options.listen.substr(0, options.listen.rfind(':'));
    fmt::print("{}", (*simulator)->source_settings());
    fmt::print("listening on http://{}:{}\n", host, (*simulator)->port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    return 0;
}
