#include "app/record.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <thread>

#include "app/options.hpp"
#include "app/report.hpp"
#include "app/roles.hpp"
#include "base/log.hpp"
#include "feed/feed.hpp"
#include "feed/recording.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

// Sources without a market behind them.
int record_alone(const ops::Config& config, feed::FrameTap& tap, ops::Shutdown& shutdown) {
    feed::FeedOptions options = feed_options_of(config);
    if (const auto wrong = wrong_options(options); !wrong.empty()) return report(wrong, 2);
    options.tap = &tap;
    const auto loop = net::create_event_loop();
    const auto http =
        net::create_http_client({.max_connections = 64, .user_agent = "Pricewire/" PRICEWIRE_VERSION});
    const auto feed =
        create_feed(*loop, *http, system_clock(), std::move(options), [](std::span<const Quote>) {});
    loop->post([&] { feed->start(); });
    std::thread thread([&] { loop->run(); });
    log::info("recording frames, and nothing else: no prices are published without storage.redis_url");
    shutdown.wait();
    loop->post([&] {
        feed->stop();
        loop->stop();
    });
    thread.join();
    return 0;
}

}  // namespace

int run_recording_feed(const ops::Config& config, const std::string& folder, ops::Shutdown& shutdown) {
    const auto tap = feed::record_frames({.folder = folder});
    if (!tap) return report("--record: " + tap.error().message, 2);
    fmt::print("Frames are recorded into {}\n", folder);
    std::fflush(stdout);
    const bool is_alone =
        !storage::is_shared(config.storage.database_url) && config.storage.redis_url.empty();
    if (is_alone) return record_alone(config, **tap, shutdown);
    return run_roles(config, *roles_of("feed"), shutdown, tap->get());
}

}  // namespace pricewire::app
