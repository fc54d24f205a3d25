#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "sim/receiver.hpp"

int main(int argc, char** argv) {
    using namespace pricewire;
    sim::ReceiverOptions options;
    options.listen = "127.0.0.1:9200";
    std::string mode = "ok";
    bool print = false;
    CLI::App app{
        "Receives webhooks on loopback, verifies their signatures, and misbehaves on demand.\n"
        "Control while it runs: GET /_receiver/stats[?log=1], /_receiver/bodies/ALERT; POST "
        "/_receiver/{mode,secrets}"};
    app.set_version_flag("--version", PRICEWIRE_VERSION);
    app.add_option("--listen", options.listen, "host:port, port 0 picks a free one")->capture_default_str();
    app.add_option("--secret", options.secrets, "a whsec_… secret to verify with; may be repeated");
    app.add_option(
           "--mode", mode,
           "ok, slow:500ms, fail:500, retry-after:5, fail-first:3, random-fail:20, hang, die-after:10")
        ->capture_default_str();
    app.add_option("--threads", options.threads, "threads that serve")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));
    app.add_flag("--print", print, "print every delivery");
    CLI11_PARSE(app, argc, argv);

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    const auto parsed = sim::parse_mode(mode);
    if (!parsed) {
        fmt::print(stderr, "webhook-receiver: {}\n", parsed.error().message);
        return 2;
    }
    options.mode = *parsed;
    if (print) {
        const bool verifies = !options.secrets.empty();
        options.on_delivery = [verifies](const sim::ReceivedDelivery& d) {
            fmt::print("{} webhook-id {}{}: {}\n", format_rfc3339(d.at), d.webhook_id,
                       !verifies        ? ""
                       : d.signature_ok ? " (signature verified)"
                                        : " (BAD SIGNATURE)",
                       d.body);
            std::fflush(stdout);
        };
    }
    auto receiver = sim::create_receiver(options);
    if (!receiver) {
        fmt::print(stderr, "webhook-receiver: {}\n", receiver.error().message);
        return 2;
    }
    fmt::print("listening on http://{}:{}\n", options.listen.substr(0, options.listen.rfind(':')),
               (*receiver)->port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    return 0;
}
